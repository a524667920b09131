"""/metrics of hub and agent, as Prometheus itself judges them."""
import pathlib
import re
import shutil
import subprocess
import urllib.request

import pytest

from harness.leaf import LEAF_SHAPE

ROOT = pathlib.Path(__file__).parents[2]
UNITS = ("_total", "_seconds", "_bytes", "_ratio", "_celsius", "_info", "_running", "_waiting", "_connected", "_generation", "_serving", "_refused")


def families(text: str) -> dict[str, dict]:
    """{name: {"type", "help", "samples": {name with labels: value}}}"""
    found: dict[str, dict] = {}
    for line in text.splitlines():
        if match := re.match(r"# (HELP|TYPE) (\S+) (.*)", line):
            found.setdefault(match[2], {"samples": {}})[match[1].lower()] = match[3]
        elif line:
            name, _, value = line.rpartition(" ")
            base = name.split("{")[0]
            family = next((f for f in (base, re.sub(r"_(bucket|sum|count)$", "", base)) if f in found), None)
            assert family, f"a sample before its TYPE: {line}"
            found[family]["samples"][name] = float(value)
    return found


@pytest.fixture(scope="module")
def agent(site, leaf, rusty_leaf):
    """One that has been updated and asked."""
    agent = site.agent("edge-1")
    site.hub.cli("push", leaf / "leaf-1.0.0", "--package", "leaf", "--version", "1.0.0")
    site.hub.cli("deploy", "leaf@1.0.0", "--to", "all", "--soak", 0, "--wait", "--timeout", 60)
    for _ in range(3):
        agent.client().infer("leaf", "image", LEAF_SHAPE, rusty_leaf)
    return agent


@pytest.fixture(scope="module")
def hub_text(site, agent) -> str:
    """Of a hub that has done a bit of everything."""
    assert site.hub.api("GET", "/v1/devices/nobody")[0] == 404
    assert site.hub.api("GET", "/metrics", token="slo1.no.no.no")[0] == 401
    status, headers, body = site.hub.api("GET", "/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return body.decode()


@pytest.fixture(scope="module")
def agent_text(agent) -> str:
    with urllib.request.urlopen(agent.serve_url + "/metrics", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return answer.read().decode()


@pytest.fixture(params=["hub", "agent"])
def text(request) -> str:
    return request.getfixturevalue(f"{request.param}_text")


def test_promtool_finds_nothing_to_mend(text):
    promtool = shutil.which("promtool") or ROOT / "build" / "tools" / "promtool"
    judged = subprocess.run([promtool, "check", "metrics"], input=text, text=True, capture_output=True, timeout=30)
    assert judged.returncode == 0, judged.stderr
    assert judged.stdout == "" and judged.stderr == ""


def test_every_family_is_described_and_has_its_unit_in_its_name(text):
    found = families(text)
    assert len(found) >= 8
    for name, family in found.items():
        assert name.startswith("strandline_"), name
        assert family.get("type") in ("counter", "gauge", "histogram"), name
        assert family.get("help", "").endswith("."), f"{name}: {family.get('help')}"
        assert name.endswith(UNITS), name
        assert (family["type"] == "counter") == name.endswith("_total"), name
        assert family["samples"], name


def test_the_agent_counts_what_it_answered(agent_text):
    found = families(agent_text)
    assert found["strandline_inferences_total"]["samples"] == {'strandline_inferences_total{model="leaf",version="1.0.0"}': 3}
    assert found["strandline_slot_serving"]["samples"] == {'strandline_slot_serving{slot="leaf"}': 1}
    assert found["strandline_agent_broker_connected"]["samples"]["strandline_agent_broker_connected"] == 1


def test_the_numbers_are_those_of_what_happened(hub_text, leaf):
    found = families(hub_text)

    def value(name: str) -> float:
        return sum(found[name]["samples"].values())

    whole = sum(f.stat().st_size for f in (leaf / "leaf-1.0.0").rglob("*") if f.is_file())
    assert value("strandline_download_bytes_total") == whole
    assert value("strandline_desired_published_total") >= 1
    assert value("strandline_ingest_messages_total") >= 2
    assert value("strandline_ingest_rejected_total") == 0
    assert value("strandline_downloads_running") == 0
    requests = found["strandline_http_requests_total"]["samples"]
    assert requests['strandline_http_requests_total{method="GET",code="404"}'] >= 1
    assert requests['strandline_http_requests_total{method="GET",code="401"}'] == 1
    buckets = {name: v for name, v in found["strandline_http_request_duration_seconds"]["samples"].items() if "_bucket" in name}
    assert list(buckets.values()) == sorted(buckets.values())
