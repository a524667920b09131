#!/usr/bin/env python3
"""Makes docs/robustness/cases.md, the table of what was done to the system and what must happen, from the tests.

usage: cases.py [--check] [FOLDER]      (FOLDER holds the tests; default: tests)

A row is a test marked @pytest.mark.case("what is done", "what must happen"), with all its variants; a section is a
test file, named by the first line of its docstring. --check writes nothing and fails when the file is not what the tests say.
"""
import contextlib
import difflib
import io
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs" / "robustness" / "cases.md"
HEAD = """# Robustness cases

Made by `scripts/cases.py` from the tests themselves; the lint step compares. Each row is a test that runs the real
programs, does the harm on the left, and fails unless what stands on the right happens.
"""


class Collector:
    """Keeps the marked tests of a pytest collection, in its order."""

    def __init__(self):
        # file -> (done, must, function) -> names of the tests that do it
        self.sections: dict[str, dict[tuple[str, str, str], list[str]]] = {}
        self.titles: dict[str, str] = {}
        self.errors: list[str] = []

    def pytest_collectreport(self, report):
        if report.failed:
            self.errors.append(report.longreprtext)

    def pytest_collection_finish(self, session):
        for item in session.items:
            mark = item.get_closest_marker("case")
            if mark is None:
                continue
            file = pathlib.Path(item.path).relative_to(session.config.rootpath).as_posix()
            self.titles[file] = ((item.module.__doc__ or "").strip().splitlines() or [file])[0].rstrip(".")
            key = (*mark.args, item.originalname)
            self.sections.setdefault(file, {}).setdefault(key, []).append(item.name)


def collect(folder: pathlib.Path) -> Collector:
    found = Collector()
    noise = io.StringIO()
    with contextlib.redirect_stdout(noise), contextlib.redirect_stderr(noise):
        code = pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder.parent),
                            str(folder)], plugins=[found])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        sys.exit(f"cases: the tests cannot be collected:\n{noise.getvalue()}")
    return found


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def shown(function: str, names: list[str]) -> str:
    """One test by its name; the variants of one case by their number."""
    return f"`{cell(names[0])}`" if len(names) == 1 else f"`{function}` ({len(names)} variants)"


def render(found: Collector) -> str:
    lines = [HEAD.rstrip("\n")]  # no total: it would conflict in every merge
    for file in sorted(found.sections):
        lines += ["", f"## {found.titles[file]}", "", f"`{file}`", "", "| what is done | what must happen | test |",
                  "|---|---|---|"]
        lines += [f"| {cell(done)} | {cell(must)} | {shown(function, names)} |"
                  for (done, must, function), names in found.sections[file].items()]
    return "\n".join(lines) + "\n"


def main() -> int:
    words = [word for word in sys.argv[1:] if word != "--check"]
    if any(word.startswith("-") for word in words) or len(words) > 1:
        print(__doc__)
        return 2
    folder = pathlib.Path(words[0]).resolve() if words else ROOT / "tests"
    table = TABLE if folder == ROOT / "tests" else folder / "cases.md"
    text = render(collect(folder))
    if "--check" not in sys.argv:
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text(text, encoding="utf-8")
        return 0
    there = table.read_text(encoding="utf-8") if table.exists() else ""
    if there == text:
        print(f"cases: ok cases={text.count('| `test_')}")
        return 0
    print("".join(difflib.unified_diff(there.splitlines(True), text.splitlines(True), "docs", "tests", n=0)))
    print(f"cases: {table} is not what the tests say; run scripts/cases.py")
    return 1


if __name__ == "__main__":
    sys.exit(main())
