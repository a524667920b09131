"""Pushes through a hub that is slow, busy or forgetful."""
import json

import pytest

from harness.scripted_hub import Answer, Request, ScriptedHub, error

CONTENT = bytes(range(256)) * 64


class Uploads:
    """The part of a hub that takes one file. Tests replace single answers."""

    def __init__(self, take=None):
        self.take = take or self.store  #: what a PATCH does
        self.session = 0  #: number of the open one; 0 is none
        self.opened = 0
        self.data = b""
        self.blob = False

    def __call__(self, request: Request):
        method, path = request.method, request.path
        if method == "HEAD" and path.startswith("/v1/blobs/"):
            return Answer(200 if self.blob else 404)
        if method == "HEAD":
            known = self.session and path == f"/v1/uploads/{self.session}"
            return Answer(200, headers={"Upload-Offset": str(len(self.data))}) if known else Answer(404)
        if method == "POST" and path == "/v1/uploads":
            self.opened += 1
            self.session, self.data = self.opened, b""
            return Answer(201, headers={"Location": f"/v1/uploads/{self.session}"})
        if method == "PATCH":
            return self.take(request)
        assert (method, path) == ("POST", "/v1/releases")
        release = json.loads(request.body)
        return Answer(201, {**release, "variant": "default", "manifest": "0" * 64})

    def store(self, request: Request):
        self.data += request.body
        self.session, self.blob = 0, True
        return Answer(204, headers={"Upload-Offset": str(len(self.data)), "Strandline-Blob": "0" * 64})


@pytest.fixture
def push(bin_dir, tmp_path):
    """push(hub) -> (finished process, hub), of a model of a few pieces."""
    model = tmp_path / "model.onnx"
    model.write_bytes(CONTENT)
    hubs: list[ScriptedHub] = []

    def run(uploads):
        hubs.append(ScriptedHub(bin_dir, tmp_path, uploads).__enter__())
        return hubs[-1].cli("push", model, "--package", "p", "--version", "1.0.0"), hubs[-1]

    run.model = model
    yield run
    for hub in hubs:
        hub.__exit__()


@pytest.mark.case("the answer to the last byte of an upload is lost", "the file is not sent again")
def test_a_lost_answer_to_the_last_byte(push):
    uploads = Uploads()

    def swallow(request):
        uploads.store(request)

    uploads.take = swallow
    done, hub = push(uploads)
    assert done.returncode == 0, done.stderr
    assert hub.count("PATCH") == 1 and uploads.data == CONTENT


@pytest.mark.case("the hub still hashes an upload while its client asks again, and again", "the client waits for the end of it")
def test_a_busy_hub_uses_up_no_attempts(push):
    uploads = Uploads()
    asked = 0

    def hashing(request):
        nonlocal asked
        asked += 1
        # The first request's connection is cut while the hub hashes; ten more find it at that.
        if asked == 1:
            return None
        if asked == 11:
            uploads.store(request)
        return error(409, "conflict", "another request is writing upload 1")

    uploads.take = hashing
    done, hub = push(uploads)
    assert done.returncode == 0, done.stderr
    assert uploads.opened == 1 and uploads.data == CONTENT
