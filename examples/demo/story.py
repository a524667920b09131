"""How the demo talks: a timeline with seconds, and a table."""
import sys
import time


class Story:
    def __init__(self):
        self.start = time.monotonic()
        self.colour = sys.stdout.isatty()

    def seconds(self) -> float:
        return time.monotonic() - self.start

    def _paint(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self.colour else text

    def chapter(self, text: str) -> None:
        print(f"\n{self._paint('2', f'{self.seconds():6.1f} s')}  {self._paint('1', text)}", flush=True)

    def line(self, text: str) -> None:
        print(f"          {text}", flush=True)

    def good(self, text: str) -> None:
        self.line(self._paint("32", "✓ ") + text)


def table(heading, rows) -> str:
    cells = [list(map(str, heading)), *[list(map(str, row)) for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heading))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def kilobytes(count: int) -> str:
    return f"{count / 1000:.1f} kB"
