"""A 1 GiB model: flat memory in the hub, and an interrupted push that resumes."""
import os
import signal
import subprocess
import time

import pytest

from harness.memory import SMALL_QUARANTINE, MemoryWatch
from harness.wait import wait_until

SIZE = 1 << 30
CHUNK = 1 << 20


def make_file(path) -> None:
    """Size without repetition, written quickly: a counter in each 4 KiB of a random megabyte."""
    block = bytearray(os.urandom(CHUNK))
    with open(path, "wb") as file:
        for number in range(SIZE // CHUNK):
            for offset in range(0, CHUNK, 4096):
                block[offset:offset + 4] = number.to_bytes(4, "little")
            file.write(block)


def stored(hub) -> int:
    return sum(f.stat().st_size for f in hub.state.rglob("*") if f.is_file() and f.stat().st_size > 0
               and "broker" not in f.parts)


def push_command(hub, model) -> list[str]:
    return [str(hub.bin / "strandline"), "push", str(model), "--package", "big", "--version", "1.0.0"]


def resumed_at(result: subprocess.CompletedProcess) -> int:
    assert result.returncode == 0, result.stderr
    assert "resumed at" in result.stderr
    return int(result.stderr.split("resumed at ", 1)[1].split()[0])


@pytest.mark.case("the hub is killed while a large file is pushed", "the push goes on from what had arrived, not from the start")
def test_push_resumes_after_the_hub_is_killed(fresh_site, tmp_path):
    hub = fresh_site().hub
    model = tmp_path / "big.onnx"
    make_file(model)
    first = subprocess.Popen(push_command(hub, model), env=hub.cli_environment(), stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    wait_until(lambda: stored(hub) > SIZE // 3, "a third has arrived", 300)
    hub.kill()
    first.kill()
    first.wait()
    hub.start()
    second = subprocess.run(push_command(hub, model), env=hub.cli_environment(), capture_output=True, text=True, timeout=600)
    assert resumed_at(second) > SIZE // 4
    assert hub.cli_json("releases", "show", "big@1.0.0:default")["size"] == SIZE


def test_interrupted_push_of_a_gibibyte_resumes_in_flat_memory(fresh_site, tmp_path):
    site = fresh_site(env=SMALL_QUARANTINE)
    model = tmp_path / "big.onnx"
    make_file(model)
    watch = MemoryWatch(site.hub)
    command = push_command(site.hub, model)
    first = subprocess.Popen(command, env=site.hub.cli_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: stored(site.hub) > SIZE // 3, "a third has arrived", 300)
    first.send_signal(signal.SIGKILL)
    first.wait()
    start = time.monotonic()
    second = subprocess.run(command, env=site.hub.cli_environment(), capture_output=True, text=True, timeout=600)
    resumed = resumed_at(second)
    assert resumed > SIZE // 4
    grown = watch.stop()
    print(f"resumed at {resumed} of {SIZE} bytes; rest and release took {time.monotonic() - start:.1f} s; "
          f"hub memory grew by {grown / 1e6:.1f} MB")
    assert grown < 64 << 20
    assert site.hub.cli_json("releases", "show", "big@1.0.0:default")["size"] == SIZE
