#!/usr/bin/env python3
"""Check the size of source files: none above 600 lines (tests 800), median at most 150.

usage: check_sizes.py [SOURCE_DIR]
"""
import pathlib
import statistics
import sys

HARD_LIMIT = 600
TEST_LIMIT = 800
MEDIAN_LIMIT = 150


def main() -> int:
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2] / "src"
    problems = []
    sizes = []
    for file in sorted(root.rglob("*")):
        if file.suffix not in (".h", ".cpp"):
            continue
        lines = len(file.read_text(encoding="utf-8").splitlines())
        is_test = file.stem.endswith(("_test", "_bench"))
        if not is_test:
            sizes.append(lines)
        limit = TEST_LIMIT if is_test else HARD_LIMIT
        if lines > limit:
            problems.append(f"{file}: {lines} lines, at most {limit}")
    median = statistics.median(sizes)
    if median > MEDIAN_LIMIT:
        problems.append(f"median source file has {median} lines, at most {MEDIAN_LIMIT}")
    print("\n".join(problems) if problems else f"sizes: ok files={len(sizes)} median={median:.0f} max={max(sizes)}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
