"""Bad networks: losses, long ways, thin and dead lines, names that do not resolve. Slow is fine, wrong and stuck are not."""
import pytest

from harness.bad_line import BadLine, Quality
from harness.victim import Victim
from harness.wait import wait_until

PATIENT = {"transfer.idle_timeout_ms": 5000, "transfer.low_speed_bytes_per_second": 0, "transfer.retry_cap_ms": 500}


@pytest.fixture(scope="module")
def victim(site, leaf, tmp_path_factory):
    made = Victim(site, leaf, tmp_path_factory.mktemp("bundles"), settings=PATIENT, payload=100_000)
    made.line = BadLine(made.hub.listener.port)
    made.broker_line = BadLine(site.hub.info["mqtt_port"])
    made.agent.stop()
    made.agent.go_through(hub_url=f"https://127.0.0.1:{made.line.port}", mqtt_port=made.broker_line.port).start()
    yield made
    made.line.close()
    made.broker_line.close()
    made.close()


def set_quality(victim, quality: Quality) -> None:
    victim.line.quality = victim.broker_line.quality = quality


@pytest.mark.parametrize("quality", [
    pytest.param(quality, id=name, marks=pytest.mark.case(f"a line with {what}", "the update arrives by itself; the old model serves meanwhile"))
    for name, what, quality in (
        ("loss5", "5 % loss", Quality(loss=0.05)),
        ("loss20", "20 % loss", Quality(loss=0.20)),
        ("delay", "300 ms delay each way", Quality(delay_s=0.3)),
        ("thin", "256 kbit/s", Quality(bytes_per_second=32_000)),
        ("all", "5 % loss, 150 ms delay and 512 kbit/s", Quality(loss=0.05, delay_s=0.15, bytes_per_second=64_000)))])
def test_bad_line(victim, rusty_leaf, quality):
    before = victim.version
    set_quality(victim, quality)
    victim.order()
    assert victim.serves(rusty_leaf) in (before, f"1.0.{victim.number}")
    victim.converges(120)
    set_quality(victim, Quality())
    assert victim.slot()["last_update"]["bytes_received"] == victim.payload


@pytest.mark.case("a line that is cut every 30 kB", "each try goes on where the last one ended; no byte comes twice")
def test_line_that_is_cut(victim):
    victim.line.cut_all()
    victim.line.quality = Quality(cut_after=30_000)
    cuts = victim.line.cuts
    victim.order()
    victim.converges(120)
    victim.line.quality = Quality()
    assert victim.line.cuts - cuts >= 3
    # What was under way in a cut connection is fetched again, nothing else.
    assert victim.payload <= victim.slot()["last_update"]["bytes_received"] <= victim.payload * 1.5


@pytest.mark.case("a line that goes dead in the middle of a transfer: open, and nothing comes through", "given up after the idle timeout and "
                  "named; goes on when there is a line again")
def test_line_that_goes_dead(victim, rusty_leaf):
    before = victim.version
    set_quality(victim, Quality(bytes_per_second=30_000))
    victim.line.cut_all()
    victim.mark()
    victim.order()
    wait_until(lambda: any(f.suffix == ".full" and f.stat().st_size > 10_000 for f in (victim.agent.state / "staging").iterdir()),
               "part of the file is here", 60)
    set_quality(victim, Quality(dead=True))
    wait_until(lambda: victim.said("too long"), "named", 60)
    assert victim.serves(rusty_leaf) == before
    set_quality(victim, Quality())
    victim.converges(120)


@pytest.mark.case("the hub's name does not resolve", "named; the model on disk serves; tried again until it does")
def test_name_that_does_not_resolve(victim, rusty_leaf):
    good = f"https://127.0.0.1:{victim.line.port}"
    victim.agent.stop()
    victim.agent.go_through(hub_url="https://hub.invalid:8443")
    victim.restart()
    wait_until(lambda: victim.said("poll failed error=.*hub.invalid"), "named", 60)
    assert victim.serves(rusty_leaf) == victim.version
    victim.agent.stop()
    victim.agent.go_through(hub_url=good)
    victim.restart()
    victim.order()
    victim.converges()


@pytest.mark.case("nobody listens at the hub's address, and later somebody does", "named `refused`; comes by itself when the hub does")
def test_hub_that_comes_later(victim, rusty_leaf):
    port = victim.line.port
    victim.agent.stop()
    victim.line.close()
    victim.restart()
    wait_until(lambda: victim.said("poll failed error=.*refused"), "named", 60)
    assert victim.serves(rusty_leaf) == victim.version
    victim.line = BadLine(victim.hub.listener.port, port=port)
    victim.order()
    victim.converges()
