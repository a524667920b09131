"""Disks that are full, read-only or failing, for real: small file systems in memory, mounted for one test."""
import hashlib
import os
import pathlib
import subprocess

import pytest

from harness.agent import Agent
from harness.hub import CliError, Hub
from harness.leaf import answers
from harness.wait import wait_until

MIB = 1 << 20


class SmallDisk:
    """A tmpfs of a fixed size on a folder."""

    def __init__(self, folder: pathlib.Path, mib: int):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", folder], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")

    def remount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", self.folder], check=True, capture_output=True)

    def fill(self, leave: int = 0) -> pathlib.Path:
        """Takes all room but `leave` bytes; the file to delete again."""
        facts = os.statvfs(self.folder)
        size = facts.f_bavail * facts.f_frsize - leave
        file = self.folder / "filler"
        with open(file, "wb") as out:
            os.posix_fallocate(out.fileno(), 0, size)
        return file

    def close(self) -> None:
        subprocess.run(["umount", self.folder], check=False, capture_output=True)


@pytest.fixture
def small_disk(tmp_path):
    """make(folder, mib) -> SmallDisk"""
    made = []

    def make(folder: pathlib.Path, mib: int) -> SmallDisk:
        made.append(SmallDisk(folder, mib))
        return made[-1]

    yield make
    for disk in made:
        disk.close()


@pytest.fixture
def padded(leaf, tmp_path):
    """make(mib) -> a release of leaf with that much beside the model"""
    def make(mib: int) -> pathlib.Path:
        folder = tmp_path / f"padded-{mib}"
        subprocess.run(["cp", "-r", leaf / "leaf-1.1.0", folder], check=True)
        (folder / "padding.bin").write_bytes(os.urandom(mib * MIB))
        return folder

    return make


@pytest.fixture
def device(fresh_site, small_disk, leaf):
    """(site, agent, disk): an agent that serves leaf 1.0.0 from a disk of 16 MiB."""
    site = fresh_site()
    agent = Agent(site.hub, "small", {"transfer.retry_base_ms": 50, "transfer.retry_cap_ms": 500})
    disk = small_disk(agent.state, 16)
    site.agents.append(agent.enroll().start())
    site.hub.wait_online("small")
    site.push(leaf / "leaf-1.0.0", "1.0.0")
    site.deploy("leaf@1.0.0", "device:small")
    yield site, agent, disk
    site.close()


@pytest.mark.case("a release is ordered that a device's disk has no room for",
                  "it is refused as no_space before a byte is fetched, the old model serves, and with room it is taken")
def test_no_room_is_found_before_the_download(device, padded, rusty_leaf):
    site, agent, disk = device
    site.push(padded(14), "1.1.0")
    with pytest.raises(CliError, match="no_space"):
        site.deploy("leaf@1.1.0", "device:small")
    slot = agent.slot("leaf")
    assert slot["error"]["reason"] == "no_space" and "free" in slot["error"]["message"]
    assert slot["last_update"]["bytes_received"] == 0
    assert slot["active"]["version"] == "1.0.0" and answers(agent, rusty_leaf) == "1.0.0"
    assert not any((agent.state / "staging").iterdir())
    disk.remount("size=64m")
    assert site.deploy("leaf@1.1.0", "device:small")["state"] == "succeeded"
    assert answers(agent, rusty_leaf) == "1.1.0"


@pytest.mark.case("a device's disk is filled to the last byte by somebody else",
                  "it serves and reports, also after a restart, and takes the update once there is room")
def test_a_full_disk_does_not_stop_serving(device, leaf, rusty_leaf):
    site, agent, disk = device
    filler = disk.fill()
    site.push(leaf / "leaf-1.1.0", "1.1.0")
    deployment = site.hub.cli_json("deploy", "leaf@1.1.0", "--to", "device:small", "--soak", 100)
    wait_until(lambda: "No space left" in agent.process.output() or "no_space" in agent.process.output(),
               "the agent names the full disk")
    assert answers(agent, rusty_leaf) == "1.0.0"
    agent.kill()
    agent.start()
    assert answers(agent, rusty_leaf) == "1.0.0"
    site.hub.wait_online("small")
    filler.unlink()
    done = site.deploy("leaf@1.1.0", "device:small")
    assert done["state"] == "succeeded", deployment
    assert answers(agent, rusty_leaf) == "1.1.0"


@pytest.mark.case("a device's disk becomes read-only, as after an error of the medium",
                  "it serves, also after a restart, says so, and works again when the disk does")
def test_a_read_only_disk_still_serves(device, leaf, rusty_leaf):
    site, agent, disk = device
    agent.stop()
    disk.remount("ro")
    agent.start()
    agent.process.line_with("state folder is read-only", 10)
    assert answers(agent, rusty_leaf) == "1.0.0"
    agent.stop()
    disk.remount("rw")
    agent.start()
    site.push(leaf / "leaf-1.1.0", "1.1.0")
    assert site.deploy("leaf@1.1.0", "device:small")["state"] == "succeeded"


@pytest.mark.case("a hub's disk is full while releases are pushed",
                  "the push is refused and says so, the hub serves what it has, and the same push works with room")
def test_a_hub_with_a_full_disk_goes_on(bin_dir, tmp_path, small_disk, padded, leaf):
    hub = Hub(bin_dir, tmp_path / "hub")
    disk = small_disk(hub.state, 24)
    hub.start()
    try:
        hub.cli("push", leaf / "leaf-1.0.0", "--package", "leaf", "--version", "1.0.0")
        with pytest.raises(CliError, match="free"):
            hub.cli("push", padded(40), "--package", "leaf", "--version", "1.1.0")
        filler = disk.fill()
        status, _, answer = hub.api("POST", "/v1/packages", {"name": "other"})
        assert status == 429 and answer["error"]["code"] == "exhausted" and "free some space" in answer["error"]["message"]
        assert hub.cli_json("releases", "show", "leaf@1.0.0:default")["version"] == "1.0.0"
        assert hub.api("GET", "/healthz")[0] == 200
        filler.unlink()
        assert hub.api("POST", "/v1/packages", {"name": "other"})[0] == 201
        disk.remount("size=128m")
        hub.cli("push", padded(41), "--package", "leaf", "--version", "1.1.0")
    finally:
        assert hub.stop() == 0


@pytest.mark.case("a hub's disk is full, so that its revocation list cannot be renewed",
                  "what nobody refers to is still removed, and with room the list comes back")
def test_a_full_disk_is_cleaned_up(bin_dir, tmp_path, small_disk):
    hub = Hub(bin_dir, tmp_path / "hub", {"retention.interval_s": 1, "retention.blob_grace_s": 60})
    disk = small_disk(hub.state, 24)
    hub.start()
    try:
        bytes_ = os.urandom(MIB)
        name = hashlib.sha256(bytes_).hexdigest()
        garbage = hub.state / "blobs" / name[:2] / name[2:]
        garbage.parent.mkdir(exist_ok=True)
        garbage.write_bytes(bytes_)
        filler = disk.fill()
        crl = hub.state / "tls" / "crl.pem"
        crl.unlink()
        os.utime(garbage, (0, 0))
        wait_until(lambda: not garbage.exists(), "the garbage is gone", 60)
        filler.unlink()
        wait_until(crl.exists, "a new list", 60)
    finally:
        assert hub.stop() == 0


@pytest.mark.case("a hub is started on a read-only or full disk", "it refuses and names the folder and the reason")
def test_a_hub_without_a_disk_to_write_to_names_it(bin_dir, tmp_path, small_disk):
    hub = Hub(bin_dir, tmp_path / "hub")
    disk = small_disk(hub.state, 16)
    disk.remount("ro")
    with pytest.raises(RuntimeError, match=f"{hub.state}.*Read-only file system"):
        hub.start()
    disk.remount("rw")
    filler = disk.fill()
    with pytest.raises(RuntimeError, match="No space left|free some space"):
        hub.start()
    filler.unlink()
    hub.start()
    assert hub.stop() == 0
