"""A hub that answers downloads with nonsense: named, survived in flat memory, converged once it ends."""
import pytest

from harness.hostile_hub import on
from harness.http_faults import FAULTS
from harness.memory import MemoryWatch
from harness.victim import Victim
from harness.wait import wait_until

# What an answer may cost while it goes on: the limits of heads and buffered bodies, twice over, and the sanitizer.
MAX_GROWTH = 48 << 20


SURVIVED = "a named error, flat memory, the old model serves; converges when it ends"

@pytest.fixture(scope="module")
def victim(site, leaf, tmp_path_factory):
    made = Victim(site, leaf, tmp_path_factory.mktemp("bundles"))
    yield made
    made.close()


def survives(victim, rusty_leaf, named: str, hits: int = 3) -> None:
    """The faults are met and named, the old model serves, and what was ordered runs once they end."""
    before = victim.version
    watch = MemoryWatch(victim.agent)
    victim.mark()
    victim.order()
    wait_until(lambda: victim.hub.hits >= hits, "the fault is met again and again", 60)
    wait_until(lambda: victim.said(f"(?m)(error|message)=.*({named})"), f"the log names {named!r}", 30)
    assert victim.serves(rusty_leaf) == before
    grown = watch.stop()
    victim.hub.calm()
    victim.converges()
    assert victim.serves(rusty_leaf) == victim.version
    assert grown < MAX_GROWTH, f"{grown >> 20} MiB"


@pytest.mark.parametrize(("fault", "named"), [
    pytest.param(fault, named, id=fault.__name__, marks=pytest.mark.case(f"blob answered by {what}", SURVIVED))
    for what, fault, named in FAULTS])
def test_blob(victim, rusty_leaf, fault, named):
    victim.hub.misbehave(on("/v1/blobs/", fault))
    survives(victim, rusty_leaf, named)
