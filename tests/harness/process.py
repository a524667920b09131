"""One child process, its log file, and its end."""
import contextlib
import os
import pathlib
import signal
import subprocess
import time


def children(pid: int) -> list[int]:
    """Process ids of the children of all threads of a process; threads may end meanwhile."""
    found = set()
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found.update(map(int, task.read_text(encoding="utf-8").split()))
    return sorted(found)


def program(pid: int) -> str:
    """Name of the program that a process runs; empty when it has ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    return ""


class Process:
    """Starts a program with its output in a file; ends it for sure."""

    def __init__(self, arguments, log: pathlib.Path, env=None):
        self.log = log
        self._file = open(log, "ab")  # noqa: SIM115  (lives as long as the process)
        self._start = self._file.tell()
        self.child = subprocess.Popen([str(a) for a in arguments], stdout=self._file, stderr=self._file,
                                      stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})

    @property
    def pid(self) -> int:
        return self.child.pid

    def running(self) -> bool:
        return self.child.poll() is None

    def output(self) -> str:
        """What this run has written."""
        with open(self.log, "rb") as file:
            file.seek(self._start)
            return file.read().decode(errors="replace")

    def line_with(self, text: str, seconds: float = 60) -> str:
        """The first whole line of this run that contains `text`."""
        deadline = time.monotonic() + seconds
        while True:
            for line in self.output().splitlines(keepends=True):
                if text in line and line.endswith("\n"):
                    return line.strip()
            if not self.running():
                raise RuntimeError(f"the process ended with {self.child.returncode}:\n{self.output()[-4000:]}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"no line with {text!r} in:\n{self.output()[-4000:]}")
            time.sleep(0.02)

    def wait(self, seconds: float = 60) -> int:
        """Its exit code; TimeoutError when it still runs."""
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"still running after {seconds} s:\n{self.output()[-4000:]}") from None

    def signal(self, number: int) -> None:
        self.child.send_signal(number)

    def stop(self, seconds: float = 20) -> int:
        """SIGTERM, then SIGKILL after the deadline; the exit code."""
        if self.running():
            self.child.terminate()
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
                raise TimeoutError(f"still running {seconds} s after SIGTERM:\n{self.output()[-4000:]}") from None
        self._file.close()
        return self.child.returncode

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self.running():
            self.child.send_signal(signal.SIGKILL)
        self.child.wait()
        self._file.close()
