#!/usr/bin/env python3
"""Makes the golden state folders: what programs of one state format leave on disk.

usage: make_state.py --bin FOLDER --format N

Writes hub-format-N.tar.gz and agent-format-N.tar.gz beside this file. Run it with the last programs of a format before
that format changes; test_upgrade.py then proves that later programs take such folders over. The keys inside are for
this test alone.
"""
import argparse
import pathlib
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from harness.agent import Agent  # noqa: E402
from harness.hub import Hub  # noqa: E402

PROGRAM = "#!/bin/sh\nexec sleep 100000\n"


def pack(state: pathlib.Path, target: pathlib.Path) -> None:
    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    with tarfile.open(target, "w:gz") as archive:
        archive.add(state, "state", filter=plain)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--format", type=int, required=True)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        hub = Hub(wanted.bin.resolve(), root / "hub").start()
        agent = Agent(hub, "edge-1", {"self_test.process_settle_ms": 100}).enroll().start()
        bundle = root / "bundle"
        bundle.mkdir()
        (bundle / "run.sh").write_text(PROGRAM, encoding="utf-8")
        (bundle / "run.sh").chmod(0o755)
        hub.cli("push", bundle, "--package", "keeper", "--version", "1.0.0", "--kind", "process", "--entry", "run.sh")
        hub.cli("deploy", "keeper@1.0.0", "--to", "all", "--soak", "100", "--wait", "--timeout", "60")
        agent.stop()
        hub.stop()
        pack(hub.state, HERE / f"hub-format-{wanted.format}.tar.gz")
        pack(agent.state, HERE / f"agent-format-{wanted.format}.tar.gz")
        (HERE / f"hub-format-{wanted.format}.token").write_text(hub.token + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
