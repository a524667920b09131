"""Clocks that are wrong: at 1970, beyond 2038, and jumping while hub and agent run."""
import pytest

from harness.agent import Agent
from harness.clock import MovedClock, find_library
from harness.hub import Hub
from harness.leaf import answers
from harness.wait import wait_until

pytestmark = pytest.mark.skipif(find_library() is None, reason="faketime is missing; ./run setup installs it")


@pytest.fixture(scope="module")
def device(site, leaf):
    """An agent that serves 1.0.0, and a clock for it."""
    site.push(leaf / "leaf-1.0.0", "1.0.0")
    site.push(leaf / "leaf-1.1.0", "1.1.0")
    agent = site.agent("drifter", {"transfer.retry_base_ms": 50, "transfer.retry_cap_ms": 500, "hub.report_interval_s": 1})
    site.deploy("leaf@1.0.0", "device:drifter")
    agent.stop()
    return agent


@pytest.fixture
def clock(device, bin_dir, tmp_path):
    made = MovedClock(tmp_path / "clock")
    device.env = made.environment()
    yield made
    if device.process.running():
        device.stop()
    device.env = {}


@pytest.mark.case("a device starts at 1970, as one without a clock battery does",
                  "HTTPS and MQTT judge certificates at the time floor, and updates go on")
def test_a_device_at_1970_is_updated(site, device, clock, rusty_leaf):
    clock.to("1970-01-01 00:00:10")
    device.start()
    device.process.line_with("clock is behind now=1970-01-01", 30)
    device.process.line_with("broker connected", 30)
    assert answers(device, rusty_leaf) == "1.0.0"
    site.hub.wait_online("drifter")
    assert site.deploy("leaf@1.1.0", "device:drifter")["state"] == "succeeded"
    assert answers(device, rusty_leaf) == "1.1.0"
    assert "poll failed" not in device.process.output() and "broker lost" not in device.process.output()


@pytest.mark.case("a device's clock is ahead, beyond 2038, where every certificate has ended",
                  "it serves, trusts nobody, says why, and is a member again once the clock is right")
def test_a_device_beyond_2038_serves_and_returns(site, device, clock, rusty_leaf):
    clock.to("2038-02-01 00:00:00")
    device.start()
    serving = answers(device, rusty_leaf)
    device.process.line_with("poll failed", 30)
    assert "expired" in device.process.output()
    assert answers(device, rusty_leaf) == serving
    clock.right()
    device.stop()
    device.start()
    device.process.line_with("broker connected", 30)
    assert "clock is behind" not in device.process.output(), "the time of a wrong clock was kept as a floor"
    other = "1.0.0" if serving == "1.1.0" else "1.1.0"
    assert site.deploy(f"leaf@{other}", "device:drifter")["state"] == "succeeded"


@pytest.mark.case("a device's clock jumps years back and forth while it runs",
                  "it serves all the time, and converges when the clock is right again")
def test_a_device_lives_through_jumps(site, device, clock, rusty_leaf):
    device.start()
    site.hub.wait_online("drifter")
    for moment, version in (("2037-12-31 23:59:50", "1.1.0"), ("1970-01-01 00:00:05", "1.0.0"),
                            ("2099-01-01 00:00:00", "1.1.0")):
        clock.to(moment)
        site.hub.cli("deploy", f"leaf@{version}", "--to", "device:drifter", "--soak", "100")
        accepted = wait_until(lambda y=moment[:4]: [line for line in device.process.output().splitlines() if
                                                    "desired state accepted" in line and line.startswith(y)], moment)
        assert accepted and answers(device, rusty_leaf) in ("1.0.0", "1.1.0")
    clock.right()
    assert site.deploy("leaf@1.0.0", "device:drifter")["state"] == "succeeded"
    assert answers(device, rusty_leaf) == "1.0.0"


@pytest.mark.case("a device's clock passes two thirds of its certificate's life",
                  "it renews the certificate and stays a member, over MQTT too")
def test_a_certificate_is_renewed_in_time(site, device, clock):
    before = (device.state / "identity" / "cert.pem").read_bytes()
    clock.by("+61d")
    device.start()
    device.process.line_with("certificate renewed", 30)
    assert (device.state / "identity" / "cert.pem").read_bytes() != before
    wait_until(lambda: device.process.output().count("broker connected") >= 1, "the broker with the new certificate")


@pytest.fixture
def moved_hub(bin_dir, tmp_path):
    """make() -> (hub, clock); the hub is not started"""
    made = []

    def make():
        clock = MovedClock(tmp_path / "clock")
        made.append(Hub(bin_dir, tmp_path / "hub", {"retention.interval_s": 1},
                        clock.environment()))
        return made[-1], clock

    yield make
    for hub in made:
        if hub.process and hub.process.running():
            hub.stop()


@pytest.mark.case("a hub is started for the first time at 1970",
                  "it refuses and names the clock, instead of making certificates nobody can use")
def test_a_hub_at_1970_names_its_clock(moved_hub):
    hub, clock = moved_hub()
    clock.to("1970-01-01 00:00:10")
    with pytest.raises(RuntimeError, match="the clock says 1970-01-01.*set the clock"):
        hub.start()
    assert not (hub.state / "keys").exists()
    clock.right()
    hub.start()
    assert hub.api("GET", "/v1/status")[0] == 200


@pytest.mark.case("a hub's clock is 400 days ahead for a while, with devices connected",
                  "what it made meanwhile is replaced, tokens count again, and devices with right clocks return")
def test_a_hub_that_was_ahead_is_usable_again(moved_hub):
    hub, clock = moved_hub()
    hub.start()
    token = hub.cli("token", "create").strip()
    agent = Agent(hub, "steady", {"transfer.retry_base_ms": 50, "transfer.retry_cap_ms": 500, "hub.poll_interval_s": 1})
    agent.enroll().start()
    try:
        hub.wait_online("steady")
        hub.stop()
        clock.by("+400d")
        hub.start()
        with pytest.raises(RuntimeError, match="expired"):
            Agent(hub, "late", env=clock.environment()).enroll(token)
        wait_until(lambda: "poll failed" in agent.process.output(), "the agent refuses certificates of the future", 60)
        hub.stop()
        clock.right()
        hub.start()
        hub.wait_online("steady", seconds=60)
        Agent(hub, "late").enroll(token)
        assert "clock is behind" not in agent.process.output()
    finally:
        agent.stop()


@pytest.mark.case("a hub and a device are used beyond 2038", "nothing counts seconds in 32 bits")
def test_a_site_beyond_2038_works(moved_hub, tmp_path):
    hub, clock = moved_hub()
    clock.to("2038-01-19 03:14:00")
    hub.start(log_in=False)
    hub.token = hub.shown_token()
    hub.cli_env = clock.environment()
    hub.login()
    program = tmp_path / "program" / "serve.sh"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec sleep 600\n", encoding="utf-8")
    program.chmod(0o755)
    hub.cli("push", program.parent, "--package", "program", "--version", "1.0.0", "--kind", "process", "--entry", "serve.sh")
    agent = Agent(hub, "future", env=clock.environment()).enroll().start()
    try:
        hub.cli("deploy", "program@1.0.0", "--to", "device:future", "--wait", "--timeout", 60)
        assert (agent.state / "slots" / "program" / "pointer.json").exists()
    finally:
        agent.stop()
