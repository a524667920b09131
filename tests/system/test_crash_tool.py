"""The tool behind the crash points itself: what it counts, and what it leaves of a folder."""
import sys

import pytest

from harness.process import Process

STOPPED = 99
# Replaces a file the careful way, then another the careless way.
PROGRAM = """
import os, sys
root = sys.argv[1]
def write(name, text, sync):
    file = os.open(os.path.join(root, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(file, text)
    if sync: os.fsync(file)
    os.close(file)
def sync_folder():
    folder = os.open(root, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
write("new", b"careful", True)
os.rename(os.path.join(root, "new"), os.path.join(root, "careful"))
sync_folder()
write("other", b"careless", False)
os.rename(os.path.join(root, "other"), os.path.join(root, "careless"))
os.unlink(os.path.join(root, "careful"))
os.unlink(os.path.join(root, "old"))
print("done")
"""
CALLS = ["open new (new)#1", "write new#1", "fsync new#1", "rename new -> careful#1", "fsync .#1", "open other (new)#1",
         "write other#1", "rename other -> careless#1", "unlink careful#1", "unlink old#1"]


@pytest.fixture
def tool(bin_dir, tmp_path):
    """run(*options) -> (exit code, output, {file: content} left)"""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    root = tmp_path / "root"

    def run(*options, program_file=program):
        root.mkdir(exist_ok=True)
        for file in root.iterdir():
            file.unlink()
        (root / "old").write_bytes(b"was there")
        process = Process([bin_dir / "crashpoint", "--root", root, *options, "--", sys.executable, program_file, root],
                          tmp_path / "log")
        code = process.child.wait(60)
        return code, process.output(), {file.name: file.read_bytes() for file in root.iterdir()}

    return run


def test_each_change_is_counted_once(tool, tmp_path):
    code, output, left = tool("--trace", tmp_path / "trace")
    assert code == 0 and "done" in output
    assert left == {"careless": b"careless"}
    assert (tmp_path / "trace").read_text(encoding="utf-8").splitlines() == CALLS


@pytest.mark.parametrize(("action", "left"), [
    ("before", {"careful": b"careful", "careless": b"careless", "old": b"was there"}),
    ("after", {"careless": b"careless", "old": b"was there"}),
])
def test_a_kill_leaves_what_was_done(tool, action, left):
    assert tool("--do", action, "--at", "unlink careful#1")[::2] == (STOPPED, left)
    assert tool("--do", action, "--at", "9")[::2] == (STOPPED, left)


@pytest.mark.parametrize(("action", "at", "left"), [
    # Nothing is durable before the folder is synced, not even the name of a synced file.
    ("cut", "fsync .#1", {"old": b"was there"}),
    ("cut", "open other (new)#1", {"careful": b"careful", "old": b"was there"}),
    # Unsynced changes of names are undone, a removal too.
    ("cut", "unlink old#1", {"careful": b"careful", "old": b"was there"}),
    # The names are there and the bytes are not: what a rename without fsync may leave.
    ("cut-data", "unlink careful#1", {"careful": b"careful", "careless": b"", "old": b"was there"}),
    ("cut-data", "write new#1", {"new": b"", "old": b"was there"}),
])
def test_a_power_cut_takes_what_was_not_synced(tool, action, at, left):
    assert tool("--do", action, "--at", at)[::2] == (STOPPED, left)


def test_overwriting_falls_back_to_the_synced_bytes(tool, tmp_path):
    program = tmp_path / "overwrite.py"
    program.write_text("import os, sys\nfile = os.open(sys.argv[1] + '/old', os.O_RDWR)\nos.write(file, b'WAS')\n"
                       "os.fsync(file)\nos.write(file, b'-HERE-AND-MORE')\nos.ftruncate(file, 1)\n", encoding="utf-8")
    code, _, left = tool("--do", "cut", "--at", "truncate old#1", program_file=program)
    assert (code, left) == (STOPPED, {"old": b"WAS there"})


@pytest.mark.parametrize(("error", "text"), [("ENOSPC", "No space left"), ("EIO", "Input/output error"),
                                             ("EROFS", "Read-only file system")])
def test_a_call_fails_as_told(tool, error, text):
    code, output, left = tool("--do", "fail", "--error", error, "--at", "write other#1")
    assert code == 1 and text in output
    assert left == {"careful": b"careful", "old": b"was there", "other": b""}


def test_a_full_disk_stays_full_and_still_removes(tool, tmp_path):
    program = tmp_path / "full.py"
    program.write_text("import os, sys\nos.chdir(sys.argv[1])\nfailed = 0\n"
                       "for step in (lambda: open('a', 'w'), lambda: os.mkdir('b'), lambda: os.link('old', 'c')):\n"
                       "    try: step()\n    except OSError as e: failed += e.errno == 28\n"
                       "os.unlink('old')\nprint('failed', failed)\n", encoding="utf-8")
    code, output, left = tool("--do", "fail", "--error", "ENOSPC", "--lasting", "--at", "1", program_file=program)
    assert code == 0 and "failed 3" in output and left == {}


def test_a_transfer_is_cut_short(tool):
    code, _, left = tool("--do", "short", "--at", "write other#1")
    assert code == 0 and left["careless"] == b"care"


def test_children_count_only_when_asked(tool, tmp_path):
    program = tmp_path / "parent.py"
    program.write_text("import subprocess, sys\nsubprocess.run(['touch', sys.argv[1] + '/by-child'], check=True)\n",
                       encoding="utf-8")
    trace = tmp_path / "trace"
    assert tool("--trace", trace, program_file=program)[0] == 0
    assert trace.read_text(encoding="utf-8") == ""
    assert tool("--trace", trace, "--children", program_file=program)[0] == 0
    assert trace.read_text(encoding="utf-8") == "open by-child (new)#1\n"


def test_bad_options_are_named(tool):
    code, output, _ = tool("--do", "before")
    assert code == 98 and "--do and --at belong together" in output
    code, output, _ = tool("--do", "fail", "--at", "1")
    assert code == 98 and "--error goes with --do fail" in output
