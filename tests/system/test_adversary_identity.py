"""Who may be whom: false, stolen, ended and shared identities against the real hub and its broker."""
import concurrent.futures
import contextlib
import datetime
import http.client
import socket
import ssl
import time

import pytest
from cryptography import x509

from harness import pki
from harness.bare_device import ROOT, BareDevice, BrokerSession
from harness.wait import wait_until

DAY = datetime.timedelta(days=1)
case = pytest.mark.case


@pytest.fixture(scope="module")
def victim(site):
    """An enrolled device that others want to be."""
    return BareDevice(site.hub, "victim")


def https_status(hub, certificate):
    """The status of a device's call, or None when the handshake was refused."""
    try:
        return hub.api("GET", "/v1/device/keyset", token="", certificate=certificate)[0]
    except (OSError, http.client.HTTPException):
        return None


def assert_stranger(hub, certificate, name: str) -> None:
    assert https_status(hub, certificate) in (None, 401, 403)
    session = BrokerSession(hub, name, certificate)
    try:
        assert not session.connect(2), f"the broker let {name} in"
    finally:
        session.close()


@case("a device route is called without a client certificate", "401, and the broker does not finish the handshake")
def test_no_certificate(site, victim):
    status, _, answer = site.hub.api("GET", "/v1/device/desired", token="")
    assert status == 401 and answer["error"]["code"] == "unauthenticated"
    session = BrokerSession(site.hub, "victim", None)
    assert not session.connect(2)
    session.close()


@case("a certificate of another authority carries the CN of a device", "HTTPS and broker refuse it")
def test_certificate_of_another_authority(site, victim, tmp_path):
    key = pki.new_key()
    other = pki.Authority.new("Strandline hub CA")
    files = pki.write_pair(tmp_path, "other", other.issue("victim", key), key)
    assert_stranger(site.hub, files, "victim")
    assert https_status(site.hub, victim.certificate) == 200


@case("a device signs a certificate for another CN with its own key and sends the chain", "HTTPS and broker refuse it")
def test_a_device_is_no_authority(site, victim, tmp_path):
    mine = x509.load_pem_x509_certificate(victim.certificate[0].read_bytes())
    key = pki.new_key()
    leaf = pki.Authority(mine, victim.key).issue("hub", key)
    assert_stranger(site.hub, pki.write_pair(tmp_path, "chain", leaf + victim.certificate[0].read_bytes(), key), "hub")


@case("a certificate request asks to become an authority", "the certificate that comes back is a plain client's")
def test_request_for_an_authority(site):
    key = pki.new_key()
    wish = pki.request_pem(key, "hub", [x509.BasicConstraints(ca=True, path_length=None)])
    status, _, answer = site.hub.api("POST", "/v1/enroll", {"token": site.hub.cli("token", "create").strip(), "name": "modest",
                                                            "csr": wish}, token="")
    assert status == 201, answer
    got = x509.load_pem_x509_certificate(answer["certificate"].encode())
    assert not got.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert got.subject.rfc4514_string() == "CN=modest"


@case("a certificate of the right authority has expired", "HTTPS and broker refuse it")
def test_expired_certificate(site, victim, tmp_path):
    authority = pki.Authority.of_hub(site.hub)
    ended = authority.issue("victim", victim.key, -30 * DAY, -DAY, pki.serial_of(victim.certificate[0]))
    assert_stranger(site.hub, pki.write_pair(tmp_path, "ended", ended, victim.key), "victim")


@case("a certificate of the right authority that the hub never issued to a device", "every device route answers 401")
def test_certificate_unknown_to_the_hub(site, victim, tmp_path):
    key = pki.new_key()
    forged = pki.write_pair(tmp_path, "forged", pki.Authority.of_hub(site.hub).issue("victim", key), key)
    assert https_status(site.hub, forged) in (None, 401, 403)
    inside = site.hub.state / "tls"
    own = next((c, c.with_suffix(".key")) for c in inside.glob("*client*.crt")) if list(inside.glob("*client*.crt")) else None
    if own:
        assert https_status(site.hub, own) in (None, 401, 403)


@case("a device is revoked while its HTTPS connection and its MQTT session stand",
      "the next request on that connection is refused, the session is cut, neither comes back")
def test_revocation_reaches_open_connections(site):
    gone = BareDevice(site.hub, "gone-soon")
    context = ssl.create_default_context(cafile=str(site.hub.ca_file))
    context.load_cert_chain(*map(str, gone.certificate))
    host, _, port = site.hub.url.removeprefix("https://").partition(":")
    kept = http.client.HTTPSConnection(host, int(port), timeout=30, context=context)
    kept.request("GET", "/v1/device/keyset")
    assert kept.getresponse().read()
    session = gone.broker()
    assert session.connect()
    site.hub.cli("devices", "revoke", "gone-soon")
    kept.request("GET", "/v1/device/keyset")
    answer = kept.getresponse()
    assert answer.status in (401, 403), answer.status
    answer.read()
    kept.close()
    assert session.disconnected.wait(30), "the session of a revoked device was not cut"
    session.close()
    wait_until(lambda: https_status(site.hub, gone.certificate) in (None, 401, 403), "revoked certificate refused")
    again = gone.broker()
    assert not again.connect(2)
    again.close()


@case("a device asks for a name that is the hub's, a topic wildcard, a path or control characters",
      "a named error; the token's use is not spent; no device appears")
@pytest.mark.parametrize("name", ["hub", "+", "#", "a/b", "a/+/up", "..", "a..b", "", " ", "$SYS", "%u", "a\nb", "a\u0000b", "-x",
                                  "\u202egpj", "é", "x" * 65, "../../etc"], ids=ascii)
def test_names_that_are_more_than_names(site, name):
    token = site.hub.cli("token", "create").strip()
    before = len(site.hub.cli_json("devices"))
    body = {"token": token, "name": name, "csr": pki.request_pem(pki.new_key(), "x")}
    status, _, answer = site.hub.api("POST", "/v1/enroll", body, token="")
    assert status in (400, 409) and "name" in answer["error"]["message"], answer
    assert len(site.hub.cli_json("devices")) == before
    body["name"] = f"good-{abs(hash(name)) % 10**9}"
    assert site.hub.api("POST", "/v1/enroll", body, token="")[0] == 201, "the use was spent on a refused name"


def enroll(hub, token, name=None):
    body = {"token": token, "csr": pki.request_pem(pki.new_key(), "x"), **({"name": name} if name else {})}
    return hub.api("POST", "/v1/enroll", body, token="")


@case("malformed, unknown, foreign and used-up join tokens", "401 or 400 that never says which part was wrong")
def test_bad_join_tokens(site):
    good = site.hub.cli("token", "create").strip()
    kind, identity, secret, ca = good.split(".")
    assert enroll(site.hub, good, "first-user")[0] == 201
    flipped = ("0" if secret[0] != "0" else "1") + secret[1:]
    bad = [good, ".".join((kind, identity, flipped, ca)), ".".join((kind, "0" * len(identity), secret, ca)), site.hub.token,
           "", "slj1", "slj1...", "x" * 10_000, good + "\n", ".".join((kind, identity, secret, ca, ca))]
    messages = set()
    for token in bad:
        status, _, answer = enroll(site.hub, token)
        assert status in (400, 401), (token, answer)
        assert secret not in answer["error"]["message"]
        if status == 401:
            messages.add(answer["error"]["message"])
    assert len(messages) <= 2, messages


@case("an expired or deleted join token", "401; no device appears")
def test_ended_join_tokens(site):
    made = site.hub.api("POST", "/v1/join-tokens", {"expires_in_s": 1})[2]
    deleted = site.hub.api("POST", "/v1/join-tokens", {})[2]
    assert site.hub.api("DELETE", f"/v1/join-tokens/{deleted['id']}")[0] == 204
    assert enroll(site.hub, deleted["token"], "from-deleted")[0] == 401
    expires = datetime.datetime.fromisoformat(made["expires"].replace("Z", "+00:00")).timestamp()
    wait_until(lambda: time.time() > expires, "the token's end", 10)
    assert enroll(site.hub, made["token"], "from-expired")[0] == 401
    assert not {d["id"] for d in site.hub.cli_json("devices")} & {"from-deleted", "from-expired"}


@case("sixteen devices use the same single-use token at once", "exactly one wins, the others get 401")
def test_single_use_token_has_one_winner(site):
    token = site.hub.cli("token", "create").strip()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = [a[0] for a in pool.map(lambda i: enroll(site.hub, token, f"racer-{i}"), range(16))]
    assert sorted(answers) == [201] + [401] * 15
    assert len([d for d in site.hub.cli_json("devices") if d["id"].startswith("racer-")]) == 1


@case("certificate requests that are garbage, huge or signed by another key", "400; the token's use is not spent")
def test_bad_certificate_requests(site):
    token = site.hub.cli("token", "create").strip()
    good = pki.request_pem(pki.new_key(), "x")
    body = good.splitlines()
    middle = len(body) // 2
    broken = "\n".join([*body[:middle], body[middle][:-4] + "AAAA", *body[middle + 1:]])
    for csr in ("", "x", good.replace("REQUEST", "NOTHING"), broken, good * 3000,
                "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"):
        status, _, answer = site.hub.api("POST", "/v1/enroll", {"token": token, "name": "spoiled", "csr": csr}, token="")
        assert status in (400, 413) and (status == 413 or answer["error"]["message"]), answer
    assert enroll(site.hub, token, "unspoiled")[0] == 201


@case("one address guesses join tokens without end", "429 with Retry-After for that address after a few; others still enrol")
def test_guessing_is_slowed_per_address(fresh_site):
    site = fresh_site({"enrolment.failures_per_minute": 1})
    kind, identity, secret, ca = site.hub.cli("token", "create").strip().split(".")
    guess = ".".join((kind, identity, secret[::-1], ca))
    statuses = [enroll(site.hub, guess)[0] for _ in range(5)]
    assert statuses[0] == 401 and statuses[-1] == 429, statuses
    status, headers, answer = enroll(site.hub, ".".join((kind, identity, secret, ca)))
    assert status == 429 and int(headers["Retry-After"]) >= 1 and answer["error"]["code"] == "exhausted"
    elsewhere = enroll_from(site.hub, "127.0.0.9", ".".join((kind, identity, secret, ca)))
    assert elsewhere == 201


def enroll_from(hub, address: str, token: str) -> int:
    """Enrols from another loopback address."""
    context = ssl.create_default_context(cafile=str(hub.ca_file))
    host, _, port = hub.url.removeprefix("https://").partition(":")
    connection = http.client.HTTPSConnection(host, int(port), timeout=30, context=context, source_address=(address, 0))
    import json
    connection.request("POST", "/v1/enroll", json.dumps({"token": token, "csr": pki.request_pem(pki.new_key(), "x")}),
                       {"Content-Type": "application/json"})
    status = connection.getresponse().status
    connection.close()
    return status


@case("a device publishes to the topics of another, of the hub, and to unknown ones of its own",
      "the broker refuses; nothing arrives; nothing is retained")
def test_topics_of_others(site, victim):
    thief = BareDevice(site.hub, "thief")
    session, watcher = thief.broker(), victim.broker()
    assert session.connect() and watcher.connect()
    watcher.client.subscribe(f"{ROOT}/d/victim/down/#", 1)
    session.client.subscribe([(f"{ROOT}/d/victim/#", 1), (f"{ROOT}/d/+/down/#", 1), ("#", 1), ("$SYS/#", 1),
                              ("$share/x/" + ROOT + "/d/+/up/reported", 1)])
    before = site.hub.device("victim")
    for topic, payload in ((f"{ROOT}/d/victim/up/state", {"state": "online", "boot": 9}),
                           (f"{ROOT}/d/victim/up/reported", victim.report(boot=99)),
                           (f"{ROOT}/d/victim/down/desired", {"x": 1}), (f"{ROOT}/b/announce", {"poll_interval_ms": 1}),
                           (f"{ROOT}/d/thief/down/desired", {"x": 1}), (f"{ROOT}/d/thief/up/hoard/{'x' * 100}", "x"),
                           ("elsewhere", "x")):
        session.publish(topic, payload, retain=True)
    # Its own voice is heard, so all that came before it has been judged.
    session.publish(f"{ROOT}/d/thief/up/state", {"state": "online", "boot": 1}, retain=True)
    site.hub.wait_online("thief")
    after = site.hub.device("victim")
    assert (before["online"], before.get("reported_generation")) == (after["online"], after.get("reported_generation"))
    assert not [t for t, _ in watcher.messages if t.endswith("desired") and b'"x"' in _]
    assert not [t for t, _ in session.messages if "/d/thief/" not in t and not t.endswith("/b/announce")]
    late = thief.broker()
    session.close()
    assert late.connect()
    late.client.subscribe(f"{ROOT}/b/#", 1)
    wait_until(lambda: late.messages, "the announcement")
    assert b'"poll_interval_ms":1}' not in late.messages[0][1]
    late.close()
    watcher.close()


@case("a device reports in the name of another one, by HTTPS and by MQTT", "403, and no trace in the other's record")
def test_reports_for_others(site, victim):
    liar = BareDevice(site.hub, "liar")
    status, _, answer = liar.api("POST", "/v1/device/reports", victim.report(agent_version="9.9.9"))
    assert status == 403 and answer["error"]["code"] == "forbidden"
    session = liar.broker()
    assert session.connect()
    session.publish(f"{ROOT}/d/liar/up/reported", victim.report(agent_version="9.9.9"))
    session.publish(f"{ROOT}/d/liar/up/reported", liar.report(agent_version="1.2.3"))
    wait_until(lambda: site.hub.device("liar").get("agent_version") == "1.2.3", "the honest report")
    assert site.hub.device("victim").get("agent_version") != "9.9.9"
    session.close()
    with socket.create_connection(("127.0.0.1", int(site.hub.info["mqtt_port"])), timeout=10) as plain, contextlib.suppress(OSError):
        plain.sendall(b"\x10\x10\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x04liar")  # CONNECT without TLS
        assert not plain.recv(16).startswith(b"\x20"), "a CONNACK without TLS"
