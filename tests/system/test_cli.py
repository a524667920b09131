"""The command line as a person and a script meet it."""
import json
import os
import subprocess

import pytest

from harness.hub import CliError


def plain(site, *arguments, env=None, stdin=None):
    return subprocess.run([str(site.hub.bin / "strandline"), *arguments], capture_output=True, text=True, timeout=60,
                          env={**site.hub.cli_environment(), **(env or {})}, input=stdin)


@pytest.fixture(scope="module")
def filled(site, leaf):
    site.agent("cli-device", labels={"room": "a"})
    site.push(leaf / "leaf-1.0.0", "1.0.0", "leaf", "--channel", "stable")
    site.deploy("leaf@stable", "device:cli-device")
    return site


@pytest.mark.parametrize("command", [
    ["whoami"], ["releases"], ["releases", "list", "leaf"], ["releases", "show", "leaf@1.0.0:default"],
    ["channels", "list", "leaf"], ["devices"], ["devices", "list", "--label", "room=a", "--online"],
    ["devices", "show", "cli-device"], ["clusters"], ["token", "list"], ["token", "list", "--operators"], ["status"],
    ["audit"], ["delta", "list"], ["watch", "--for", "1", "--since", "0"],
])
def test_every_reading_command_has_text_and_json(filled, command):
    text = filled.hub.cli(*command)
    assert text.strip()
    output = filled.hub.cli("--output", "json", *command)
    for line in output.splitlines() if command[0] == "watch" else [output]:
        json.loads(line)


def test_lists_name_what_is_there(filled):
    assert "cli-device" in filled.hub.cli("devices") and "leaf=1.0.0" in filled.hub.cli("devices")
    assert filled.hub.cli_json("devices", "--label", "room=b") == []
    assert [c["version"] for c in filled.hub.cli_json("channels", "list", "leaf")] == ["1.0.0"]
    assert any("release" in entry["action"] for entry in filled.hub.cli_json("audit"))


def test_clusters_and_labels(filled):
    filled.hub.cli("clusters", "create", "north", "--description", "upper field")
    filled.hub.cli("clusters", "add", "north", "cli-device")
    assert filled.hub.cli_json("clusters")[0]["members"] == ["cli-device"]
    assert filled.deploy("leaf@1.0.0", "cluster:north")["state"] == "succeeded"
    filled.hub.cli("devices", "label", "cli-device", "--label", "room=b")
    assert filled.hub.device("cli-device")["labels"] == {"room": "b"}
    filled.hub.cli("clusters", "remove", "north", "cli-device")
    filled.hub.cli("clusters", "delete", "north")
    assert filled.hub.cli_json("clusters") == []


def test_infer_asks_the_device(filled, leaf):
    agent = filled.agents[0]
    answer = filled.hub.cli_json("infer", "leaf", "--server", agent.serve_url, "--input",
                                 f"image={leaf / 'leaf-1.0.0' / 'golden' / 'rust.bin'}")
    assert answer["model_version"] == "1.0.0" and len(answer["outputs"][0]["data"]) == 4


@pytest.mark.parametrize(("arguments", "code", "text"), [
    (["releases", "show", "nothing@1.0.0:default"], 5, "nothing"),
    (["deploy", "leaf@9.9.9", "--to", "all"], 5, "9.9.9"),
    (["deploy", "leaf@1.0.0", "--to", "planet:x"], 2, "device:ID"),
    (["deploy", "leaf@1.0.0"], 2, "--to"),
    (["push", "/no/such/file", "--package", "p", "--version", "1.0.0"], 5, "/no/such/file"),
    (["push", "/etc/hostname", "--package", "../x", "--version", "1.0.0"], 2, "package"),
    (["push", "/etc/hostname", "--package", "x", "--version", "one"], 2, "version"),
    (["frobnicate"], 2, "frobnicate"),
    (["devices", "show", "ghost"], 5, "ghost"),
])
def test_errors_name_the_thing_and_exit_by_the_catalogue(filled, arguments, code, text):
    done = plain(filled, *arguments)
    assert done.returncode == code, done
    assert text in done.stderr + done.stdout


def test_json_errors_are_json(filled):
    done = plain(filled, "--output", "json", "devices", "show", "ghost")
    assert json.loads(done.stderr)["error"]["code"] == "not_found"


def test_other_bytes_under_the_same_version_are_refused(filled, leaf):
    with pytest.raises(CliError) as failure:
        filled.push(leaf / "leaf-1.1.0", "1.0.0")
    assert failure.value.code == 6


def test_not_logged_in_says_how_to(filled, tmp_path):
    done = plain(filled, "devices", env={"STRANDLINE_PROFILE": str(tmp_path / "none.json")})
    assert done.returncode == 3 and "strandline login" in done.stderr


def test_a_login_keeps_the_origin_of_what_was_typed(filled, tmp_path):
    env = {"STRANDLINE_PROFILE": str(tmp_path / "profile.json")}
    done = plain(filled, "login", filled.hub.url + "/", "--token", "-", env=env, stdin=filled.hub.token)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "profile.json").read_text())["url"] == filled.hub.url
    # What an earlier version kept, or a variable says.
    for typed in ("/", "/v1"):
        checked = plain(filled, "doctor", "--json", env={**env, "STRANDLINE_HUB": filled.hub.url + typed})
        found = {f["check"]: f for f in json.loads(checked.stdout)["findings"]}
        assert found["hub"]["verdict"] == "ok", found


def test_roles(filled, tmp_path):
    token = filled.hub.cli("token", "create", "--operator", "watcher", "--role", "viewer").strip()
    env = {"STRANDLINE_PROFILE": str(tmp_path / "viewer.json")}
    done = plain(filled, "login", filled.hub.url, "--token", "-", env=env, stdin=token + "\n")
    assert done.returncode == 0 and "viewer" in done.stdout, done.stderr
    assert plain(filled, "devices", env=env).returncode == 0
    refused = plain(filled, "deploy", "leaf@1.0.0", "--to", "all", env=env)
    assert refused.returncode == 4, refused.stderr


def test_a_false_hub_is_not_trusted(filled, tmp_path):
    parts = filled.hub.token.split(".")
    parts[3] = "0" * 64
    done = plain(filled, "login", filled.hub.url, "--token", "-", stdin=".".join(parts) + "\n",
                 env={"STRANDLINE_PROFILE": str(tmp_path / "false.json")})
    assert done.returncode == 3, done.stderr
    assert not (tmp_path / "false.json").exists()


def test_delta_commands_round_trip(filled, leaf, tmp_path):
    old, new = leaf / "leaf-1.0.0" / "model.onnx", leaf / "leaf-1.1.0" / "model.onnx"
    patch, out = tmp_path / "p.delta", tmp_path / "out.onnx"
    made = filled.hub.cli_json("delta", "make", old, new, patch)
    assert made["delta_bytes"] == patch.stat().st_size < new.stat().st_size
    info = filled.hub.cli_json("delta", "info", patch)
    assert info["new_bytes"] == new.stat().st_size
    filled.hub.cli("delta", "apply", old, patch, out)
    assert out.read_bytes() == new.read_bytes()
    done = plain(filled, "delta", "apply", str(new), str(patch), str(tmp_path / "wrong"))
    assert done.returncode == 6 and not (tmp_path / "wrong").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(filled, shell):
    assert "deploy" in filled.hub.cli("completion", shell)


def test_bash_completes_commands(filled):
    script = filled.hub.cli("completion", "bash") + "\nCOMP_WORDS=(strandline dep); COMP_CWORD=1; _strandline; echo ${COMPREPLY[@]}\n"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30, env=os.environ)
    assert done.stdout.split() == ["deploy"], done


def test_process_releases_run_and_are_supervised(filled, tmp_path):
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    script = bundle / "serve.sh"
    script.write_text("#!/bin/sh\necho started >> \"$1\"\nexec sleep 1000\n")
    script.chmod(0o755)
    mark = tmp_path / "mark"
    filled.push(bundle, "1.0.0", "tool", "--kind", "process", "--entry", "serve.sh", "--arg", str(mark))
    assert filled.deploy("tool@1.0.0", "device:cli-device")["state"] == "succeeded"
    assert mark.read_text().startswith("started")
