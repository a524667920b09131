#!/usr/bin/env python3
"""Agent and hub, stopped at every one of their changes to disk: see tests/crash/README.md."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from crash.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
