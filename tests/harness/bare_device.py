"""A device without an agent: an enrolled key and certificate that a test uses as it likes."""
import json
import pathlib
import ssl
import threading

import paho.mqtt.client as mqtt

from . import pki
from .hub import Hub

ROOT = "strandline/v1"


class BareDevice:
    def __init__(self, hub: Hub, name: str, token: str | None = None):
        self.hub = hub
        self.name = name
        self.key = pki.new_key()
        token = token or hub.cli("token", "create").strip()
        status, _, answer = hub.api("POST", "/v1/enroll", {"token": token, "name": name, "csr": pki.request_pem(self.key, name)},
                                    token="")
        assert status == 201, answer
        self.enrolment = answer
        self.certificate = pki.write_pair(hub.folder / "bare", name, answer["certificate"].encode(), self.key)
        self.sequence = 0

    def api(self, method: str, path: str, body=None, **options):
        return self.hub.api(method, path, body, token="", certificate=self.certificate, **options)

    def report(self, **changes) -> dict:
        """A well-formed report of this device."""
        self.sequence += 1
        return {"format": 1, "device": self.name, "boot": 1, "sequence": self.sequence, "agent_version": "0.0.0",
                "time": "2026-11-21T12:00:00.000Z", "generation": 0, "slots": [], "resources": {}, **changes}

    def broker(self, certificate=None) -> "BrokerSession":
        return BrokerSession(self.hub, self.name, certificate or self.certificate)


class BrokerSession:
    """One MQTT connection with a certificate, and what came over it."""

    def __init__(self, hub: Hub, client_id: str, certificate=None):
        self.messages: list[tuple[str, bytes]] = []
        self.connected = threading.Event()
        self.disconnected = threading.Event()
        self.publish_codes: list[int] = []
        self.client = mqtt.Client(client_id=client_id, protocol=mqtt.MQTTv5)
        context = ssl.create_default_context(cafile=str(hub.ca_file))
        if certificate:
            context.load_cert_chain(*map(str, certificate))
        self.client.tls_set_context(context)
        self.client.on_connect = lambda *_: self.connected.set()
        self.client.on_disconnect = lambda *_: self.disconnected.set()
        self.client.on_message = lambda _c, _u, message: self.messages.append((message.topic, message.payload))
        self._host, self._port = "127.0.0.1", int(hub.info["mqtt_port"])

    def connect(self, seconds: float = 15) -> bool:
        """True when the broker let us in."""
        try:
            self.client.connect(self._host, self._port, keepalive=30)
        except (OSError, ssl.SSLError):
            return False
        self.client.loop_start()
        return self.connected.wait(seconds)

    def publish(self, topic: str, payload, retain: bool = False, seconds: float = 15) -> bool:
        """True when the broker confirmed it; a refused publish is not told apart by this client."""
        data = payload if isinstance(payload, (bytes, str)) else json.dumps(payload)
        info = self.client.publish(topic, data, qos=1, retain=retain)
        info.wait_for_publish(seconds)
        return info.is_published()

    def close(self) -> None:
        try:
            self.client.disconnect()
        except (OSError, ssl.SSLError):
            pass  # it was never let in
        self.client.loop_stop()


def files_of(folder: pathlib.Path) -> set[str]:
    """Every file below, as paths relative to it."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
