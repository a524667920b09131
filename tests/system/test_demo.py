"""The demo itself, as the README promises it: it ends with `demo: ok`, and fails when a promise breaks."""
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).parents[2]


def demo(bin_dir, leaf, *more):
    return subprocess.run(["/usr/bin/python3", ROOT / "examples" / "demo" / "demo.py", "--bin", bin_dir, "--models", leaf.parent,
                           "--devices", "3", *more], capture_output=True, text=True, timeout=400)


def test_demo_ends_well(bin_dir, leaf):
    done = demo(bin_dir, leaf)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    last = re.fullmatch(r"demo: ok devices=3 bytes_full=(\d+) bytes_sent=(\d+) dropped=0 seconds=[\d.]+",
                        done.stdout.strip().splitlines()[-1])
    assert last, done.stdout[-500:]
    assert 0 < int(last[2]) < int(last[1])


def test_demo_fails_when_a_broken_release_is_good(bin_dir, leaf, tmp_path):
    import shutil

    models = tmp_path / "models"
    shutil.copytree(leaf, models / "leaf")
    shutil.copy(leaf / "leaf-1.1.0" / "model.onnx", models / "leaf" / "leaf-crash" / "model.onnx")
    done = demo(bin_dir, models / "leaf")
    assert done.returncode == 1
    assert "demo: failed" in done.stderr and "demo: ok" not in done.stdout


def test_faces_are_found_before_and_after_updates(bin_dir, leaf, samples):
    done = demo(bin_dir, leaf, "--samples", str(samples))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.stdout.count("10 faces in office_group.jpg") == 3
