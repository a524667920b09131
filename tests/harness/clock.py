"""A wall clock of their own for processes, which a test can move: libfaketime (Debian package faketime)."""
import os
import pathlib


def find_library() -> pathlib.Path | None:
    """The variant for programs with threads."""
    return next(iter(sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


class MovedClock:
    """Durations stay right; only the time of day is moved, for every process with the environment."""

    def __init__(self, file: pathlib.Path):
        self.file = file
        self.right()

    def environment(self) -> dict:
        # Only this library is preloaded, since children such as the broker get it too; AddressSanitizer would rather
        # be the first.
        sanitizer = "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")
        return {"LD_PRELOAD": str(find_library()), "FAKETIME_TIMESTAMP_FILE": str(self.file), "ASAN_OPTIONS": sanitizer,
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_NO_CACHE": "1", "TZ": "UTC"}

    def to(self, moment: str) -> None:
        """Each process goes on from `moment`, such as 1970-01-01 00:00:10."""
        self._write(f"@{moment}")

    def by(self, offset: str) -> None:
        """Ahead or behind by that much, such as +400d."""
        self._write(offset)

    def right(self) -> None:
        self._write("+0")

    def _write(self, text: str) -> None:
        # By rename, because the process reads it at any moment.
        new = self.file.with_suffix(".new")
        new.write_text(text + "\n", encoding="utf-8")
        new.replace(self.file)
