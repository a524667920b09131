"""From push to serving: full files, deltas, many bases, and what is off or restarted meanwhile."""
import hashlib
import os
import shutil

import pytest

from harness.leaf import LEAF_SHAPE, leaf_of_its_own
from harness.wait import wait_until


def held_files(agent) -> dict:
    return (agent.slot("leaf").get("active") or {}).get("files") or {}


def signed_files(hub, release: str) -> dict:
    return {f["path"]: f["sha256"] for f in hub.cli_json("releases", "show", release)["files"]}


def on_disk(agent, version: str, hub) -> str:
    """Hash of the model file that the agent really holds for that release."""
    manifest = hub.cli_json("releases", "show", f"leaf@{version}:default")["manifest"]
    return hashlib.sha256((agent.state / "releases" / manifest / "files" / "model.onnx").read_bytes()).hexdigest()


def test_first_release_is_served(site, leaf, rusty_leaf):
    agent = site.agent("first")
    site.push(leaf / "leaf-1.0.0", "1.0.0")
    done = site.deploy("leaf@1.0.0", "device:first")
    assert done["state"] == "succeeded"
    assert held_files(agent) == signed_files(site.hub, "leaf@1.0.0:default")
    client = agent.client()
    version, outputs = client.infer("leaf", "image", LEAF_SHAPE, rusty_leaf)
    assert version == "1.0.0"
    assert outputs["probs"][2] > 0.5, "the leaf has rust"
    slot = agent.slot("leaf")
    assert slot["self_test"] == "passed" and slot["serving"] is True


@pytest.mark.parametrize("version", ["1.1.0", "1.1.1"])
def test_further_training_and_re_export_travel_as_deltas(site, leaf, version):
    agent = next(a for a in site.agents if a.name == "first")
    site.push(leaf / f"leaf-{version}", version)
    device = site.deploy(f"leaf@{version}", "device:first")["devices"][0]
    assert device["state"] == "active"
    assert device["deltas"] == 1 or version == "1.1.0"
    assert device["fulls"] == 0 and device["delta_fallbacks"] == 0
    assert 0 < device["bytes_received"] < device["bytes_full"]
    signed = signed_files(site.hub, f"leaf@{version}:default")
    assert held_files(agent) == signed
    assert on_disk(agent, version, site.hub) == signed["model.onnx"]


def test_same_release_again_is_no_transfer(site, leaf):
    device = site.deploy("leaf@1.1.1", "device:first")["devices"][0]
    assert device["state"] == "active" and device["bytes_received"] == 0


def test_rollback_returns_to_what_ran_before(site):
    before = site.deploy("leaf@1.0.0", "device:first")
    site.hub.cli("rollback", before["id"], "--wait")
    agent = next(a for a in site.agents if a.name == "first")
    assert agent.running_version("leaf") == "1.1.1"


def test_device_that_was_off_converges(site, leaf):
    agent = site.agent("sleeper")
    site.deploy("leaf@1.0.0", "device:sleeper")
    agent.stop()
    deployment = site.hub.cli_json("deploy", "leaf@1.1.0", "--to", "device:sleeper", "--soak", 300)
    assert site.hub.deployment(deployment["id"])["state"] == "running"
    agent.start()
    wait_until(lambda: site.hub.deployment(deployment["id"])["state"] == "succeeded", "deployment of the sleeper", 60)
    assert held_files(agent) == signed_files(site.hub, "leaf@1.1.0:default")


@pytest.mark.parametrize("victim", ["hub", "broker"])
def test_restart_in_the_middle_of_an_update(fresh_site, leaf, victim, tmp_path):
    # A slow transfer leaves time to restart something in its middle.
    site = fresh_site({"transfers.bytes_per_second_per_transfer": 200_000})
    agent = site.agent("middle")
    bundle = tmp_path / "bundle"
    shutil.copytree(leaf / "leaf-1.0.0", bundle)
    (bundle / "padding.bin").write_bytes(os.urandom(1_000_000))
    site.push(bundle, "1.0.0")
    deployment = site.hub.cli_json("deploy", "leaf@1.0.0", "--to", "device:middle", "--soak", 300)
    wait_until(lambda: agent.slot("leaf").get("state") == "fetch" or any((agent.state / "staging").iterdir()),
               "transfer has begun", 30)
    if victim == "hub":
        site.hub.kill()
        site.hub.start()
    else:
        os.kill(site.hub.broker_pid(), 9)
    wait_until(lambda: site.hub.deployment(deployment["id"])["state"] == "succeeded", "deployment after the restart", 90)
    assert held_files(agent) == signed_files(site.hub, "leaf@1.0.0:default")


def test_twenty_devices_on_six_bases_converge(fresh_site, leaf, tmp_path):
    site = fresh_site()
    rng = bytearray(os.urandom(64))
    bases = []
    for number, source in enumerate(["1.0.0", "1.1.0", "1.1.1", "1.1.0-dusk", "1.0.0", "1.1.0"]):
        bundle = tmp_path / f"base{number}"
        if number >= 4:
            leaf_of_its_own(leaf / f"leaf-{source}", bundle, bytes(b % 26 + 97 for b in rng))
        else:
            shutil.copytree(leaf / f"leaf-{source}", bundle)
        bases.append(f"0.{number}.0")
        site.push(bundle, bases[-1])
    token = site.hub.cli("token", "create", "--uses", 20).strip()
    names = [f"fleet-{i:02}" for i in range(20)]
    for i, name in enumerate(names):
        site.agent(name, labels={"base": str(i % 6)}, token=token, start=False).start(wait=False)
    site.hub.wait_online(*names, seconds=120)
    for i in range(6):
        assert site.deploy(f"leaf@{bases[i]}", f"label:base={i}")["state"] == "succeeded"
    final = tmp_path / "final"
    shutil.copytree(leaf / "leaf-1.1.1", final)
    site.push(final, "2.0.0")
    done = site.deploy("leaf@2.0.0", "all", timeout_s=240)
    assert done["state"] == "succeeded"
    signed = signed_files(site.hub, "leaf@2.0.0:default")
    assert len({d["from_version"] for d in done["devices"]}) == 6
    for agent in site.agents:
        assert held_files(agent) == signed, agent.name
        assert on_disk(agent, "2.0.0", site.hub) == signed["model.onnx"], agent.name
    assert done["totals"]["bytes_received"] < done["totals"]["bytes_full"]
