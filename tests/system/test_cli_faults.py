"""The command line and servers that are silent or answer in other ways."""
import threading

import pytest

from harness.scripted_hub import ScriptedHub, error


@pytest.mark.case("the hub takes a `watch --for` and does not answer", "the command fails when its time is over")
def test_a_watch_of_a_silent_hub_fails(bin_dir, tmp_path):
    over = threading.Event()
    with ScriptedHub(bin_dir, tmp_path, lambda _request: over.wait(60) and None) as hub:
        done = hub.cli("watch", "--for", "1")
        over.set()
    assert done.returncode == 8, done


def test_a_watch_that_is_refused_fails(bin_dir, tmp_path):
    with ScriptedHub(bin_dir, tmp_path, lambda _request: error(504, "timeout")) as hub:
        assert hub.cli("watch", "--for", "1").returncode == 8
