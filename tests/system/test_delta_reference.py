"""Deltas of the command line are read alike by the product and by the second decoder, and refused alike."""
import itertools
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "reference"))

from harness.model_pairs import model_pairs  # noqa: E402
from refusals import refused  # noqa: E402

DECODER = ROOT / "src" / "delta" / "reference" / "apply.py"


def run(*command) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def applied(folder: pathlib.Path, *command) -> tuple[subprocess.CompletedProcess, bytes | None]:
    target = folder / "made"
    target.unlink(missing_ok=True)
    done = run(*command, folder / "old", folder / "patch", target)
    return done, target.read_bytes() if done.returncode == 0 else None


def cases():
    """Each pair with one of the ways to make deltas, in turn."""
    ways = itertools.cycle(((), ("--in-place",), ("--profile", "small"), ()))
    for (name, old, new), way in zip(model_pairs(seed=1), ways):
        yield pytest.param(old, new, way, id=" ".join((name, *way)))


@pytest.mark.parametrize("old, new, way", cases())
def test_a_delta_makes_the_same_file_in_both_decoders(old, new, way, bin_dir, tmp_path):
    (tmp_path / "old").write_bytes(old)
    (tmp_path / "new").write_bytes(new)
    made = run(bin_dir / "strandline", "delta", "make", tmp_path / "old", tmp_path / "new", tmp_path / "patch", *way)
    assert made.returncode == 0, made.stderr
    for command in ((bin_dir / "strandline", "delta", "apply"), (sys.executable, DECODER)):
        done, back = applied(tmp_path, *command)
        assert done.returncode == 0, f"{command[0]}: {done.stderr}"
        assert back == new, command[0]


@pytest.mark.case("a delta of an unknown version, kind, coder or feature, out of range, damaged, or for another file is applied",
                  "the product refuses it, as the second decoder does, and leaves no new file")
def test_what_one_decoder_refuses_the_other_refuses(bin_dir, tmp_path):
    for what, old, patch in refused():
        (tmp_path / "old").write_bytes(old)
        (tmp_path / "patch").write_bytes(patch)
        done, _ = applied(tmp_path, bin_dir / "strandline", "delta", "apply")
        assert done.returncode > 0 and done.stderr, f"{what}: {done.returncode}"
        assert not (tmp_path / "made").exists(), what
