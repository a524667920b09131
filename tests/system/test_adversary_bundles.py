"""Bundles that want to be more than files: paths, links, bombs and crowds, in each way a bundle can come."""
import io
import json
import stat
import zipfile

import pytest
import requests

from harness.bare_device import files_of
from harness.memory import SMALL_QUARANTINE

case = pytest.mark.case
BOUNDARY = "b-o-u-n-d"
HOSTILE_PATHS = ["../escape", "/etc/escape", "a/../../escape", "a//escape", "./escape", "a/.", "a/", "..", "", "a\\escape",
                 "a\nescape", "a\x00escape", "a\x1b[2Jescape", "a\u202eescape", "a\u009bescape", "x" * 256, "~/../escape"]


@pytest.fixture(scope="module")
def legacy(bin_dir, tmp_path_factory):
    from conftest import Site

    made = Site(bin_dir, tmp_path_factory.mktemp("bundles"),
                {"legacy.enabled": True, "legacy.port": 0, "legacy.mqtt_port": 0, "legacy.max_document_bytes": 1 << 24},
                SMALL_QUARANTINE)
    yield made
    made.close()


@pytest.fixture(scope="module")
def site(legacy):
    return legacy


@pytest.fixture(scope="module")
def model(leaf) -> bytes:
    return (leaf / "leaf-1.0.0" / "model.onnx").read_bytes()


def form(parts) -> bytes:
    """parts: (name, file name or None, bytes); names go out as they are."""
    out = b""
    for name, filename, data in parts:
        out += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        if filename is not None:
            out += b'; filename="' + (filename if isinstance(filename, bytes) else filename.encode()) + b'"'
        out += b"\r\n\r\n" + data + b"\r\n"
    return out + f"--{BOUNDARY}--\r\n".encode()


def push_form(hub, parts):
    return hub.api("POST", "/v1/releases", form(parts), headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})


def description(version: str, **more) -> bytes:
    return json.dumps({"package": "hostile", "version": version, **more}).encode()


def releases(hub) -> list:
    return hub.api("GET", "/v1/releases?package=hostile")[2]["items"]


def assert_nothing_escaped(hub) -> None:
    assert not [f for f in files_of(hub.folder) if "escape" in f]


@case("a form brings files with paths that leave the bundle, hide in it or fool the eye", "400 that names the path; no release")
@pytest.mark.parametrize("path", HOSTILE_PATHS, ids=ascii)
def test_paths_in_forms(site, model, path):
    status, _, answer = push_form(site.hub, [("release", None, description("1.0.0", entry="model.onnx")),
                                             ("file", "model.onnx", model), ("file", path, b"x")])
    assert status == 400 and answer["error"]["code"] == "invalid", answer
    assert not releases(site.hub)
    assert_nothing_escaped(site.hub)


@case("a file name in a form is no UTF-8, ends its header line, or carries quotes", "400, or a name that is data; no further header")
@pytest.mark.parametrize("path", [b"a\xff\xfe", b"a\xc0\xaf..", b'a"; name="release', b"%0d%0aX: y", b"a%00b"], ids=ascii)
def test_bytes_in_file_names(site, model, path):
    status, _, answer = push_form(site.hub, [("release", None, description("1.0.1", entry="model.onnx")),
                                             ("file", "model.onnx", model), ("file", path, b"x")])
    assert status in (201, 400, 409), answer
    if status != 400:
        paths = [f["path"] for f in answer["files"]]
        assert all(p.isprintable() for p in paths), paths
        assert site.hub.api("DELETE", "/v1/releases/" + answer["id"])[0] == 204


@case("the JSON form of a release names such paths, a path twice, a file as a folder, or blobs that are not there",
      "400 or 404 that names it; no release")
@pytest.mark.parametrize("paths", [[p] for p in HOSTILE_PATHS] + [["model.onnx", "model.onnx"], ["a", "a/b"], ["a/b", "a/b/c"]],
                         ids=ascii)
def test_paths_in_json(site, model, paths):
    digest = site.hub.api("POST", "/v1/blobs", model)[2]["sha256"]
    body = {"package": "hostile", "version": "1.0.2", "entry": paths[0], "files": [{"path": p, "sha256": digest} for p in paths]}
    status, _, answer = site.hub.api("POST", "/v1/releases", body)
    assert status == 400 and answer["error"]["code"] == "invalid", answer
    body["files"] = [{"path": "model.onnx", "sha256": "0" * 64}]
    body["entry"] = "model.onnx"
    assert site.hub.api("POST", "/v1/releases", body)[0] == 404
    assert not releases(site.hub)


@case("a release of names that differ only in case or in Unicode form", "each is its own file with its own bytes")
def test_names_that_look_alike(site, model):
    parts = [("file", "model.onnx", model), ("file", "Model.onnx", b"capital"), ("file", "caf\u00e9.txt", b"composed"),
             ("file", "cafe\u0301.txt", b"decomposed")]
    status, _, answer = push_form(site.hub, [("release", None, description("1.1.0", entry="model.onnx")), *parts])
    assert status == 201, answer
    stored = {f["path"]: f["sha256"] for f in answer["files"]}
    for _, path, data in parts:
        assert site.hub.api("GET", f"/v1/blobs/{stored[path]}")[2] == data
    assert site.hub.api("DELETE", "/v1/releases/" + answer["id"])[0] == 204


@case("a form of thousands of parts, of heads without end, without its end, with the description last or twice",
      "400 by name; memory stays; no release")
def test_forms_without_measure(site, model):
    before = site.hub.rss_bytes()
    head = ("release", None, description("1.2.0", entry="model.onnx"))
    crowd = [head, *[("file", f"f{i}", b"") for i in range(3000)]]
    endless = b"--" + BOUNDARY.encode() + b"\r\nX: " + b"y" * 200_000
    cut = form([head, ("file", "model.onnx", model)])[:-20]
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    for data in (form(crowd), endless, cut, form([("file", "model.onnx", model), head]), form([head, head]), form([]), b"",
                 form([head]), b"\r\n" * 100_000):
        status, _, answer = site.hub.api("POST", "/v1/releases", data, headers=kind)
        assert status == 400 and answer["error"]["message"], answer
    for boundary in ("", "x" * 71, '"', "a b\r\nc"):
        bad = {"Content-Type": f"multipart/form-data; boundary={boundary}".replace("\r\n", " ")}
        assert site.hub.api("POST", "/v1/releases", form([head]), headers=bad)[0] == 400
    assert site.hub.rss_bytes() - before < 96 << 20  # the sanitizers keep freed memory for a while
    assert not releases(site.hub)


@case("labels, arguments and descriptions with line ends, escapes and overlong values", "400 by name; none is stored")
@pytest.mark.parametrize("more", [{"labels": {"a": "b\r\nX: y"}}, {"labels": {"a\n": "b"}}, {"labels": {"a": "\u009b31m"}},
                                  {"labels": {str(i): "x" for i in range(100)}}, {"arguments": ["\x1b[2J"]},
                                  {"arguments": ["x" * 5000]}, {"requirements": {"arch": ["../x"]}}, {"channel": "a/b"},
                                  {"kind": "shell"}, {"entry": "../x"}, {"golden": {"file": "/etc/passwd"}}, {"version": "1.0\n"},
                                  {"variant": "a b"}, {"package": "../x"}, {"unknown": 1}], ids=ascii)
def test_texts_of_a_release(site, model, more):
    digest = site.hub.api("POST", "/v1/blobs", model)[2]["sha256"]
    body = {"package": "hostile", "version": "1.3.0", "files": [{"path": "model.onnx", "sha256": digest}], **more}
    status, _, answer = site.hub.api("POST", "/v1/releases", body)
    assert status == 400, answer
    assert not releases(site.hub)


def archive(members) -> bytes:
    """members: (ZipInfo or name, bytes)"""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for info, data in members:
            packed.writestr(info, data)
    return out.getvalue()


def special(name: str, kind: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (kind | 0o777) << 16
    return info


def upload(site, title: str, data: bytes, name: str = "bundle.zip"):
    answer = requests.post(site.hub.info["legacy_url"] + "/api/file_upload/",
                           data={"title": title, "description": "x", "version": "1.0.0"},
                           files={"document": (name, data)}, timeout=120)
    return answer.status_code, answer.json()


@case("an archive holds links, devices, sockets, absolute and climbing paths, a name twice, or an encrypted member",
      "400 that names the member; no file outside the store, no release")
@pytest.mark.parametrize("member", [(special("escape", stat.S_IFLNK), b"/etc/passwd"), (special("escape", stat.S_IFCHR), b""),
                                    (special("escape", stat.S_IFSOCK), b""),
                                    ("../escape", b"x"), ("/etc/escape", b"x"), ("a/../../escape", b"x"), ("a\\..\\escape", b"x"),
                                    ("model.onnx", b"another"), ("model.onnx/escape", b"x"), ("a\x1b[2J", b"x")],
                         ids=lambda m: ascii(getattr(m[0], "filename", m[0])) + str(getattr(m[0], "external_attr", "")))
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_of_archives(legacy, model, member):
    before = len(legacy.hub.cli_json("releases"))
    status, answer = upload(legacy, "Hostile", archive([("model.onnx", model), member]))
    assert status == 400 and answer, answer
    assert len(legacy.hub.cli_json("releases")) == before
    assert_nothing_escaped(legacy.hub)


@case("an archive that unpacks to a thousand times its size, one of ten thousand files, ones that are cut or lie about sizes",
      "400 by name; disk and memory stay")
def test_bombs(legacy, model):
    before = legacy.hub.rss_bytes()
    bomb = archive([("model.onnx", model), ("zeros", b"\0" * (400 << 20))])
    assert len(bomb) < 1 << 20
    crowd = archive([("model.onnx", model), *[(f"f{i}", b"") for i in range(10_000)]])
    good = archive([("model.onnx", model), ("a.txt", b"abc")])
    lying = bytearray(good)
    start = lying.rindex(b"PK\x01\x02")
    lying[start + 20:start + 28] = b"\xff\xff\xff\x7f\xff\xff\xff\x7f"
    for data in (bomb, crowd, good[:len(good) // 2], b"PK\x03\x04" + b"\xff" * 1000, archive([]), b"no archive"):
        status, answer = upload(legacy, "Bomb", data)
        assert status == 400 and answer, answer
    status, _ = upload(legacy, "Lying", bytes(lying))
    assert status in (201, 400)
    stored = sum((legacy.hub.state / f).stat().st_size for f in files_of(legacy.hub.state) if not f.startswith("broker"))
    assert stored < 64 << 20, stored
    assert legacy.hub.rss_bytes() - before < 96 << 20


@case("titles, descriptions and file names of a legacy upload with control characters, invalid UTF-8 and traversal",
      "400 by field; lists stay well-formed")
@pytest.mark.parametrize("field", ["title", "description", "version"])
@pytest.mark.parametrize("value", [b"\xff\xfe", b"a\x1b[2Jb", b"a\x00b", b"../../etc", b"\xe2\x80\xae1.0"], ids=ascii)
def test_texts_of_a_legacy_upload(legacy, model, field, value):
    parts = {"title": b"Honest", "description": b"x", "version": b"2.0.0", field: value}
    body = form([*[(k, None, v) for k, v in parts.items()], ("document", "../../m.onnx", model)])
    answer = requests.post(legacy.hub.info["legacy_url"] + "/api/file_upload/", data=body, timeout=60,
                           headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
    harmless = field == "description" and value == b"../../etc"
    assert answer.status_code in ((200, 201) if harmless else (400,)), answer.text
    if not harmless:
        assert field in answer.json()
    rows = requests.get(legacy.hub.info["legacy_url"] + "/api/file_upload/", timeout=30)
    rows.content.decode("utf-8")
    assert "\\u001b" not in rows.text
    assert_nothing_escaped(legacy.hub)
