"""The two programs of the older platform work with only address, port and paths changed."""
import json
import pathlib
import re
import subprocess
import zipfile

import pytest
import requests

from harness.process import Process

HERE = pathlib.Path(__file__).parent / "s0"


@pytest.fixture(scope="module")
def legacy(bin_dir, tmp_path_factory):
    from conftest import Site

    site = Site(bin_dir, tmp_path_factory.mktemp("legacy"), {"legacy.enabled": True, "legacy.port": 0, "legacy.mqtt_port": 0})
    yield site
    site.close()


def upload(site, title, version, path, description="a model"):
    return subprocess.run(["/usr/bin/python3", HERE / "uploader.py", site.hub.info["legacy_url"], title, description, version,
                           str(path)], capture_output=True, text=True, timeout=120)


def test_listener_is_off_by_default(site):
    assert "legacy_url" not in site.hub.info


def test_upload_notice_and_download(legacy, leaf, tmp_path):
    out = tmp_path / "received.onnx"
    subscriber = Process(["/usr/bin/python3", "-u", HERE / "subscriber.py", "127.0.0.1",
                          legacy.hub.info["legacy_mqtt_port"], out], tmp_path / "subscriber.log")
    subscriber.line_with("subscribed", 30)
    model = leaf / "leaf-1.0.0" / "model.onnx"
    done = upload(legacy, "Leaf Model", "1.0.0", model)
    assert done.returncode == 0, done.stdout + done.stderr
    row = json.loads(done.stdout.splitlines()[1])
    assert {"id", "title", "description", "version", "document", "uploaded_at"} <= row.keys()
    assert (row["title"], row["version"]) == ("Leaf Model", "1.0.0")
    notice = json.loads(subscriber.line_with("notice", 30).split(" ", 1)[1])
    assert notice.keys() == {"Model_Name", "Description", "Version", "Time", "Download"}
    assert (notice["Model_Name"], notice["Version"]) == ("Leaf Model", "1.0.0")
    assert re.fullmatch(r"\d\d/\d\d \d\d:\d\d:\d\d", notice["Time"])
    subscriber.line_with("downloaded 200", 30)
    assert subscriber.child.wait(30) == 0
    assert out.read_bytes() == model.read_bytes()


def test_the_upload_is_a_signed_release(legacy):
    releases = legacy.hub.cli_json("releases")
    assert [(r["version"], r["size"] > 0) for r in releases][:1] == [("1.0.0", True)]


def test_rows_can_be_listed_read_changed_and_deleted(legacy, leaf):
    api = legacy.hub.info["legacy_url"] + "/api/file_upload/"
    assert upload(legacy, "Other", "01", leaf / "leaf-1.1.0" / "model.onnx").returncode == 0
    rows = requests.get(api, timeout=30).json()
    rows = rows["results"] if isinstance(rows, dict) else rows
    row = next(r for r in rows if r["title"] == "Other")
    one = f"{api}{row['id']}/"
    assert requests.get(one, timeout=30).json()["version"] == "01"
    changed = requests.patch(one, data={"description": "better"}, timeout=30)
    assert changed.status_code == 200 and changed.json()["description"] == "better"
    replaced = requests.put(one, files={"document": ("m.onnx", (leaf / "leaf-1.1.0" / "model.onnx").read_bytes())},
                            data={"title": "Other", "description": "put", "version": "01"}, timeout=30)
    assert replaced.status_code == 200 and replaced.json()["description"] == "put"
    assert requests.get(row["document"], timeout=30).content == (leaf / "leaf-1.1.0" / "model.onnx").read_bytes()
    assert requests.delete(one, timeout=30).status_code == 204
    assert requests.get(one, timeout=30).status_code == 404


def test_other_bytes_under_the_same_version_are_reported(legacy, leaf):
    done = upload(legacy, "Leaf Model", "1.0.0", leaf / "leaf-1.1.0" / "model.onnx")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] in ("400", "409")
    assert '"version"' in done.stdout and "another document" in done.stdout


@pytest.mark.parametrize("fields", [{}, {"title": "x"}, {"title": "x" * 300, "version": "1.0.0"}, {"version": "1.0.0"}])
def test_missing_fields_are_named(legacy, fields):
    answer = requests.post(legacy.hub.info["legacy_url"] + "/api/file_upload/", data=fields, files={"ignored": b""}, timeout=30)
    assert answer.status_code == 400
    assert all(isinstance(problem, list) for problem in answer.json().values())


def test_zip_members_become_files_and_traversal_is_refused(legacy, leaf, tmp_path):
    good = tmp_path / "bundle.zip"
    with zipfile.ZipFile(good, "w") as archive:
        archive.write(leaf / "leaf-1.0.0" / "model.onnx", "model.onnx")
        archive.writestr("label.txt", "healthy\nrust\n")
        archive.writestr("config.json", '{"diff":["model.onnx"]}')
    assert upload(legacy, "Zipped", "1.0.0", good).returncode == 0
    release = next(r for r in legacy.hub.cli_json("releases") if r["package"].lower().startswith("zipped"))
    assert {f["path"] for f in legacy.hub.cli_json("releases", "show", release["id"])["files"]} >= {"model.onnx", "label.txt"}
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("../../escape.onnx", "x")
    assert upload(legacy, "Escape", "1.0.0", bad).returncode == 1


def test_names_are_data_not_paths(legacy, leaf):
    done = upload(legacy, "..etc $(touch x); model v1.2", "1.0.0", leaf / "leaf-1.0.0" / "model.onnx")
    assert done.returncode == 0, done.stdout
    row = json.loads(done.stdout.splitlines()[1])
    assert requests.get(row["document"], timeout=30).content == (leaf / "leaf-1.0.0" / "model.onnx").read_bytes()
    assert upload(legacy, "../../etc", "1.0.0", leaf / "leaf-1.0.0" / "model.onnx").returncode == 1


