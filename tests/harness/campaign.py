"""Short runs of the long campaigns in tests/soak."""
import pathlib
import subprocess

SOAK = pathlib.Path(__file__).parents[1] / "soak"


def last_line(name: str, bin_dir: pathlib.Path, models: pathlib.Path, *options: str) -> str:
    """What the campaign printed last; its failure is the test's, with what it said."""
    done = subprocess.run(["/usr/bin/python3", SOAK / f"{name}.py", "--bin", bin_dir, "--models", models, *options],
                          capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    return done.stdout.strip().splitlines()[-1]
