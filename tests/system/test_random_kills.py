"""A short run of the campaign in tests/soak: SIGKILL at random while releases roll out."""
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).parents[2]


def test_nothing_accepted_is_lost(bin_dir, leaf):
    done = subprocess.run(["/usr/bin/python3", ROOT / "tests" / "soak" / "random_kills.py", "--bin", bin_dir, "--models",
                           leaf.parent, "--kills", "12", "--devices", "4", "--releases", "3"],
                          capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert re.fullmatch(r"kills: ok kills=12 devices=4 releases=4 inferences=[1-9]\d* seed=\d+ seconds=\d+",
                        done.stdout.strip().splitlines()[-1]), done.stdout[-500:]
