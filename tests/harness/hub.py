"""A real hub with its own broker, and the command line logged in to it."""
import http.client
import json
import os
import pathlib
import ssl
import subprocess

from .config import write_toml
from .memory import rss_bytes
from .process import Process, children, program
from .wait import wait_until


class CliError(Exception):
    def __init__(self, arguments, result):
        super().__init__(f"strandline {' '.join(map(str, arguments))} -> exit {result.returncode}: {result.stderr.strip()}")
        self.code = result.returncode
        self.stderr = result.stderr
        self.stdout = result.stdout


class Hub:
    """`settings` is {"table.key": value}, written to strandline.toml."""

    def __init__(self, bin_dir: pathlib.Path, folder: pathlib.Path, settings=None, env=None):
        self.bin = bin_dir
        self.folder = folder
        self.state = folder / "state"
        self.settings = {"http.port": 0, "mqtt.port": 0, "mqtt.reconnect_window_ms": 0, "mqtt.poll_interval_ms": 5000,
                         "log.level": "info", **(settings or {})}
        self.env = env
        self.process: Process | None = None
        self.token = ""
        self.info: dict = {}
        self.cli_env: dict = {}  #: more for the command line
        self.prefix: list = []  #: a program that runs the hub, with its arguments
        folder.mkdir(parents=True, exist_ok=True)

    def write_config(self) -> pathlib.Path:
        return write_toml(self.folder / "strandline.toml", {"hub.state": str(self.state), **self.settings})

    def start(self, log_in: bool = True) -> "Hub":
        """Starts and waits until ready. Ports chosen at the first start are kept for later ones."""
        config = self.write_config()
        self.process = Process([*self.prefix, self.bin / "strandlined", "--config", config], self.folder / "hub.log",
                               self.env)
        self.process.line_with("ready url=", 60)
        self.info = json.loads((self.state / "hub.json").read_text(encoding="utf-8"))
        self.settings["http.port"] = int(self.info["url"].rsplit(":", 1)[1])
        self.settings["mqtt.port"] = int(self.info["mqtt_port"])
        if not self.token and log_in:
            self.token = self.process.line_with("operator token").rsplit(" ", 1)[1]
            self.login()
        return self

    def shown_token(self) -> str:
        """The first token, when the log shows that this hub or an earlier one in this folder printed it."""
        lines = (self.folder / "hub.log").read_text(encoding="utf-8", errors="replace").splitlines()
        return next((line.rsplit(" ", 1)[1] for line in lines if "operator token" in line), "")

    def login(self) -> None:
        secret = self.folder / "operator.token"
        secret.write_text(self.token, encoding="utf-8")
        secret.chmod(0o600)
        self.cli("login", self.url, "--token", f"@{secret}")

    @property
    def url(self) -> str:
        return self.info["url"]

    @property
    def ca_file(self) -> pathlib.Path:
        path = self.folder / "ca.pem"
        if not path.exists():
            path.write_text(json.loads((self.folder / "profile.json").read_text(encoding="utf-8"))["ca_pem"],
                            encoding="utf-8")
        return path

    def strandlined(self, *arguments, config: bool = True) -> subprocess.CompletedProcess:
        """Runs a command of the hub's own program with the hub's configuration."""
        options = ["--config", self.folder / "strandline.toml"] if config else []
        return subprocess.run([str(word) for word in [self.bin / "strandlined", *arguments, *options]], capture_output=True,
                              text=True, timeout=120, env={**os.environ, **(self.env or {})})

    def cli_environment(self) -> dict:
        return {**os.environ, "STRANDLINE_PROFILE": str(self.folder / "profile.json"),
                "XDG_CACHE_HOME": str(self.folder / "cache"), **self.cli_env}

    def cli(self, *arguments, check: bool = True, timeout: float = 600) -> str:
        """Runs `strandline`; its standard output. CliError when it fails."""
        result = subprocess.run([self.bin / "strandline", *map(str, arguments)], env=self.cli_environment(),
                                capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)
        if check and result.returncode != 0:
            raise CliError(arguments, result)
        return result.stdout

    def cli_json(self, *arguments, **options):
        return json.loads(self.cli("--output", "json", *arguments, **options))

    def api(self, method: str, path: str, body=None, token: str | None = None, headers=None, certificate=None):
        """(status, headers, parsed JSON or bytes) of one request to the REST API."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        if certificate:
            context.load_cert_chain(*map(str, certificate))
        host, _, port = self.url.removeprefix("https://").partition(":")
        connection = http.client.HTTPSConnection(host, int(port), timeout=60, context=context)
        sent = dict(headers or {})
        bearer = self.token if token is None else token
        if bearer:
            sent["Authorization"] = f"Bearer {bearer}"
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            sent["Content-Type"] = "application/json"
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        kind = answer.headers.get("Content-Type", "")
        return answer.status, answer.headers, json.loads(data) if data and "json" in kind else data

    def device(self, device: str) -> dict:
        return self.api("GET", f"/v1/devices/{device}")[2]

    def deployment(self, deployment: str) -> dict:
        return self.api("GET", f"/v1/deployments/{deployment}")[2]

    def wait_online(self, *devices: str, seconds: float = 30) -> None:
        for device in devices:
            wait_until(lambda d=device: self.device(d).get("online"), f"{device} online", seconds)

    def broker_pid(self) -> int:
        """Process id of the mosquitto child."""
        for pid in children(self.process.pid):
            if program(pid) == "mosquitto":
                return pid
        raise LookupError("the hub has no mosquitto child")

    def rss_bytes(self) -> int:
        return rss_bytes(self.process.pid)

    def stop(self) -> int:
        return self.process.stop()

    def kill(self) -> None:
        self.process.kill()
