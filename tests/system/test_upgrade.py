"""Programs of today on state folders of former formats, and on newer ones."""
import json
import pathlib
import sqlite3
import tarfile

import pytest
from harness.agent import Agent
from harness.hub import Hub
from harness.process import children, program
from harness.wait import wait_until

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
NEWEST = 2
CONFLICT = 6


def unpack(name: str, folder: pathlib.Path) -> pathlib.Path:
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(GOLDEN / name) as archive:
        archive.extractall(folder, filter="fully_trusted") if hasattr(tarfile, "data_filter") else archive.extractall(folder)
    return folder / "state"


def format_of(state: pathlib.Path) -> int:
    return json.loads((state / "format.json").read_text())["format"]


def write_newer(state: pathlib.Path, program: str) -> None:
    (state / "format.json").write_text(json.dumps({"program": program, "format": 99, "version": "9.9.9", "more": {}}))


@pytest.fixture
def old_hub(bin_dir, tmp_path):
    hub = Hub(bin_dir, tmp_path / "hub")
    unpack("hub-format-1.tar.gz", hub.folder)
    hub.token = (GOLDEN / "hub-format-1.token").read_text().strip()
    yield hub
    if hub.process and hub.process.running():
        hub.stop()


def test_a_hub_of_format_1_is_taken_over(old_hub):
    old_hub.start()
    (old_hub.folder / "operator.token").write_text(old_hub.token)
    old_hub.cli("login", old_hub.url, "--token", f"@{old_hub.folder}/operator.token")
    assert format_of(old_hub.state) == NEWEST
    status = old_hub.cli_json("status")
    assert (status["devices"]["total"], status["releases"]) == (1, 1)
    assert old_hub.device("edge-1")["slots"][0]["desired"]["version"] == "1.0.0"
    copies = list((old_hub.state / "before-upgrade").iterdir())
    assert [copy.name for copy in copies] == ["hub-format1-schema1.db"]
    with sqlite3.connect(copies[0]) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert copy.execute("SELECT id FROM devices").fetchall() == [("edge-1",)]
        assert copy.execute("SELECT max(number) FROM schema_version").fetchone() == (1,)
    # Once is enough.
    before = copies[0].stat().st_mtime_ns
    old_hub.stop()
    old_hub.start()
    assert copies[0].stat().st_mtime_ns == before


def test_a_hub_refuses_a_newer_format_and_changes_nothing(old_hub):
    write_newer(old_hub.state, "strandlined")
    before = {path: path.read_bytes() for path in old_hub.state.rglob("*") if path.is_file()}
    with pytest.raises(RuntimeError, match=r"ended with 6[\s\S]*format 99 \(of strandlined 9.9.9\)[\s\S]*backup"):
        old_hub.start()
    after = {path: path.read_bytes() for path in old_hub.state.rglob("*") if path.is_file()}
    ours = {path: data for path, data in after.items() if path.name != "hub.lock"}
    assert ours == {path: data for path, data in before.items() if path.name != "hub.lock"}


def test_a_hub_refuses_a_newer_schema(old_hub):
    with sqlite3.connect(old_hub.state / "hub.db") as database:
        database.execute("INSERT INTO schema_version (number, name, applied_ms) VALUES (99, 'later', 0)")
    with pytest.raises(RuntimeError, match=r"ended with 6[\s\S]*version 99[\s\S]*newer program"):
        old_hub.start()


def test_an_agents_folder_is_not_a_hubs(old_hub):
    write_newer(old_hub.state, "strandline-agent")
    with pytest.raises(RuntimeError, match=r"strandline-agent, not of strandlined"):
        old_hub.start()


@pytest.fixture
def old_agent(bin_dir, tmp_path):
    """Its hub is gone: it must serve all the same."""
    hub = Hub(bin_dir, tmp_path / "hub")
    agent = Agent(hub, "edge-1", {"hub.mqtt": False})
    unpack("agent-format-1.tar.gz", agent.folder)
    yield agent
    if agent.process and agent.process.running():
        agent.stop()


def test_an_agent_of_format_1_is_taken_over_and_runs_its_release(old_agent):
    pointer = (old_agent.state / "slots" / "keeper" / "pointer.json").read_text()
    old_agent.start()
    assert format_of(old_agent.state) == NEWEST
    wait_until(lambda: any(program(pid) in ("sleep", "run.sh", "sh") for pid in children(old_agent.process.pid)),
               "the release of the slot runs", 30)
    assert (old_agent.state / "slots" / "keeper" / "pointer.json").read_text() == pointer
    assert old_agent.stop() == 0


def test_an_agent_refuses_a_newer_format(old_agent):
    write_newer(old_agent.state, "strandline-agent")
    with pytest.raises(RuntimeError, match=r"ended with 6[\s\S]*format 99 \(of strandline-agent 9.9.9\)"):
        old_agent.start()
