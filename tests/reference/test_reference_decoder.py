"""The decoder in plain Python reads every golden delta, and refuses what it must, with a reason."""
import pathlib
import subprocess
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1])]

from refusals import GOLDEN, golden, goldens, refused  # noqa: E402

DECODER = pathlib.Path(__file__).parents[2] / "src" / "delta" / "reference" / "apply.py"
MOST_LINES = 700


def apply(*paths) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, DECODER, *paths], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("name", goldens())
def test_every_golden_delta_is_read(name, tmp_path):
    done = apply(GOLDEN / f"{name}.old", GOLDEN / f"{name}.sld", tmp_path / "new")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "new").read_bytes() == golden(name)[2]


@pytest.mark.parametrize("what, old, patch", [pytest.param(*case, id=case[0]) for case in refused()])
def test_what_is_not_right_is_refused(what, old, patch, tmp_path):
    (tmp_path / "old").write_bytes(old)
    (tmp_path / "patch").write_bytes(patch)
    done = apply(tmp_path / "old", tmp_path / "patch", tmp_path / "new")
    assert done.returncode == 1, f"{what}: read"
    assert done.stderr.startswith("apply: ") and len(done.stderr.splitlines()) == 1, done.stderr


def test_wrong_use_is_told():
    assert "usage: apply.py OLD PATCH NEW" in apply("only-one").stderr
    assert apply("/nowhere/old", "/nowhere/patch", "/nowhere/new").returncode == 1


def code_lines(text: str) -> int:
    """Lines that are neither empty, nor comments, nor docstrings."""
    lines, in_text = 0, False
    for line in map(str.strip, text.splitlines()):
        if in_text or line.startswith('"""'):
            in_text = in_text != (line.count('"""') == 1)
        elif line and not line.startswith("#"):
            lines += 1
    return lines


def test_it_stays_small():
    files = list(DECODER.parent.glob("*.py"))
    assert sum(code_lines(file.read_text(encoding="utf-8")) for file in files) <= MOST_LINES
    assert all(len(file.read_text(encoding="utf-8").splitlines()) < 400 for file in files)
