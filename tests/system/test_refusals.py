"""Releases that no device may keep: each is refused with its reason while the good one serves."""
import pytest

from harness.hub import CliError
from harness.leaf import LEAF_SHAPE


@pytest.fixture(scope="module")
def device(site, leaf):
    agent = site.agent("careful")
    site.push(leaf / "leaf-1.0.0", "1.0.0")
    site.deploy("leaf@1.0.0", "device:careful")
    return agent


# Only the model that hangs gets little time: a busy machine may take seconds to load one.
@pytest.mark.parametrize(("version", "folder", "reason", "patience_ms"), [
    pytest.param("1.2.0", "leaf-crash", "crashed", 30_000, id="crash", marks=pytest.mark.case(
        "a signed release whose model ends the process that loads it", "refused as `crashed`; the old model serves")),
    pytest.param("1.2.1", "leaf-hang", "hung", 4000, id="hang", marks=pytest.mark.case(
        "a signed release whose model never answers", "refused as `hung` at the deadline; the old model serves")),
    pytest.param("1.2.2", "leaf-wrong", "wrong_answer", 30_000, id="wrong", marks=pytest.mark.case(
        "a signed release that answers its golden vectors wrongly", "refused as `wrong_answer`; the old model serves")),
])
def test_broken_release_is_refused(site, device, leaf, rusty_leaf, version, folder, reason, patience_ms):
    site.push(leaf / folder, version)
    deployment = site.hub.cli_json("deploy", f"leaf@{version}", "--to", "device:careful", "--self-test-timeout", patience_ms,
                                   "--soak", 300)
    with pytest.raises(CliError) as failure:
        site.hub.cli("deploy", f"leaf@{version}", "--to", "device:careful", "--self-test-timeout", patience_ms, "--wait",
                     "--timeout", 120)
    assert failure.value.code == 6
    assert reason in failure.value.stderr
    first = site.hub.deployment(deployment["id"])["devices"][0]
    assert first["state"] in ("refused", "superseded", "cancelled")
    slot = device.slot("leaf")
    assert slot["error"]["reason"] == reason and len(slot["error"]["message"]) > 10
    assert slot["active"]["version"] == "1.0.0" and slot["serving"] is True
    version_serving, outputs = device.client().infer("leaf", "image", LEAF_SHAPE, rusty_leaf)
    assert version_serving == "1.0.0" and outputs["probs"][2] > 0.5


def test_a_good_release_is_taken_after_refusals(site, device, leaf):
    site.push(leaf / "leaf-1.1.0", "1.3.0")
    assert site.deploy("leaf@1.3.0", "device:careful")["state"] == "succeeded"


@pytest.mark.case("a signed release that is no model at all", "refused; the old model serves")
def test_garbage_is_refused(site, device, tmp_path):
    (tmp_path / "garbage.onnx").write_bytes(b"\x08\x07this is no model" * 100)
    site.push(tmp_path / "garbage.onnx", "1.4.0")
    with pytest.raises(CliError) as failure:
        site.deploy("leaf@1.4.0", "device:careful")
    assert failure.value.code == 6
    assert device.running_version("leaf") == "1.3.0"
