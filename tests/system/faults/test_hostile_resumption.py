"""A hub that breaks what HTTP promises about parts, waits and connections: resumed rightly or begun anew, never too early."""
import email.utils
import os
import re
import time

import pytest

from harness.certificates import hub_authority, hub_server, issue, make_authority
from harness.hostile_hub import on
from harness.http_faults import lines
from harness.listener import Listener, reset
from harness.victim import Victim
from harness.wait import wait_until

BLOBS = "/v1/blobs/"


@pytest.fixture(scope="module")
def one_victim(site, leaf, tmp_path_factory):
    made = Victim(site, leaf, tmp_path_factory.mktemp("bundles"))
    yield made
    made.close()


@pytest.fixture
def victim(one_victim):
    """Runs what was ordered last, whatever became of the test before."""
    one_victim.hub.present(hub_server(one_victim.site.hub))
    one_victim.hub.calm()
    one_victim.converges()
    return one_victim


class CutThen:
    """The first transfer is cut at half; the second is answered by `fault`; all others are honest."""

    def __init__(self, fault):
        self.fault, self.count = fault, 0

    def __call__(self, x):
        self.count += 1
        if self.count == 1:
            answer = x.ask_hub(whole=True)
            x.head(200, *lines(answer), f"Content-Length: {len(answer.body)}")
            x.send(answer.body[:len(answer.body) // 2])
            return x.close()
        if self.count == 2:
            assert x.range_start > 0, "the second request goes on where the first was cut"
            return self.fault(x)
        return None


def part(x, start: int, body: bytes, total: int, *extra: str) -> bool:
    return x.reply(206, body, f"Content-Range: bytes {start}-{start + len(body) - 1}/{total}", *extra)


def whole(x):
    answer = x.ask_hub(whole=True)
    return x.reply(200, answer.body, *lines(answer))


def other_start(x):
    answer = x.ask_hub(whole=True)
    return part(x, 0, answer.body, len(answer.body), *lines(answer, "content-range"))


def shuffled(x):
    """Says the right range and gives the bytes of another."""
    answer = x.ask_hub(whole=True)
    length = len(answer.body) - x.range_start
    return part(x, x.range_start, answer.body[:length], len(answer.body), *lines(answer, "content-range"))


def multipart(x):
    answer = x.ask_hub(whole=True)
    rest = answer.body[x.range_start:]
    body = (f"--b\r\nContent-Range: bytes {x.range_start}-{len(answer.body) - 1}/{len(answer.body)}\r\n\r\n".encode()
            + rest + b"\r\n--b--\r\n")
    return x.reply(206, body, "Content-Type: multipart/byteranges; boundary=b")


def other_total(x):
    answer = x.ask_hub(whole=True)
    return part(x, x.range_start, answer.body[x.range_start:], len(answer.body) + 1, *lines(answer, "content-range"))


def other_etag(x):
    answer = x.ask_hub(whole=True)
    return part(x, x.range_start, os.urandom(len(answer.body) - x.range_start), len(answer.body), 'ETag: "another"')


def whole_with_other_etag(x):
    answer = x.ask_hub(whole=True)
    return x.reply(200, answer.body, *lines(answer, "etag"), 'ETag: "another"')


def not_satisfiable(x):
    return x.reply(416, b"", "Content-Range: bytes */10")


def no_range_header(x):
    answer = x.ask_hub(whole=True)
    return x.reply(206, answer.body[x.range_start:], *lines(answer, "content-range"))


def part_longer_than_said(x):
    answer = x.ask_hub(whole=True)
    x.head(206, f"Content-Range: bytes {x.range_start}-{len(answer.body) - 1}/{len(answer.body)}", *lines(answer, "content-range"),
           "Transfer-Encoding: chunked")
    data = answer.body[x.range_start:] + os.urandom(5000)
    x.send(b"%x\r\n" % len(data) + data + b"\r\n0\r\n\r\n")
    return True


ANSWERS = [
    (whole, "200 with the whole file instead of 206", "begun anew; the bytes are right"),
    (other_start, "206 of another range than asked for", "dropped and begun anew"),
    (shuffled, "206 that says the right range and gives other bytes", "found by the hash and begun anew"),
    (multipart, "multipart/byteranges", "dropped and begun anew"),
    (other_total, "206 whose total changed", "dropped and begun anew"),
    (other_etag, "206 with another ETag", "dropped and begun anew; bytes are never mixed"),
    (whole_with_other_etag, "200 with another ETag", "begun anew; the bytes are right"),
    (not_satisfiable, "416 though bytes are missing", "dropped and begun anew"),
    (no_range_header, "206 without Content-Range", "dropped and begun anew"),
    (part_longer_than_said, "206 with more bytes than its range", "dropped and begun anew"),
]


@pytest.mark.parametrize("fault", [
    pytest.param(fault, id=fault.__name__, marks=pytest.mark.case(f"after a cut at half of a blob: {what}", must))
    for fault, what, must in ANSWERS])
def test_after_a_cut(victim, rusty_leaf, fault):
    rule = CutThen(fault)
    victim.hub.misbehave(on(BLOBS, rule))
    victim.order()
    victim.converges()
    assert rule.count >= 2
    assert victim.serves(rusty_leaf) == victim.version


@pytest.mark.case("connection reset after accept, in the handshake, after the request, in the head and in the body, in turn",
                  "each is named `unavailable` and tried again; converges when it ends")
def test_resets_at_every_stage(victim, rusty_leaf):
    def after_request(x):
        return x.reset()

    def in_head(x):
        x.send("HTTP/1.1 200 OK\r\nContent-Le")
        return x.reset()

    def in_body(x):
        answer = x.ask_hub(whole=True)
        x.head(200, *lines(answer), f"Content-Length: {len(answer.body)}")
        x.send(answer.body[:3000])
        return x.reset()

    before = victim.version
    victim.mark()
    victim.hub.misbehave(on("/v1/", after_request))
    victim.order()
    for stage in (after_request, in_head, in_body):
        victim.hub.misbehave(on("/v1/", stage))
        wait_until(lambda: victim.hub.hits >= 3, stage.__name__, 60)
    for size in (0, 1, 100):
        met = []

        def in_handshake(connection, size=size, met=met):
            if size:
                connection.recv(size)
            reset(connection)
            met.append(1)
            return True

        victim.hub.misbehave(greet=in_handshake)
        wait_until(lambda met=met: len(met) >= 3, f"reset after {size} bytes of the handshake", 60)
    assert victim.serves(rusty_leaf) == before
    wait_until(lambda: victim.said("reason=unavailable|poll failed"), "named", 30)
    victim.hub.calm()
    victim.converges()


@pytest.mark.parametrize("kind", [
    pytest.param(kind, marks=pytest.mark.case(f"the hub's address answers with {what}", must)) for kind, what, must in (
        ("other_authority", "a certificate of another authority", "refused in the handshake and named; nothing is asked there"),
        ("expired", "an expired certificate of the right authority", "refused in the handshake and named; nothing is asked there"),
        ("other_name", "a right certificate for another host", "refused in the handshake and named; nothing is asked there"),
        ("plain_http", "plain HTTP instead of TLS", "named; nothing is asked there"),
        ("noise", "noise instead of TLS", "named; nothing is asked there"),
        ("silence", "nothing at all after TCP", "given up at the deadline and named"))])
def test_wrong_servers(victim, rusty_leaf, tmp_path, kind):
    before = victim.version
    pairs = {"other_authority": lambda: issue(make_authority(tmp_path, "stranger"), tmp_path, "server"),
             "expired": lambda: issue(hub_authority(victim.site.hub), tmp_path, "server", days=-1),
             "other_name": lambda: issue(hub_authority(victim.site.hub), tmp_path, "server", "DNS:other.example")}
    greetings = {"plain_http": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "noise": os.urandom(500), "silence": b""}
    met = []

    def greet(connection):
        met.append(1)
        if kind in pairs:
            return False
        connection.sendall(greetings[kind])
        if kind == "silence":
            victim.hub.stopped.wait(15)
        return True

    if kind in pairs:
        victim.hub.present(pairs[kind]())
    victim.hub.misbehave(greet=greet)
    asked = len(victim.hub.seen)
    victim.mark()
    victim.order()
    named = {"other_authority": "certificate", "expired": "expired", "other_name": "mismatch|certificate",
             "silence": "too long"}.get(kind, "TLS|tls|record|SSL")
    wait_until(lambda: len(met) >= 2, "the agent comes twice", 60)
    wait_until(lambda: victim.said(f"(?m)(error|message)=.*({named})"), f"the log names {named}", 60)
    assert len(victim.hub.seen) == asked, "a request was sent to a server that is not the hub"
    assert victim.serves(rusty_leaf) == before
    victim.hub.present(hub_server(victim.site.hub))
    victim.hub.calm()
    victim.converges()


@pytest.mark.case("a redirect of a download to another server", "the other server never hears of it")
def test_redirects_are_not_followed(victim):
    elsewhere = Listener(lambda connection: None)
    try:
        target = f"Location: https://127.0.0.1:{elsewhere.port}/"
        victim.hub.misbehave(on(BLOBS, lambda x: x.reply(302, b"", target + x.target.lstrip("/"))))
        victim.mark()
        victim.order()
        wait_until(lambda: victim.hub.hits >= 3, "redirects are met", 60)
        wait_until(lambda: victim.said("redirect, which is not followed"), "named", 30)
        assert elsewhere.accepted == 0
        victim.hub.calm()
        victim.converges()
    finally:
        elsewhere.close()


def in_seconds(seconds: int) -> str:
    return str(seconds)


def as_date(seconds: int) -> str:
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", [
    pytest.param(in_seconds, id="seconds", marks=pytest.mark.case(
        "429 or 503 with Retry-After in seconds", "the next request comes after that and not a moment earlier")),
    pytest.param(as_date, id="date", marks=pytest.mark.case(
        "429 or 503 with Retry-After as a date", "measured by the server's own Date; never earlier"))])
def test_retry_after_is_kept(victim, form, status):
    told = []

    def busy(x):
        if told:
            return None
        answer = x.reply(status, b"", f"Retry-After: {form(2)}", f"Date: {email.utils.formatdate(usegmt=True)}")
        told.append(time.monotonic())
        return answer

    victim.hub.misbehave(on(BLOBS, busy))
    victim.order()
    wait_until(lambda: told, "told to wait", 30)
    victim.converges()
    first, *rest = [seen.time for seen in victim.hub.requests(BLOBS) if seen.time > told[0]]
    # A date has whole seconds, so two of them are up to one second less.
    least = 2.0 if form is in_seconds else 1.0
    assert first - told[0] >= least - 0.001


@pytest.mark.case("Retry-After that is negative, a word, or a date long past", "no harm; the own back-off counts")
def test_senseless_retry_after(victim):
    for number, text in enumerate(("-5", "soon", "Sun, 06 Nov 1994 08:49:37 GMT", "1.5")):
        victim.hub.misbehave(on(BLOBS, lambda x, text=text: x.reply(503, b"", f"Retry-After: {text}")))
        if number == 0:
            victim.order()
        wait_until(lambda: victim.hub.hits >= 2, f"Retry-After: {text}", 30)
    victim.hub.calm()
    victim.converges()


@pytest.mark.case("Retry-After of thirty thousand years, then another order", "waits a day at most and asks for no file twice; "
                  "another order is taken up at once")
def test_absurd_retry_after(victim, rusty_leaf):
    before = victim.version
    told = []

    def never(x):
        told.append(x.target)
        return x.reply(503, b"", "Retry-After: 999999999999")

    victim.hub.misbehave(on(BLOBS, never))
    victim.mark()
    victim.order()
    wait_until(lambda: victim.said(r"update waits .*wait_ms=86\d{6}"), "a wait of a day", 30)
    victim.mark()
    victim.order()
    wait_until(lambda: victim.said(r"update waits .*wait_ms=86\d{6}"), "the newer order waits too", 30)
    assert len(told) == len(set(told)), "the hub was asked again for the same file"
    assert victim.serves(rusty_leaf) == before
    victim.hub.calm()
    victim.agent.stop()
    victim.restart()
    victim.converges()


@pytest.mark.case("500 for ever", "waits grow with full jitter up to their cap: no two alike, none above it")
def test_back_off(victim):
    victim.hub.misbehave(on(BLOBS, lambda x: x.reply(500, b"boom")))
    victim.mark()
    victim.order()
    wait_until(lambda: victim.hub.hits >= 12, "a dozen tries", 60)
    waits = [int(ms) for ms in re.findall(r"update waits .*?wait_ms=(\d+) reason=internal", victim.output())]
    victim.hub.calm()
    victim.converges()
    assert len(waits) >= 10 and max(waits) <= 200
    assert len(set(waits)) >= 5, f"no jitter: {waits}"
