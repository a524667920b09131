"""Backup of a hub at work, restore, and devices that are ahead of what was restored."""
import json
import pathlib
import shutil
import stat
import threading

import pytest
from harness.wait import wait_until

CORRUPT = 11
CONFLICT = 6


def back_up(hub, target) -> pathlib.Path:
    done = hub.strandlined("backup", "--to", target)
    assert done.returncode == 0, done.stderr
    assert "private keys" in done.stdout
    return target


def restore(hub, backup):
    return hub.strandlined("restore", "--from", backup)


def files_below(folder: pathlib.Path):
    return [path for path in folder.rglob("*") if path.is_file()]


def caught_up(site, device: str) -> bool:
    """The device acts upon exactly what the hub orders."""
    known = site.hub.device(device)
    return bool(known.get("generation")) and known["generation"] == known["reported_generation"]


def make_bundle(folder: pathlib.Path, text: str) -> pathlib.Path:
    folder.mkdir(parents=True)
    (folder / "run.sh").write_text(f"#!/bin/sh\n# {text}\nexec sleep 100000\n", encoding="utf-8")
    (folder / "run.sh").chmod(0o755)
    return folder


@pytest.fixture
def busy_site(fresh_site, tmp_path):
    """A hub with two devices that run keeper 1.0.0; versions 1.1.0 and 1.2.0 are pushed."""
    site = fresh_site()
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        site.push(make_bundle(tmp_path / version, version), version, "keeper", "--kind", "process", "--entry", "run.sh")
    for name in ("one", "two"):
        site.agent(name, {"self_test.process_settle_ms": 50, "hub.poll_interval_s": 2, "hub.report_interval_s": 2})
    site.deploy("keeper@1.0.0", "all", soak_ms=50)
    return site


def test_backup_at_work_and_restore_under_devices_that_went_on(busy_site, tmp_path):
    site, hub = busy_site, busy_site.hub
    stop = threading.Event()
    failures: list[Exception] = []

    def keep_pushing():
        number = 0
        while not stop.is_set() and number < 200:
            number += 1
            try:
                site.push(make_bundle(tmp_path / f"noise{number}", f"noise {number}"), f"1.0.{number}", "noise", "--kind",
                          "process", "--entry", "run.sh")
            except Exception as error:  # noqa: BLE001  (told to the test below)
                failures.append(error)
                return

    pusher = threading.Thread(target=keep_pushing)
    pusher.start()
    rollout = hub.cli_json("deploy", "keeper@1.1.0", "--to", "all", "--soak", "50")
    try:
        backup = back_up(hub, tmp_path / "backup")
    finally:
        stop.set()
        pusher.join()
    assert not failures, failures
    for path in files_below(backup):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    record = json.loads((backup / "backup.json").read_text())
    assert record["blobs"] == len([p for p in files_below(backup / "blobs")])
    wait_until(lambda: hub.deployment(rollout["id"])["state"] == "succeeded", "the rollout ends", 60)

    # The devices go on: these generations are not in the backup.
    site.deploy("keeper@1.2.0", "all", soak_ms=50)
    site.deploy("keeper@1.1.0", "all", soak_ms=50)
    site.deploy("keeper@1.2.0", "all", soak_ms=50)
    seen = {name: hub.device(name)["generation"] for name in ("one", "two")}
    hub.kill()
    shutil.move(hub.state, tmp_path / "lost")

    done = restore(hub, backup)
    assert done.returncode == 0, done.stderr
    assert "Revoke again" in done.stdout
    hub.start()
    for name in ("one", "two"):
        wait_until(lambda n=name: caught_up(site, n), f"{name} takes orders again", 60)
        assert hub.device(name)["generation"] > seen[name]
    assert any(entry["action"] == "hub.restore" for entry in hub.cli_json("audit"))
    # The backup was taken while 1.1.0 was on its way: that is what the restored hub wants.
    agents = {agent.name: agent for agent in site.agents}
    for name in ("one", "two"):
        wait_until(lambda n=name: agents[n].running_version("keeper") == "1.1.0", f"{name} is back at 1.1.0", 60)
    result = site.deploy("keeper@1.2.0", "all", soak_ms=50)
    assert result["state"] == "succeeded", result


def test_a_raw_copy_put_back_does_not_strand_devices(busy_site, tmp_path):
    site, hub = busy_site, busy_site.hub
    assert hub.stop() == 0
    shutil.copytree(hub.state, tmp_path / "copy")
    hub.start()
    site.deploy("keeper@1.1.0", "all", soak_ms=50)
    site.deploy("keeper@1.2.0", "all", soak_ms=50)
    ahead = hub.device("one")["generation"]
    hub.stop()
    shutil.rmtree(hub.state)
    shutil.move(tmp_path / "copy", hub.state)
    hub.start()
    wait_until(lambda: caught_up(site, "one") and hub.device("one")["generation"] > ahead, "the device is overtaken", 60)
    agent = next(agent for agent in site.agents if agent.name == "one")
    wait_until(lambda: agent.running_version("keeper") == "1.0.0", "it follows the hub's older order", 60)


def test_keys_rotated_since_the_backup_do_not_matter(busy_site, tmp_path):
    site, hub = busy_site, busy_site.hub
    backup = back_up(hub, tmp_path / "backup")
    assert hub.stop() == 0
    assert hub.strandlined("keys", "rotate").returncode == 0
    hub.start()
    site.deploy("keeper@1.1.0", "all", soak_ms=50)
    hub.stop()
    shutil.move(hub.state, tmp_path / "lost")
    assert restore(hub, backup).returncode == 0
    hub.start()
    result = site.deploy("keeper@1.2.0", "all", soak_ms=50)
    assert result["state"] == "succeeded", result


def flip(path: pathlib.Path) -> None:
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x20
    path.write_bytes(data)


@pytest.fixture
def stopped_hub(busy_site, tmp_path):
    """A stopped hub without its state folder, and a good backup of it."""
    hub = busy_site.hub
    backup = back_up(hub, tmp_path / "backup")
    hub.stop()
    shutil.move(hub.state, tmp_path / "lost")
    return hub, backup


def test_damaged_backups_are_refused_and_leave_nothing(stopped_hub, tmp_path):
    hub, backup = stopped_hub
    blob = files_below(backup / "blobs")[0]
    victims = {str(path.relative_to(backup)): path for path in [backup / "hub.db", backup / "keys" / "keyset.json", blob]}
    for name in victims:
        copy = tmp_path / "copy"
        shutil.copytree(backup, copy)
        flip(copy / name)
        done = restore(hub, copy)
        assert done.returncode == CORRUPT, (name, done.stderr)
        assert pathlib.Path(name).name[:12] in done.stderr
        assert not hub.state.exists()
        shutil.rmtree(copy)
    copy = tmp_path / "incomplete"
    shutil.copytree(backup, copy)
    (copy / "backup.json").unlink()
    done = restore(hub, copy)
    assert done.returncode != 0 and "no backup.json" in done.stderr
    newer = json.loads((backup / "backup.json").read_text())
    newer["format"] = 99
    (backup / "backup.json").chmod(0o600)
    (backup / "backup.json").write_text(json.dumps(newer))
    done = restore(hub, backup)
    assert done.returncode == CONFLICT and "format 99" in done.stderr
    assert [path.name for path in hub.folder.iterdir() if "restoring" in path.name] == []


def test_nothing_is_overwritten(stopped_hub, tmp_path):
    hub, backup = stopped_hub
    hub.state.mkdir()
    (hub.state / "precious").write_text("x")
    done = restore(hub, backup)
    assert done.returncode == CONFLICT and "not empty" in done.stderr
    assert (hub.state / "precious").exists()
    shutil.rmtree(hub.state)
    shutil.move(tmp_path / "lost", hub.state)
    done = hub.strandlined("backup", "--to", backup)
    assert done.returncode == CONFLICT and "not empty" in done.stderr
