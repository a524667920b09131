#!/usr/bin/env python3
"""Flag what GCC 12 miscompiles inside a co_await statement, and functions of the wrong shape.

GCC 12.2 destroys twice the brace-initialised aggregate temporaries and the closures with captures
that appear in the full expression of a co_await. Name them first, then move them in.

usage: check_coroutines.py [SOURCE_DIR]
"""
import pathlib
import re
import sys

STRINGS = re.compile(r'R"\((?:.|\n)*?\)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'')
COMMENTS = re.compile(r"//[^\n]*|/\*(?:.|\n)*?\*/")
CLOSURE = re.compile(r"(?:[(,=]|return)\s*\[[^\]\s][^\]]*\]\s*(?:\(|\{|mutable)")
AGGREGATE = re.compile(r"(?:[A-Za-z_>)]|[(,])\s*\{")


def blank(match: re.Match) -> str:
    return re.sub(r"[^\n]", " ", match.group(0))


def statements_with_await(text: str):
    """Yields (offset, statement) for each statement that awaits."""
    for match in re.finditer(r"\bco_await\b", text):
        start = max(text.rfind(mark, 0, match.start()) for mark in (";", "{\n", "}\n", ":\n")) + 1
        depth = 0
        end = match.end()
        while end < len(text):
            c = text[end]
            if c in "([{":
                depth += 1
            elif c in ")]}":
                if depth == 0:
                    break
                depth -= 1
            elif c == ";" and depth == 0:
                break
            end += 1
        yield match.start(), text[start:end], text[match.start():end]


def check_file(path: pathlib.Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    text = STRINGS.sub(lambda m: '"' + re.sub(r"[^\n]", "_", m.group(0))[1:-1] + '"', text)
    text = COMMENTS.sub(blank, text)
    problems = []
    for offset, _, awaited in statements_with_await(text):
        line = text.count("\n", 0, offset) + 1
        if CLOSURE.search(awaited):
            problems.append(f"{path}:{line}: closure with captures inside a co_await statement (GCC 12)")
        elif AGGREGATE.search(awaited.replace("{}", "")):
            problems.append(f"{path}:{line}: braced temporary inside a co_await statement (GCC 12)")
    return problems


def main() -> int:
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2] / "src"
    problems = []
    for file in sorted(root.rglob("*")):
        if file.suffix in (".h", ".cpp"):
            problems += check_file(file)
    print("\n".join(problems) if problems else "coroutines: ok")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
