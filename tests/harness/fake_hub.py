"""A hub of an attacker who has the real one's keys: it serves what a test puts into it, on the real hub's address."""
import base64
import hashlib
import http.server
import json
import ssl
import threading

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from .hub import Hub
from .wait import wait_until

MANIFEST = "application/vnd.strandline.manifest+json"
DESIRED = "application/vnd.strandline.desired+json"
KEYSET = "application/vnd.strandline.keyset+json"


class SigningKey:
    def __init__(self, private=None):
        self.private = private or ed25519.Ed25519PrivateKey.generate()
        self.public = self.private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.id = hashlib.sha256(self.public).hexdigest()[:16]

    @classmethod
    def load(cls, file) -> "SigningKey":
        return cls(serialization.load_pem_private_key(file.read_bytes(), None))

    def sign(self, kind: str, payload: bytes) -> dict:
        """DSSE v1."""
        message = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
        return {"keyid": self.id, "sig": base64.b64encode(self.private.sign(message)).decode()}


def envelope(kind: str, document, *keys: SigningKey) -> dict:
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    return {"payloadType": kind, "payload": base64.b64encode(payload).decode(), "signatures": [k.sign(kind, payload) for k in keys]}


def digest_of(signed: dict) -> str:
    return hashlib.sha256(base64.b64decode(signed["payload"])).hexdigest()


class FakeHub:
    """Started after the real hub has ended; agents find it where that was."""

    def __init__(self, hub: Hub):
        keys = hub.state / "keys"
        self.root, self.manifest_key, self.desired_key = (SigningKey.load(keys / name) for name in
                                                          ("root.pem", "manifest-1.pem", "desired-1.pem"))
        self.keyset = json.loads((keys / "keyset.json").read_text())
        self.desired: dict | None = None
        self.manifests: dict[str, dict] = {}
        self.blobs: dict[str, bytes] = {}
        self.deltas: dict[tuple[str, str], bytes] = {}
        self.reports: list[dict] = []
        self.asked: list[str] = []
        self._lock = threading.Lock()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(hub.state / "tls" / "server.crt"), str(hub.state / "tls" / "server.key"))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", int(hub.url.rsplit(":", 1)[1])), self._handler())
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def order(self, device: str, generation: int, slots, key: SigningKey | None = None, **more) -> dict:
        """A signed desired state, which is also what is served from now on."""
        document = {"format": 1, "device": device, "generation": generation, "issued": "2026-11-21T12:00:00.000Z",
                    "spread_ms": 0, "slots": slots, **more}
        self.desired = envelope(DESIRED, document, key or self.desired_key)
        return self.desired

    def publish_manifest(self, document, *keys: SigningKey, kind: str = MANIFEST) -> str:
        """The digest under which the signed manifest is served."""
        signed = envelope(kind, document, *(keys or (self.manifest_key,)))
        self.manifests[digest_of(signed)] = signed
        return digest_of(signed)

    def add_blob(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return digest

    def polls(self) -> int:
        return sum(1 for path in self.asked if path == "/v1/device/desired")

    def wait_polled(self, times: int = 2, seconds: float = 30) -> None:
        """Until the agent has asked so often from now on: it has then acted on what it got before."""
        start = self.polls()
        wait_until(lambda: self.polls() >= start + times, f"{times} polls", seconds)

    def wait_report(self, fits, what: str, seconds: float = 60) -> dict:
        def found():
            with self._lock:
                return next((r for r in reversed(self.reports) if fits(r)), None)

        return wait_until(found, what, seconds)

    def _answer(self, path: str):
        """(status, body, type)"""
        parts = path.strip("/").split("/")
        if parts[:3] == ["v1", "device", "keyset"]:
            return 200, self.keyset
        if parts[:3] == ["v1", "device", "desired"]:
            return (200, self.desired) if self.desired else (404, {"error": {"code": "not_found", "message": "none"}})
        stored = None
        if parts[1] == "manifests":
            stored = self.manifests.get(parts[2])
        elif parts[1] == "blobs":
            stored = self.blobs.get(parts[2])
        elif parts[1] == "deltas":
            stored = self.deltas.get((parts[2], parts[3]))
        return (404, {"error": {"code": "not_found", "message": path}}) if stored is None else (200, stored)

    def _handler(self):
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                with fake._lock:
                    fake.asked.append(self.path)
                    status, body = fake._answer(self.path)
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/octet-stream" if isinstance(body, bytes) else "application/json")
                self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_POST(self):
                data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.path == "/v1/device/reports":
                    with fake._lock:
                        fake.reports.append(json.loads(data))
                self.send_response(204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments):
                pass

        return Handler
