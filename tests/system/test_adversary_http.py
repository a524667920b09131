"""Bytes that no honest client sends, and crowds of connections: the hub names the fault, stays small and serves the others."""
import concurrent.futures
import json
import threading
import time

import pytest

from harness.memory import SMALL_QUARANTINE
from harness.raw_http import RawConnection
from harness.wait import wait_until

case = pytest.mark.case
MIB = 1 << 20


@pytest.fixture(scope="module")
def site(bin_dir, tmp_path_factory):
    from conftest import Site

    made = Site(bin_dir, tmp_path_factory.mktemp("http"), env=SMALL_QUARANTINE)
    yield made
    made.close()


@pytest.fixture(scope="module")
def operator(site) -> str:
    return site.hub.api("POST", "/v1/tokens", {"name": "http-operator", "role": "operator"})[2]["token"]


def raw(hub, certificate=None, seconds: float = 30) -> RawConnection:
    return RawConnection(hub.url, hub.ca_file, certificate, seconds)


def head(method: str, path: str, *fields: str, token: str = "") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: hub", *fields]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def alive(hub) -> bool:
    return hub.api("GET", "/v1/whoami")[0] == 200


@case("both Content-Length and Transfer-Encoding, doubled or signed lengths, odd codings, folded lines, bare CR",
      "400 and the end of the connection: no second request is found inside the first")
@pytest.mark.parametrize("fields", [
    ("Content-Length: 5", "Transfer-Encoding: chunked"), ("Transfer-Encoding: chunked", "Content-Length: 5"),
    ("Content-Length: 5", "Content-Length: 6"), ("Content-Length: 5, 6",), ("Content-Length: +5",), ("Content-Length: -5",),
    ("Content-Length: 0x5",), ("Content-Length: 99999999999999999999999",), ("Transfer-Encoding: chunked, identity",),
    ("Transfer-Encoding: xchunked",), ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    ("Transfer-Encoding : chunked",), ("Transfer-Encoding: identity",), ("X: a", " folded: b"), ("Content-Length: 5\rX: y",),
    ("Host: other",), ("\x00X: y",), ("X: a\x00b",)], ids=ascii)
def test_request_smuggling(site, operator, fields):
    inner = head("DELETE", "/v1/packages/smuggled", token=operator)
    with raw(site.hub) as connection:
        connection.send(head("POST", "/v1/packages", *fields, token=operator) + b"0\r\n\r\n" + inner)
        answer = connection.answer()
        assert answer is not None and answer.status in (400, 501), answer and answer.status
        assert connection.ends()
    assert alive(site.hub)


@case("a body of 10 GB is announced", "413 at once, nothing is reserved")
@pytest.mark.parametrize("path", ["/v1/releases", "/v1/packages", "/v1/enroll", "/v1/device/reports"])
def test_absurd_length(site, operator, path):
    before = site.hub.rss_bytes()
    with raw(site.hub) as connection:
        connection.send(head("POST", path, f"Content-Length: {10 * 1024**3}", "Content-Type: application/json", token=operator))
        answer = connection.answer()
        assert answer.status in (413, 403, 400), answer.status
        assert json.loads(answer.body)["error"]["message"]
    assert site.hub.rss_bytes() - before < 8 * MIB


@case("100,000 header fields, a header of 1 MB, a target of 1 MB", "431 and the end of the connection; memory stays")
def test_endless_heads(site):
    before = site.hub.rss_bytes()
    for data in (b"GET / HTTP/1.1\r\nHost: hub\r\n" + b"".join(b"X%d: y\r\n" % i for i in range(100_000)) + b"\r\n",
                 head("GET", "/", "X: " + "y" * MIB), head("GET", "/" + "y" * MIB), b"\x16\x03\x01" * 100_000,
                 head("GET", "/", *[f"X{i}: y" for i in range(200)])):
        with raw(site.hub) as connection:
            connection.send(data)
            answer = connection.answer()
            assert answer is None or answer.status in (400, 431), answer.status
            assert connection.ends()
    assert site.hub.rss_bytes() - before < 16 * MIB
    assert alive(site.hub)


@case("two hundred connections send a byte of their head now and then", "408 when the time for a head is over; others are served")
def test_slow_heads(site):
    slow = [raw(site.hub, seconds=30) for _ in range(200)]
    try:
        for connection in slow:
            assert connection.send(b"GET /healthz HTTP/1.1\r\nHost: hub\r\nX: ")
        stop = threading.Event()

        def drip() -> None:
            while not stop.wait(0.5):
                for connection in slow:
                    connection.send(b"y")

        dripping = threading.Thread(target=drip)
        dripping.start()
        start = time.monotonic()
        assert alive(site.hub) and time.monotonic() - start < 5
        answers = [connection.answer() for connection in slow[:5]]
        stop.set()
        dripping.join()
        assert [a.status if a else 408 for a in answers] == [408] * 5
    finally:
        for connection in slow:
            connection.close()


@case("nobody announces bodies and sends all but the last byte, on many connections",
      "401 before a byte of the body is kept: a stranger cannot fill memory")
def test_bodies_of_strangers_are_not_collected(site):
    size = MIB - 1
    before = site.hub.rss_bytes()
    opened = []
    try:
        for _ in range(40):
            connection = raw(site.hub)
            opened.append(connection)
            connection.send(head("POST", "/v1/device/reports", f"Content-Length: {size}"))
            answer = connection.answer()
            assert answer.status == 401, answer.status
        assert site.hub.rss_bytes() - before < 16 * MIB
    finally:
        for connection in opened:
            connection.close()


@case("JSON 100,000 levels deep, numbers without end, NaN, keys twice, invalid UTF-8, lone surrogates, a NUL, rubbish behind",
      "400 that names the place; the hub goes on")
@pytest.mark.parametrize("body", [
    b'{"name":' + b"[" * 30_000 + b"]" * 30_000 + b"}", b"[" * 60_000, b"[" * 100_000, b'{"name":' + b"9" * 50_000 + b"}",
    b'{"name":"n","description":1e999}', b'{"name":NaN}', b'{"name":Infinity}', b'{"name":"a","name":"b"}',
    b'{"name":"a","n\\u0061me":"b"}', b'{"name":"\xff\xfe"}', b'{"name":"\xc0\xaf"}', b'{"name":"\\ud800"}', b'{"name":"a\\u0000b"}',
    b'{"name":"a"} x', b"'", b"null", b"[]", b'"x"', b"\xef\xbb\xbf{}", b'{"name":"a",}', b'{"name":"a"/**/}',
    b'{"name":"' + b"x" * 60_000 + b'"}'], ids=lambda b: ascii(b[:24]))
def test_hostile_json(site, operator, body):
    status, _, answer = site.hub.api("POST", "/v1/packages", body, token=operator, headers={"Content-Type": "application/json"})
    assert status == (413 if len(body) > 65536 else 400), (status, answer)
    assert answer["error"]["code"] == "invalid" and len(answer["error"]["message"]) < 600
    assert not [p for p in site.hub.api("GET", "/v1/packages")[2]["items"] if p["name"] in ("a", "b")]


@case("numbers at and beyond the edges of their field", "400 by name of the field; never a wrapped value")
@pytest.mark.parametrize("value", [-1, 0, 2**31, 2**53 + 1, 2**63, 2**64, 1.5, "1", [1], True, 1e300])
def test_numbers_beyond_their_field(site, operator, value):
    status, _, answer = site.hub.api("POST", "/v1/join-tokens", {"uses": value}, token=operator)
    assert status == 400 and "uses" in answer["error"]["message"], answer


@case("query values: negative, huge, doubled, encoded NUL, invalid UTF-8, broken percent signs", "400 by name, or ignored; never 500")
@pytest.mark.parametrize("query", ["limit=-1", "limit=0", "limit=1001", "limit=9999999999999999999999", "limit=1e3", "limit=%00",
                                   "limit=%ff", "cursor=%ff%fe", "cursor=-1", "cursor=99999999999999999999", "cursor='--",
                                   "%", "%zz=1", "online=maybe", "label=%0d%0a", "label=:", "state=x", "since=-9", "since=x"])
def test_hostile_queries(site, operator, query):
    for path in ("/v1/devices", "/v1/deployments", "/v1/events", "/v1/releases", "/v1/deltas", "/v1/packages"):
        status, _, answer = site.hub.api("GET", f"{path}?{query}", token=operator)
        assert status in (200, 400), (path, status, answer)
        assert status == 200 or answer["error"]["code"] == "invalid"


@case("paths with encoded NUL, control characters, invalid UTF-8, SQL and traversal", "400 or 404 in well-formed JSON; never 500")
@pytest.mark.parametrize("part", ["%00", "%0d%0aX:y", "%ff%fe", "%1b[2J", "..%2f..%2fetc%2fpasswd", "'%20OR%201=1--", "%c0%ae%c0%ae",
                                  "a%2fb", "{}", "%e2%80%ae", "a" * 8000])
def test_hostile_paths(site, operator, part):
    for method, path in (("GET", "/v1/devices/{}"), ("DELETE", "/v1/packages/{}"), ("GET", "/v1/releases/{}"), ("GET", "/v1/blobs/{}"),
                         ("PUT", "/v1/clusters/{}/members/{}"), ("HEAD", "/v1/uploads/{}"), ("GET", "/{}")):
        with raw(site.hub) as connection:
            connection.send(head(method, path.replace("{}", part), "Content-Length: 0", token=operator))
            answer = connection.answer(method)
            assert answer.status in (400, 404, 409), (method, path, answer.status)
            assert "\r" not in str(dict(answer.headers)) and "X" not in answer.headers
            if method != "HEAD":
                assert json.loads(answer.body.decode("utf-8"))["error"]["message"]
    assert json.loads(site.hub.cli("--output", "json", "audit"))


@case("conditional and range headers that lie", "the whole file, the right part, or 416; never a byte beyond the file")
@pytest.mark.parametrize("value", ["bytes=0-18446744073709551615", "bytes=18446744073709551616-", "bytes=5-2", "bytes=-0", "bytes=-",
                                   "bytes=" + ",".join(["0-0"] * 1000), "bytes=0-0,99-", "octets=0-1", "bytes=--1", "bytes=9999-"])
def test_hostile_ranges(site, operator, value):
    data = b"0123456789"
    digest = site.hub.api("POST", "/v1/blobs", data, token=operator)[2]["sha256"]
    status, headers, body = site.hub.api("GET", f"/v1/blobs/{digest}", token=operator, headers={"Range": value})
    assert status in (200, 206, 416), status
    if status == 200:
        assert body == data
    if status == 206:
        start, end = headers["Content-Range"].split(" ")[1].split("/")[0].split("-")
        assert body == data[int(start):int(end) + 1]


@case("one address opens every connection that the hub has", "it gets its share; others are served; it is served again afterwards")
def test_connections_per_address(fresh_site):
    site = fresh_site({"http.max_connections": 60, "http.max_connections_per_address": 20})
    held = []
    try:
        for _ in range(40):
            try:
                held.append(raw(site.hub, seconds=10))
            except OSError:
                pass  # turned away
        assert 15 <= len(held) <= 20
        assert status_from(site.hub, "127.0.0.9") == 200
    finally:
        for connection in held:
            connection.close()
    wait_until(lambda: site.hub.api("GET", "/healthz")[0] == 200, "room again for the first address", 20)


def status_from(hub, address: str) -> int:
    import http.client
    import ssl

    context = ssl.create_default_context(cafile=str(hub.ca_file))
    host, _, port = hub.url.removeprefix("https://").partition(":")
    connection = http.client.HTTPSConnection(host, int(port), timeout=20, context=context, source_address=(address, 0))
    connection.request("GET", "/healthz")
    status = connection.getresponse().status
    connection.close()
    return status


@case("one viewer opens event streams without end", "503 with Retry-After beyond its share; another viewer still gets one")
def test_event_streams_per_caller(site):
    greedy, other = (site.hub.api("POST", "/v1/tokens", {"name": n, "role": "viewer"})[2]["token"] for n in ("greedy", "other"))
    opened, statuses = [], []
    try:
        for _ in range(40):
            connection = raw(site.hub)
            opened.append(connection)
            connection.send(head("GET", "/v1/events", "Accept: text/event-stream", token=greedy))
            statuses.append(connection.answer())
            if statuses[-1].status != 200:
                break
        assert statuses[-1].status == 503 and int(statuses[-1].headers["Retry-After"]) >= 1, len(statuses)
        assert len(statuses) > 2
        with raw(site.hub) as connection:
            connection.send(head("GET", "/v1/events", "Accept: text/event-stream", token=other))
            assert connection.answer().status == 200
        assert alive(site.hub)
    finally:
        for connection in opened:
            connection.close()


@case("handshakes that never come to a request, and TLS alerts, in a crowd", "they end by their deadline; others are served meanwhile")
def test_crowd_of_dead_handshakes(site):
    import socket

    host, _, port = site.hub.url.removeprefix("https://").partition(":")
    before = site.hub.rss_bytes()
    idle = [socket.create_connection((host, int(port)), timeout=20) for _ in range(100)]
    for connection in idle[::2]:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda _: alive(site.hub), range(8)))
    for connection in idle:
        connection.close()
    assert site.hub.rss_bytes() - before < 64 * MIB


@case("a token of a million characters, of control characters, twice, with another scheme", "401 or 431; the hub goes on")
@pytest.mark.parametrize("value", ["Bearer " + "x" * 10_000, "Bearer \x7f", "Basic YWRtaW46YWRtaW4=", "Bearer", "Bearer  ", "bearer slo1.a.b.c"],
                         ids=ascii)
def test_hostile_tokens(site, value):
    with raw(site.hub) as connection:
        connection.send(head("GET", "/v1/whoami", f"Authorization: {value}"))
        answer = connection.answer()
        assert answer.status in (400, 401), answer.status
    assert alive(site.hub)
