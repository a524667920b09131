"""After the soak: memory and disks that rot, programs that die. Found by the device itself, healed or rolled back, reported."""
import hashlib
import os
import pathlib
import re
import signal

import numpy
import onnx
import pytest
from onnx import numpy_helper

from harness.process import children, program
from harness.victim import Victim
from harness.wait import wait_until

WATCH = {"watch.probe_interval_s": 1, "watch.verify_interval_s": 1, "watch.max_restarts": 2}
MAX_REGION = 1 << 30  # larger ones are the sanitizer's reserves


@pytest.fixture(scope="module")
def victim(site, leaf, tmp_path_factory):
    made = Victim(site, leaf, tmp_path_factory.mktemp("bundles"), settings=WATCH, payload=10_000)
    made.order()
    made.converges()
    yield made
    made.close()


def bias_of_last_layer(leaf: pathlib.Path) -> bytes:
    """The last constant of the model that is small enough to be kept as it is, and shifts every answer."""
    weights = [numpy_helper.to_array(t) for t in onnx.load(str(leaf / "leaf-1.0.0" / "model.onnx")).graph.initializer]
    small = [w for w in weights if w.dtype == numpy.float32 and 3 <= w.size <= 16 and numpy.count_nonzero(w) >= 3]
    return small[-1].tobytes()


def overwrite_in_memory(pid: int, pattern: bytes, junk: bytes) -> int:
    """Replaces every copy of the pattern in writable memory of another process; how many there were."""
    count = 0
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        for line in maps:
            start, end = (int(word, 16) for word in line.split()[0].split("-"))
            if not line.split()[1].startswith("rw") or end - start > MAX_REGION:
                continue
            try:
                memory.seek(start)
                data = memory.read(end - start)
            except (OSError, ValueError):
                continue
            for found in re.finditer(re.escape(pattern), data):
                memory.seek(start + found.start())
                memory.write(junk)
                count += 1
    return count


@pytest.mark.case("weights of the serving model are overwritten in memory, long after its soak", "found by its golden answers, reported as "
                  "`wrong_answer`, loaded anew, right again")
def test_wrong_weights_in_memory(victim, leaf, rusty_leaf):
    pattern = bias_of_last_layer(leaf)
    junk = numpy.full(len(pattern) // 4, -1000.0, numpy.float32)
    junk[0] = 1000.0
    victim.mark()
    assert overwrite_in_memory(victim.agent.process.pid, pattern, junk.tobytes()) > 0
    wait_until(lambda: victim.said("reason=wrong_answer .*answers wrongly after its soak"), "found", 60)
    wait_until(lambda: victim.said("loaded anew it is right again"), "healed", 60)
    assert victim.serves(rusty_leaf) == victim.version
    wait_until(lambda: (victim.slot().get("error") or {}).get("reason") == "wrong_answer", "reported", 30)


@pytest.mark.case("a byte of the previous release flips on disk", "found by its hash, reported as `corrupt`, dropped: nothing returns to it")
def test_damaged_previous_release(victim, rusty_leaf):
    previous = victim.slot()["previous"]
    file = victim.agent.state / "releases" / previous["manifest"] / "files" / f"payload-{victim.number - 1}.bin"
    flip(file)
    wait_until(lambda: "previous release was damaged" in (victim.slot().get("error") or {}).get("message", ""), "reported", 60)
    assert victim.slot()["error"]["reason"] == "corrupt"
    assert not victim.slot().get("previous")
    assert not file.exists()
    assert victim.serves(rusty_leaf) == victim.version


def flip(file: pathlib.Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    with open(file, "r+b") as out:  # in place, as a rotting disk does
        out.write(data)


@pytest.mark.case("a byte of the active release flips on disk", "found by its hash and reported; serves from memory while it is fetched again; "
                  "the disk holds the signed bytes again")
def test_damaged_active_release(victim, rusty_leaf):
    active = victim.slot()["active"]
    file = victim.agent.state / "releases" / active["manifest"] / "files" / f"payload-{victim.number}.bin"
    good = hashlib.sha256(file.read_bytes()).hexdigest()
    victim.mark()
    flip(file)
    wait_until(lambda: victim.said("active release was damaged on disk"), "found", 60)
    assert victim.serves(rusty_leaf) == victim.version
    wait_until(lambda: victim.said("update done"), "fetched again", 60)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == good
    victim.converges()


@pytest.mark.case("a supervised program that has passed its soak begins to die again and again", "restarted within its budget, then the previous "
                  "release takes over and the order is reported as `crashed`")
def test_program_that_keeps_dying(victim, tmp_path):
    sick = tmp_path / "sick"
    for version, body in (("1.0.0", "exec sleep 1000000"), ("1.1.0", f"[ -e {sick} ] && exit 3; exec sleep 1000000")):
        bundle = tmp_path / version
        bundle.mkdir()
        (bundle / "run.sh").write_text(f"#!/bin/sh\n# {version}\n{body}\n", encoding="utf-8")
        (bundle / "run.sh").chmod(0o755)
        victim.site.push(bundle, version, "daemon", "--kind", "process", "--entry", "run.sh")
        victim.site.deploy(f"daemon@{version}", "device:victim")
    before = set(children(victim.agent.process.pid))
    sick.touch()
    for pid in before:
        if program(pid) == "sleep":
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: (victim.agent.slot("daemon").get("error") or {}).get("reason") == "crashed", "given up", 60)
    wait_until(lambda: victim.agent.slot("daemon")["active"]["version"] == "1.0.0", "the previous release is back", 30)
    assert victim.agent.slot("daemon")["serving"]
