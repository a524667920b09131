"""A service manager's end of sd_notify(3)."""
import pathlib
import socket
import time


class NotifySocket:
    """`env` goes to the program; `expect` waits for a message that starts with a text."""

    def __init__(self, path: pathlib.Path, watchdog_ms: int = 0):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.env = {"NOTIFY_SOCKET": str(path)}
        if watchdog_ms:
            self.env["WATCHDOG_USEC"] = str(watchdog_ms * 1000)
        self.seen: list[str] = []

    def expect(self, text: str, seconds: float = 30) -> str:
        deadline = time.monotonic() + seconds
        while True:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                message = self.socket.recv(4096).decode()
            except TimeoutError:
                raise TimeoutError(f"no {text!r} among {self.seen}") from None
            self.seen.append(message)
            if message.startswith(text):
                return message

    def close(self) -> None:
        self.socket.close()
