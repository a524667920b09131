"""Waiting on conditions, with a deadline."""
import time
from typing import Callable, TypeVar

T = TypeVar("T")
POLL_S = 0.05


def wait_until(condition: Callable[[], T], what: str, seconds: float = 30) -> T:
    """The first true value of `condition`; TimeoutError naming `what` and the last value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not so after {seconds} s (last: {value!r})")
        time.sleep(POLL_S)
