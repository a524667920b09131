"""A hub that answers the command line as a test says, over plain HTTP on loopback."""
import http.server
import json
import os
import pathlib
import subprocess
import threading
from dataclasses import dataclass, field


@dataclass
class Request:
    method: str
    path: str
    headers: dict
    body: bytes


@dataclass
class Answer:
    status: int = 200
    body: object = None  #: bytes, or what becomes JSON
    headers: dict = field(default_factory=dict)


def error(status: int, code: str, message: str = "told so", **headers) -> Answer:
    return Answer(status, {"error": {"code": code, "message": message}},
                  {name.replace("_", "-"): str(value) for name, value in headers.items()})


class ScriptedHub:
    """`answer(request)` gives an Answer, or None to close the connection without one."""

    def __init__(self, bin_dir: pathlib.Path, folder: pathlib.Path, answer):
        self.bin = bin_dir
        self.folder = folder
        self.answer = answer
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_ignored):
        self._server.shutdown()
        self._server.server_close()

    def count(self, method: str, path: str = "/") -> int:
        with self._lock:
            return sum(1 for request in self.requests if request.method == method and request.path.startswith(path))

    def cli(self, *arguments, timeout: float = 120) -> subprocess.CompletedProcess:
        env = {**os.environ, "STRANDLINE_HUB": self.url, "STRANDLINE_TOKEN": "t",
               "STRANDLINE_PROFILE": str(self.folder / "profile.json"), "XDG_CACHE_HOME": str(self.folder / "cache")}
        return subprocess.run([str(self.bin / "strandline"), *map(str, arguments)], env=env, capture_output=True, text=True,
                              timeout=timeout, stdin=subprocess.DEVNULL)

    def _handler(self):
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = Request(self.command, self.path, dict(self.headers), body)
                # One at a time: a script is a plain function.
                with hub._lock:
                    hub.requests.append(request)
                    answer = hub.answer(request)
                if answer is None:
                    self.close_connection = True
                    return
                raw = isinstance(answer.body, bytes)
                data = answer.body if raw else b"" if answer.body is None else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do

            def log_message(self, *_arguments):
                pass

        return Handler
