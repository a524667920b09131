"""Resumable uploads that lie, race, trespass and never end."""
import base64
import concurrent.futures
import hashlib

import pytest

from harness.raw_http import RawConnection

case = pytest.mark.case
TYPE = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}


@pytest.fixture(scope="module")
def tokens(site):
    return [site.hub.api("POST", "/v1/tokens", {"name": f"uploader-{i}", "role": "operator"})[2]["token"] for i in range(3)]


def create(hub, token: str, length, metadata: str = ""):
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(length)}
    if metadata:
        headers["Upload-Metadata"] = metadata
    status, answer_headers, answer = hub.api("POST", "/v1/uploads", token=token, headers=headers)
    return status, answer_headers.get("Location"), answer


def patch(hub, token: str, place: str, offset, data: bytes):
    return hub.api("PATCH", place, data, token=token, headers={**TYPE, "Upload-Offset": str(offset)})


def offset_of(hub, token: str, place: str) -> int:
    return int(hub.api("HEAD", place, token=token, headers={"Tus-Resumable": "1.0.0"})[1]["Upload-Offset"])


@case("lengths that are negative, huge, no number or missing; metadata that is no base64, no digest, or hides control characters",
      "400 by name of the header; nothing is created")
def test_creation_with_lies(site, tokens):
    for length in (-1, "x", "1e9", "+5", "", "0x10", 2**64, 2**63, 10**13, "1 2"):
        status, place, answer = create(site.hub, tokens[0], length)
        assert status == 400 and place is None and "Upload-Length" in answer["error"]["message"], (length, answer)

    def text(data: bytes) -> str:
        return base64.b64encode(data).decode()

    for metadata in ("sha256 ***", "sha256 " + text(b"short"), "sha256 " + text(b"G" * 64), "filename " + text(b"a\xff"),
                     "filename " + text(b"a\r\nb"), "filename " + text(b"\x1b[2J"), "filename " + text(b"x" * 300), "filename ==="):
        status, place, answer = create(site.hub, tokens[0], 5, metadata)
        assert status == 400 and place is None, (metadata, answer)
    status, place, _ = create(site.hub, tokens[0], 5, "filename " + text(b"../../etc/passwd") + ",other,,  x y")
    assert status == 201 and ".." not in place, "a file name is only a remark"


@case("a piece at another offset, beyond the declared length, of a wrong type or without an offset",
      "409 or 400; the offset stays where it was")
def test_offsets_that_lie(site, tokens):
    hub, token = site.hub, tokens[0]
    _, place, _ = create(hub, token, 10)
    assert patch(hub, token, place, 0, b"01234")[0] == 204
    for offset in (0, 4, 6, 10, 2**63):
        assert patch(hub, token, place, offset, b"x")[0] == 409, offset
    for offset in (-1, "x", "", 2**64):
        assert patch(hub, token, place, offset, b"x")[0] == 400, offset
    status, _, answer = patch(hub, token, place, 5, b"5678901")
    assert status == 400 and "declared" in answer["error"]["message"]
    assert hub.api("PATCH", place, b"x", token=token, headers={"Tus-Resumable": "1.0.0", "Upload-Offset": "5"})[0] == 400
    assert hub.api("PATCH", place, b"x", token=token, headers={**TYPE, "Tus-Resumable": "0.2", "Upload-Offset": "5"})[0] == 400
    # What was refused as too long has left at most the bytes that fit.
    at = offset_of(hub, token, place)
    assert 5 <= at <= 10
    hub.api("DELETE", place, token=token, headers={"Tus-Resumable": "1.0.0"})


@case("another operator reads, continues or deletes an upload", "404 as if it were not there; its owner goes on")
def test_foreign_uploads(site, tokens):
    hub, mine, other = site.hub, tokens[0], tokens[1]
    data = b"0123456789"
    _, place, _ = create(hub, mine, len(data), "sha256 " + base64.b64encode(hashlib.sha256(data).hexdigest().encode()).decode())
    assert patch(hub, mine, place, 0, data[:5])[0] == 204
    assert hub.api("HEAD", place, token=other, headers={"Tus-Resumable": "1.0.0"})[0] == 404
    assert patch(hub, other, place, 5, b"evil!")[0] == 404
    assert hub.api("DELETE", place, token=other, headers={"Tus-Resumable": "1.0.0"})[0] == 404
    status, headers, _ = patch(hub, mine, place, 5, data[5:])
    assert status == 204 and headers["Strandline-Blob"] == hashlib.sha256(data).hexdigest()


@case("eight requests write the same upload at once", "one writes, the others get 409; the bytes are one request's")
def test_parallel_pieces(site, tokens):
    hub, token = site.hub, tokens[0]
    size = 4 << 20
    _, place, _ = create(hub, token, size)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: patch(hub, token, place, 0, bytes([i]) * size), range(8)))
    done = [(status, headers) for status, headers, _ in answers if status == 204]
    assert len(done) == 1 and {a[0] for a in answers} <= {204, 404, 409}
    stored = hub.api("GET", "/v1/blobs/" + done[0][1]["Strandline-Blob"], token=token)[2]
    assert len(stored) == size and len(set(stored)) == 1


@case("the bytes do not have the digest that was declared", "422 or 409 by name; the upload and its bytes are gone")
def test_wrong_digest(site, tokens):
    hub, token = site.hub, tokens[0]
    _, place, _ = create(hub, token, 3, "sha256 " + base64.b64encode(b"0" * 64).decode())
    status, _, answer = patch(hub, token, place, 0, b"abc")
    assert status == 422, (status, answer)
    assert hub.api("HEAD", place, token=token, headers={"Tus-Resumable": "1.0.0"})[0] == 404
    assert hub.api("GET", "/v1/blobs/" + hashlib.sha256(b"abc").hexdigest(), token=token)[0] == 404


@case("one operator opens uploads without end, each of the largest size", "507 or 429 beyond its share; another one still uploads")
def test_uploads_without_end(site, tokens):
    hub, greedy = site.hub, tokens[2]
    statuses = []
    for _ in range(300):
        statuses.append(create(hub, greedy, 1000)[0])
        if statuses[-1] != 201:
            break
    assert statuses[-1] == 429 and len(statuses) > 100, (len(statuses), statuses[-1])
    assert create(hub, tokens[1], 5)[0] == 201
    files = len(list((hub.state / "uploads").iterdir()))
    assert files <= 600


@case("an upload is left in the middle of a piece", "what came counts, the next request may write at once")
def test_a_cut_piece(site, tokens):
    hub, token = site.hub, tokens[0]
    _, place, _ = create(hub, token, 10)
    with RawConnection(hub.url, hub.ca_file) as connection:
        connection.send((f"PATCH {place} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {token}\r\nTus-Resumable: 1.0.0\r\n"
                         "Content-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\nContent-Length: 10\r\n\r\n01234")
                        .encode())
    from harness.wait import wait_until

    wait_until(lambda: patch(hub, token, place, offset_of(hub, token, place), b"")[0] == 204, "the lock is given back")
    at = offset_of(hub, token, place)
    assert at in (0, 5)
    assert patch(hub, token, place, at, b"0123456789"[at:])[0] == 204
