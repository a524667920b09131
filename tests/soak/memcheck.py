#!/usr/bin/env python3
"""An agent lives through two whole updates, a delta among them, under Valgrind's memcheck, its self-tests included.

The last line: `memcheck: ok processes=N updates=2 errors=0 lost_bytes=0 seconds=N`.
"""
import argparse
import pathlib
import re
import shutil
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from harness.leaf import LEAF_SHAPE  # noqa: E402
from harness.site import Site  # noqa: E402

SLOW = {"self_test.memory_bytes": 1 << 40, "transfer.idle_timeout_ms": 120_000, "hub.broker_timeout_ms": 120_000,
        "transfer.low_speed_bytes_per_second": 0}


def wrap(bin_dir: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """A folder of the programs whose agent runs under Valgrind; logs go to the folder `logs` in it."""
    wrapped = folder / "bin"
    (wrapped / "logs").mkdir(parents=True)
    for program in ("strandlined", "strandline"):
        (wrapped / program).symlink_to(bin_dir / program)
    agent = wrapped / "strandline-agent"
    agent.write_text("#!/bin/sh\nexec valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite --trace-children=yes "
                     f"--child-silent-after-fork=yes --log-file={wrapped}/logs/%p --suppressions={ROOT}/tests/soak/memcheck.supp "
                     f"{bin_dir}/strandline-agent \"$@\"\n", encoding="utf-8")
    agent.chmod(0o755)
    return wrapped


def update(site: Site, leaf: pathlib.Path, version: str, agent, image: bytes) -> None:
    site.push(leaf / f"leaf-{version}", version)
    ended = site.deploy(f"leaf@{version}", f"device:{agent.name}", timeout_s=600, more=("--self-test-timeout", 300_000))
    assert ended["state"] == "succeeded", ended
    served, _ = agent.client().infer("leaf", "image", LEAF_SHAPE, image)
    assert served == version, served


def run(options) -> str:
    start = time.monotonic()
    leaf = options.models / "leaf"
    image = (leaf / "leaf-1.1.0" / "golden" / "rust.bin").read_bytes()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        wrapped = wrap(options.bin.resolve(), folder)
        site = Site(wrapped, folder / "site")
        try:
            agent = site.agent("careful", SLOW)
            for version in ("1.0.0", "1.1.0"):
                update(site, leaf, version, agent, image)
                print(f"{version} serves after {time.monotonic() - start:.0f} s", flush=True)
        finally:
            site.close()
        logs = [log.read_text(encoding="utf-8", errors="replace") for log in sorted((wrapped / "logs").iterdir())]
        found = "".join(logs)
        errors = len(re.findall(r"(?m)^==\d+== [A-Z]", found))
        lost = sum(int(count.replace(",", "")) for count in re.findall(r"== ([\d,]+)(?: \([^)]*\))? bytes in \S+ blocks are definitely lost", found))
        if errors or lost:
            raise RuntimeError(f"{errors} findings, {lost} bytes lost\n{found[-6000:]}")
        return f"memcheck: ok processes={len(logs)} updates=2 errors={errors} lost_bytes={lost} seconds={time.monotonic() - start:.0f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "release" / "bin")
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / "build" / "models")
    options = parser.parse_args()
    if not shutil.which("valgrind"):
        print("memcheck: valgrind is missing; install the package valgrind")
        return 1
    try:
        print(run(options))
    except (AssertionError, TimeoutError, RuntimeError) as broken:
        print(f"memcheck: failed: {broken}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
