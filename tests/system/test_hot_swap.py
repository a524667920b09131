"""Swapping under load: no request fails while the model is exchanged again and again."""
import threading

from harness.leaf import LEAF_SHAPE
from harness.oip import InferenceError, OipClient

SWITCHES = 50
CLIENTS = 4


def test_no_request_fails_during_fifty_switches(site, leaf, rusty_leaf):
    agent = site.agent("swapper")
    site.push(leaf / "leaf-1.0.0", "1.0.0")
    site.push(leaf / "leaf-1.1.0", "1.1.0")
    site.deploy("leaf@1.0.0", "device:swapper")
    end = threading.Event()
    answers = [0] * CLIENTS
    versions: set[str] = set()
    failures: list[str] = []

    def ask(index: int) -> None:
        client = OipClient(agent.serve_url)
        while not end.is_set():
            try:
                version, _ = client.infer("leaf", "image", LEAF_SHAPE, rusty_leaf)
                versions.add(version)
                answers[index] += 1
            except (OSError, InferenceError, ValueError) as error:
                failures.append(repr(error))
                client = OipClient(agent.serve_url)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        for number in range(SWITCHES):
            version = ("1.1.0", "1.0.0")[number % 2]
            done = site.deploy(f"leaf@{version}", "device:swapper", soak_ms=1)
            assert done["state"] == "succeeded", done
    finally:
        end.set()
        for thread in threads:
            thread.join(60)
    print(f"{sum(answers)} inferences during {SWITCHES} switches, {len(failures)} failed")
    assert failures == []
    assert min(answers) > SWITCHES
    assert versions == {"1.0.0", "1.1.0"}
