"""The byte budget of a day: kept to the byte, over restarts and clocks that go back."""
import json

import pytest

from harness.victim import Victim
from harness.wait import wait_until

BUDGET = 60_000


@pytest.fixture(scope="module")
def victim(site, leaf, tmp_path_factory):
    made = Victim(site, leaf, tmp_path_factory.mktemp("bundles"), payload=100_000)
    made.agent.stop()
    made.agent.settings["transfer.max_bytes_per_day"] = BUDGET
    made.agent.start()
    yield made
    made.close()


def record(victim) -> dict:
    return json.loads((victim.agent.state / "budget.json").read_text(encoding="utf-8"))


def move_day(victim, by: int) -> None:
    """Makes what was charged look as if it had been on another day: the agent's day turns, the machine's clock stays."""
    moved = record(victim)
    moved["day"] += by
    (victim.agent.state / "budget.json").write_text(json.dumps(moved), encoding="utf-8")


def staged(victim) -> int:
    return sum(f.stat().st_size for f in (victim.agent.state / "staging").iterdir() if f.suffix == ".full")


@pytest.mark.case("an update larger than transfer.max_bytes_per_day", "stops at the very byte, reports `byte_budget`, keeps what came, and the old "
                  "model serves; goes on the next day and fetches no byte twice")
def test_budget(victim, rusty_leaf):
    before = victim.version
    victim.order()
    wait_until(lambda: (victim.slot().get("error") or {}).get("reason") == "byte_budget", "reported", 60)
    assert "max_bytes_per_day" in victim.slot()["error"]["message"]
    assert staged(victim) == BUDGET and record(victim)["bytes"] == BUDGET
    assert victim.serves(rusty_leaf) == before


@pytest.mark.case("the agent is killed and started again on a day whose budget is spent", "asks for nothing more that day")
def test_budget_survives_a_kill(victim):
    victim.agent.kill()
    asked = len(victim.hub.requests("/v1/blobs/"))
    victim.restart()
    wait_until(lambda: victim.said("reason=byte_budget"), "still spent", 60)
    assert len(victim.hub.requests("/v1/blobs/")) == asked


@pytest.mark.case("the clock goes back by days while the budget is spent", "the budget stays spent")
def test_clock_that_goes_back(victim):
    victim.agent.stop()
    move_day(victim, +3)
    asked = len(victim.hub.requests("/v1/blobs/"))
    victim.restart()
    wait_until(lambda: victim.said("reason=byte_budget"), "still spent", 60)
    assert len(victim.hub.requests("/v1/blobs/")) == asked
    victim.agent.stop()
    move_day(victim, -3)


@pytest.mark.case("the record of the budget is damaged", "counts as spent for this day")
def test_damaged_record(victim):
    good = record(victim)
    (victim.agent.state / "budget.json").write_text("{", encoding="utf-8")
    victim.restart()
    wait_until(lambda: victim.said("byte budget unreadable") and victim.said("reason=byte_budget"), "named and spent", 60)
    victim.agent.stop()
    (victim.agent.state / "budget.json").write_text(json.dumps(good), encoding="utf-8")


@pytest.mark.case("the next day begins", "the download goes on where it stopped and the update is done")
def test_next_day(victim, rusty_leaf):
    move_day(victim, -1)
    victim.restart()
    victim.converges()
    assert victim.serves(rusty_leaf) == victim.version
    assert victim.slot()["last_update"]["bytes_received"] == victim.payload
    assert record(victim)["bytes"] == victim.payload - BUDGET
