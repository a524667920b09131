"""What a process has in memory."""
import contextlib
import pathlib
import threading

# The address sanitizer keeps freed memory to catch late uses; kept small, so that growth is the program's own.
SMALL_QUARANTINE = {"ASAN_OPTIONS": "quarantine_size_mb=1:thread_local_quarantine_size_kb=64"}


def rss_bytes(pid: int) -> int:
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise LookupError("no VmRSS")


class MemoryWatch:
    """The peak of a hub's or an agent's memory from now until stop()."""

    def __init__(self, program):
        self.program = program
        self.start = self.peak = program.rss_bytes()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._end.wait(0.05):
            with contextlib.suppress(LookupError, FileNotFoundError):  # it has ended
                self.peak = max(self.peak, self.program.rss_bytes())

    def stop(self) -> int:
        """Bytes by which it grew at most."""
        self._end.set()
        self._thread.join()
        return max(self.peak, self.program.rss_bytes()) - self.start
