"""A 1 GiB model: flat memory in the hub, and an interrupted push that resumes."""
import os
import signal
import subprocess
import time

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


def test_interrupted_push_of_a_gibibyte_resumes_in_flat_memory(fresh_site, tmp_path):
    site = fresh_site(env=SMALL_QUARANTINE)
    model = tmp_path / "big.onnx"
    make_file(model)
    watch = MemoryWatch(site.hub)
    command = [str(site.hub.bin / "strandline"), "push", str(model), "--package", "big", "--version", "1.0.0"]
    first = subprocess.Popen(command, env=site.hub.cli_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stored() -> int:
        return sum(f.stat().st_size for f in site.hub.state.rglob("*") if f.is_file() and f.stat().st_size > 0
                   and "broker" not in f.parts)

    wait_until(lambda: stored() > SIZE // 3, "a third has arrived", 300)
    first.send_signal(signal.SIGKILL)
    first.wait()
    start = time.monotonic()
    second = subprocess.run(command, env=site.hub.cli_environment(), capture_output=True, text=True, timeout=600)
    assert second.returncode == 0, second.stderr
    assert "resumed at" in second.stderr
    resumed = int(second.stderr.split("resumed at ", 1)[1].split()[0])
    assert resumed > SIZE // 4
    grown = watch.stop()
    print(f"resumed at {resumed} of {SIZE} bytes; rest and release took {time.monotonic() - start:.1f} s; "
          f"hub memory grew by {grown / 1e6:.1f} MB")
    assert grown < 64 << 20
    assert site.hub.cli_json("releases", "show", "big@1.0.0:default")["size"] == SIZE
