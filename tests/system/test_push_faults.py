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


@pytest.mark.case("the hub answers 503 or 429 while an upload is cut", "the client waits and goes on where the hub stands")
@pytest.mark.parametrize(("status", "code"), [(503, "unavailable"), (429, "exhausted")])
def test_a_busy_answer_does_not_lose_the_upload(push, status, code):
    uploads = Uploads()
    refused = []

    def cut(request):
        uploads.data += request.body[:1000]
        uploads.take = uploads.store

    def script(request):
        if request.method == "HEAD" and request.path.startswith("/v1/uploads/") and not refused:
            refused.append(request.path)
            return error(status, code, Retry_After=1)
        return uploads(request)

    uploads.take = cut
    done, hub = push(script)
    assert done.returncode == 0, done.stderr
    assert refused and uploads.opened == 1
    assert hub.count("PATCH") == 2 and uploads.data == CONTENT


@pytest.mark.case("the answer to the last byte is lost, and the hub answers 503 when asked for the file",
                  "the file is not sent again")
def test_a_busy_answer_does_not_hide_the_file(push):
    uploads = Uploads()
    refused = []

    def swallow(request):
        uploads.store(request)

    def script(request):
        if request.method == "HEAD" and request.path.startswith("/v1/blobs/") and uploads.blob and not refused:
            refused.append(request.path)
            return error(503, "unavailable", Retry_After=0)
        return uploads(request)

    uploads.take = swallow
    done, hub = push(script)
    assert done.returncode == 0, done.stderr
    assert refused and hub.count("PATCH") == 1


@pytest.mark.parametrize("method", ["HEAD", "POST"])
def test_a_busy_hub_at_the_first_contact_is_asked_again(push, method):
    uploads = Uploads()
    refused = []

    def script(request):
        if request.method == method and not refused:
            refused.append(request.path)
            return error(503, "unavailable", Retry_After=0)
        return uploads(request)

    done, _ = push(script)
    assert done.returncode == 0, done.stderr
    assert refused and uploads.opened == 1


@pytest.mark.case("a file is changed while it is uploaded", "the push fails at once and says so")
def test_a_file_that_changes_is_not_sent_again_and_again(push):
    uploads = Uploads()

    def refuse(_request):
        push.model.write_bytes(b"other bytes")
        uploads.session = 0
        return error(422, "corrupt", "the content has another hash")

    uploads.take = refuse
    done, hub = push(uploads)
    assert done.returncode == 11 and f"{push.model} changed while it was uploaded; push again" in done.stderr
    assert hub.count("PATCH") == 1


@pytest.mark.case("the hub says twice that an unchanged upload is corrupt", "it is sent once more, and no more")
def test_bytes_damaged_on_the_way_are_sent_once_more(push):
    uploads = Uploads()

    def refuse(_request):
        uploads.session = 0
        return error(422, "corrupt", "the content has another hash")

    uploads.take = refuse
    done, hub = push(uploads)
    assert done.returncode == 11 and "another hash" in done.stderr
    assert hub.count("PATCH") == 2


@pytest.mark.case("the connection is cut more often than an upload has attempts, with progress each time",
                  "the upload goes through")
def test_progress_begins_a_new_row_of_attempts(push):
    uploads = Uploads()

    def a_little(request):
        assert int(request.headers["Upload-Offset"]) == len(uploads.data)
        if len(request.body) <= 1000:
            return uploads.store(request)
        uploads.data += request.body[:1000]
        return None

    uploads.take = a_little
    done, hub = push(uploads)
    assert done.returncode == 0, done.stderr
    assert hub.count("PATCH") == 17 and uploads.data == CONTENT
