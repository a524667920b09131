"""What `deploy --wait` and `rollback --wait` make of a hub that is away, and of many devices."""
import json

import pytest

from harness.scripted_hub import Answer, ScriptedHub, error


def row(device: str, state: str = "active") -> dict:
    return {"device": device, "state": state, "stage": "", "progress": 1, "reason": "wrong_answer" if state == "refused" else "",
            "message": "", "version": "1.0.0", "bytes_received": 1, "bytes_full": 2, "duration_ms": 3}


def deployment(name: str, state: str = "succeeded", devices=(), following=None) -> dict:
    return {"id": name, "package": "p", "version": "1.0.0", "variant": "default", "slot": "p", "state": state,
            "totals": {"active": len(devices), "devices": len(devices), "bytes_full": 2, "bytes_received": 1},
            "devices": list(devices), "next": following}


@pytest.fixture
def scripted(bin_dir, tmp_path):
    """scripted(answer) -> ScriptedHub."""
    hubs: list[ScriptedHub] = []

    def make(answer):
        hubs.append(ScriptedHub(bin_dir, tmp_path, answer).__enter__())
        return hubs[-1]

    yield make
    for hub in hubs:
        hub.__exit__()


def deploy(hub: ScriptedHub, *more):
    return hub.cli("-o", "json", "deploy", "p@1.0.0", "--to", "all", "--wait", *more)


@pytest.mark.case("the hub restarts while `deploy --wait` follows a deployment", "it is asked again until the deadline")
def test_a_hub_that_is_away_for_a_while(scripted):
    polls = [error(503, "unavailable", Retry_After=1), None, error(429, "exhausted"),
             Answer(200, deployment("d-1", "running")), Answer(200, deployment("d-1"))]
    hub = scripted(lambda r: Answer(201, deployment("d-1", "running")) if r.method == "POST" else polls.pop(0))
    done = deploy(hub)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "succeeded" and not polls


@pytest.mark.case("the hub does not come back while `deploy --wait` follows a deployment",
                  "it ends at the deadline and says where the deployment can be followed")
def test_a_hub_that_stays_away(scripted):
    hub = scripted(lambda r: Answer(201, deployment("d-1", "running")) if r.method == "POST" else error(503, "unavailable"))
    done = deploy(hub, "--timeout", "1")
    assert done.returncode == 8 and "strandline status d-1" in done.stderr
    assert hub.count("GET") > 1


def test_what_cannot_be_asked_is_not_asked_again(scripted):
    hub = scripted(lambda r: Answer(201, deployment("d-1", "running")) if r.method == "POST" else error(403, "forbidden"))
    assert deploy(hub).returncode == 4
    assert hub.count("GET") == 1


def test_devices_beyond_the_first_page_count(scripted):
    def answer(request):
        if request.method == "POST":
            return Answer(201, deployment("d-1", "running"))
        if "cursor=c%2F1" in request.path:
            return Answer(200, deployment("d-1", "failed", [row("b", "refused")]))
        return Answer(200, deployment("d-1", "failed", [row("a")], "c/1"))

    hub = scripted(answer)
    done = deploy(hub)
    assert done.returncode == 6 and "b refused it: wrong_answer" in done.stderr
    for output in (done.stdout, hub.cli("-o", "json", "status", "d-1").stdout):
        shown = json.loads(output)
        assert [device["device"] for device in shown["devices"]] == ["a", "b"] and shown["next"] is None
    assert "b " in hub.cli("status", "d-1").stdout


@pytest.mark.parametrize(("states", "code"), [(("failed", "succeeded"), 6), (("running", "failed"), 6),
                                              (("running", "succeeded"), 8), (("succeeded", "succeeded"), 0)])
def test_a_rollback_of_several_is_one_document_and_the_worst_verdict(scripted, states, code):
    all_of_them = {f"d-{i}": deployment(f"d-{i}", state) for i, state in enumerate(states)}

    def answer(request):
        if request.method == "POST":
            return Answer(201, {"deployments": list(all_of_them.values())})
        return Answer(200, all_of_them[request.path.rsplit("/", 1)[1]])

    hub = scripted(answer)
    done = hub.cli("-o", "json", "rollback", "d-9", "--wait", "--timeout", "1")
    assert done.returncode == code, done.stderr
    assert [d["state"] for d in json.loads(done.stdout)["deployments"]] == list(states)
    text = hub.cli("rollback", "d-9", "--wait", "--timeout", "1")
    assert text.returncode == code
    for name, state in zip(all_of_them, states):
        assert state == "running" or f"{name}  p@1.0.0:default" in text.stdout


def test_a_rollback_of_one_is_shown_as_it_is(scripted):
    one = deployment("d-1")
    hub = scripted(lambda r: Answer(201, {"deployments": [one]}) if r.method == "POST" else Answer(200, one))
    done = hub.cli("-o", "json", "rollback", "d-9", "--wait")
    assert done.returncode == 0 and json.loads(done.stdout)["id"] == "d-1"
