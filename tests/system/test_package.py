"""What the Debian packages hold. tests/soak/package.sh installs them for real."""
import pathlib
import re
import shutil
import subprocess

import pytest

# Stripping and packing sanitizer builds takes a while on a busy machine.
pytestmark = pytest.mark.timeout(1200)

PACKAGING = pathlib.Path(__file__).parents[2] / "packaging"
HUB, AGENT, CLI, ENGINE = "strandline-hub", "strandline-agent", "strandline", "strandline-onnxruntime"


def run(*command) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def packages(bin_dir, tmp_path_factory) -> dict[str, pathlib.Path]:
    """By name, of the programs under test."""
    folder = tmp_path_factory.mktemp("packages")
    # Content is what counts here; the fastest compression will do.
    run("cpack", "--config", bin_dir.parent / "CPackConfig.cmake", "-B", folder, "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=zstd")
    return {run("dpkg-deb", "-f", file, "Package").strip(): file for file in folder.glob("*.deb")}


def content(package: pathlib.Path) -> dict[str, str]:
    """Mode and owner by path."""
    entries = {}
    for line in run("dpkg-deb", "-c", package).splitlines():
        mode, owner, _, _, _, path = line.split(None, 5)
        entries[path.removeprefix(".").rstrip("/")] = f"{mode} {owner}"
    return entries


def control(package: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    run("dpkg-deb", "-e", package, folder)
    return folder


def test_each_program_has_its_package(packages):
    assert packages.keys() == {HUB, AGENT, CLI, ENGINE}
    programs = {HUB: "/usr/bin/strandlined", AGENT: "/usr/bin/strandline-agent", CLI: "/usr/bin/strandline"}
    for name, program in programs.items():
        assert content(packages[name])[program] == "-rwxr-xr-x root/root"
        others = set(programs.values()) - {program}
        assert not others & content(packages[name]).keys()
    assert "/usr/lib/strandline/libonnxruntime.so.1" in content(packages[ENGINE])


def test_what_belongs_beside_the_programs(packages):
    hub, agent, cli = (content(packages[name]) for name in (HUB, AGENT, CLI))
    assert {"/etc/strandline/strandline.toml", "/usr/lib/systemd/system/strandlined.service",
            "/usr/share/man/man8/strandlined.8.gz"} <= hub.keys()
    assert {"/etc/strandline-agent/agent.toml", "/usr/lib/systemd/system/strandline-agent.service",
            "/usr/share/man/man8/strandline-agent.8.gz"} <= agent.keys()
    assert {"/usr/share/man/man1/strandline.1.gz", "/usr/share/bash-completion/completions/strandline"} <= cli.keys()
    for files in (hub, agent, cli):
        assert not [path for path, owner in files.items() if not owner.endswith("root/root")]
        assert not [path for path in files if "test" in pathlib.Path(path).name]


def test_what_the_packages_need(packages):
    depends = run("dpkg-deb", "-f", packages[HUB], "Depends")
    assert "mosquitto" in depends and "libsoci" in depends and "libssl3" in depends
    agents = run("dpkg-deb", "-f", packages[AGENT], "Depends")
    assert "libmosquitto1" in agents and "libsoci" not in agents
    assert run("dpkg-deb", "-f", packages[AGENT], "Recommends").strip() == ENGINE


def test_settings_survive_upgrades_and_nothing_starts_by_itself(packages, tmp_path):
    hub = control(packages[HUB], tmp_path / "hub")
    assert (hub / "conffiles").read_text().split() == ["/etc/strandline/strandline.toml"]
    agent = control(packages[AGENT], tmp_path / "agent")
    assert (agent / "conffiles").read_text().split() == ["/etc/strandline-agent/agent.toml"]
    for folder in (hub, agent):
        for script in ("postinst", "prerm", "postrm"):
            text = (folder / script).read_text()
            run("sh", "-n", folder / script)
            assert "set -e" in text
            # Keys are nowhere else: no script removes a state folder.
            assert not re.search(r"\brm\b", text)
        assert not re.search(r"^[^\"#]*systemctl (start|enable)", (folder / "postinst").read_text(), re.MULTILINE)


def test_the_hubs_configuration_is_good_and_keeps_off_the_network(packages, bin_dir, tmp_path):
    run("dpkg-deb", "-x", packages[HUB], tmp_path)
    config = tmp_path / "etc" / "strandline" / "strandline.toml"
    run(bin_dir / "strandlined", "--check-config", "--config", config)
    text = config.read_text()
    assert 'state = "/var/lib/strandline"' in text
    assert set(re.findall(r'^address = "(.*)"$', text, re.MULTILINE)) == {"127.0.0.1"}


UNITS = {"strandlined": 2.0, "strandline-agent": 2.0}


@pytest.mark.parametrize("unit", UNITS)
def test_units_are_valid_and_hardened(unit, tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    text = (PACKAGING / "systemd" / f"{unit}.service").read_text()
    # The program need not be installed here to check the rest.
    file = tmp_path / f"{unit}.service"
    file.write_text(re.sub(r"^(Exec\w+=)/usr/bin/\S+", r"\1/bin/true", text, flags=re.MULTILINE)
                    .replace("Documentation=", "#Documentation="))
    assert subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True).stderr == ""
    report = subprocess.run(["systemd-analyze", "security", "--offline=true", file], capture_output=True, text=True).stdout
    score = float(re.search(r"exposure level for \S+: ([0-9.]+)", report).group(1))
    print(f"{unit}: exposure {score}")
    assert score <= UNITS[unit], report


def lines(unit: str) -> list[str]:
    return (PACKAGING / "systemd" / f"{unit}.service").read_text().splitlines()


def test_a_child_killed_for_its_memory_does_not_stop_the_agent():
    assert "OOMPolicy=continue" in lines("strandline-agent")
    # The agent asks for more time while it starts, which systemd grants to Type=notify alone.
    assert {"Type=notify", "TimeoutStartSec=120"} <= set(lines("strandline-agent"))


@pytest.mark.parametrize(("unit", "folder", "example"), [("strandlined", "strandline", "strandline.toml"),
                                                         ("strandline-agent", "strandline-agent", "agent.toml")])
def test_a_log_file_has_a_folder_that_its_unit_may_write(unit, folder, example):
    assert {f"LogsDirectory={folder}", "LogsDirectoryMode=0750"} <= set(lines(unit))
    named = f"/var/log/{folder}/{unit}.log"
    assert named in (PACKAGING.parent / "examples" / example).read_text()
    assert named in (PACKAGING.parent / "docs" / "operations" / "install.md").read_text()
