"""Clients that infer without pause, and count what goes wrong."""
import collections
import threading

from harness.oip import InferenceError, OipClient


class Load:
    """One thread per device asks its model again and again until stop()."""

    def __init__(self, urls: dict[str, str], model: str, name: str, shape, data: bytes):
        self.answers: collections.Counter = collections.Counter()
        self.failures: dict[str, list[str]] = {device: [] for device in urls}
        self.versions: dict[str, set[str]] = {device: set() for device in urls}
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(device, url, model, name, shape, data), daemon=True)
                         for device, url in urls.items()]
        for thread in self._threads:
            thread.start()

    def _run(self, device: str, url: str, model: str, name: str, shape, data: bytes) -> None:
        client = OipClient(url)
        # A pause between requests leaves the two cores of a small machine to the update itself.
        while not self._end.wait(0.02):
            try:
                version, _ = client.infer(model, name, shape, data)
                self.answers[device] += 1
                self.versions[device].add(version)
            except (OSError, InferenceError, ValueError) as error:
                self.failures[device].append(str(error))
                client.close()
                client = OipClient(url)
        client.close()

    def stop(self) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(60)

    @property
    def dropped(self) -> int:
        return sum(len(failures) for failures in self.failures.values())
