#!/usr/bin/env python3
"""The hub's HTTP server beside nginx: both on loopback, driven by wrk in the same run.

usage: http_bench.py [--bin DIR] [--seconds N] [--repeat N] [--only TEXT] [--no-report]

TLS is the hub itself in its normal configuration with its access checks; requests carry an operator's token. It has
no plain listener, so for plain HTTP the same server code serves a folder (bench/serve_folder.cpp). nginx has one
worker, as both have one I/O thread, sendfile, an open-file cache, the hub's own certificate and key, and compares
the same token. Servers share one core, wrk has another. Runs alternate; the table holds medians. CPU is what the
whole server process used, from /proc/PID/stat.
"""
import argparse
import hashlib
import os
import pathlib
import statistics
import subprocess
import tempfile

import kit
from harness.hub import Hub
from harness.process import Process, children
from harness.wait import wait_until

SIZES = {"64 KiB": 64 << 10, "1 MB": 1_000_000, "100 MB": 100_000_000}
CONNECTIONS = (1, 64)
# From memory without and with a caller to prove, and with five questions to the database.
SMALL = ("/healthz", "/v1/whoami", "/v1/status")
COUNT_LUA = """done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("counted %d %d %d %d\\n", summary.requests, summary.bytes, summary.duration,
                         e.status + e.connect + e.read + e.write + e.timeout))
end
"""
NGINX_CONF = """daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.error.log warn;
{user}
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  default_type application/octet-stream;
  sendfile on;
  tcp_nopush on;
  tcp_nodelay on;
  keepalive_timeout 75;
  keepalive_requests 1000000000;
  open_file_cache max=1000 inactive=60s;
  server {{ listen unix:{folder}/unused.sock; listen 127.0.0.1:{plain_port}; root {folder}/www; }}
  server {{
    listen 127.0.0.1:{tls_port} ssl;
    ssl_certificate {chain};
    ssl_certificate_key {key};
    ssl_client_certificate {ca};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_verify_client optional;
    ssl_session_tickets on;
    ssl_session_timeout 1h;
    root {folder}/www;
    if ($http_authorization != "Bearer {token}") {{ return 401; }}
  }}
}}
"""


def pinned(core: int, command) -> list[str]:
    if (os.cpu_count() or 1) < 2:
        return [str(part) for part in command]
    return ["taskset", "-c", str(core), *map(str, command)]


def free_ports(count: int) -> list[int]:
    """Ports that nobody holds now; nginx cannot choose by itself."""
    import socket

    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Server:
    """Something to measure: its processes by transport, and the URL of each resource."""

    def __init__(self, name, pids, token):
        self.name = name
        self.pids: dict[str, list[int]] = pids
        self.urls: dict[tuple[str, str], str] = {}
        self.headers = {"plain": [], "tls": ["-H", f"Authorization: Bearer {token}"]}


class NginxProcess:
    """nginx in a folder of its own, serving `www` below it."""

    def __init__(self, folder: pathlib.Path, hub):
        tls = hub.state / "tls"
        self.plain_port, self.tls_port = free_ports(2)
        conf = folder / "nginx.conf"
        conf.write_text(NGINX_CONF.format(
            folder=folder, user="user root;" if os.geteuid() == 0 else "", plain_port=self.plain_port,
            tls_port=self.tls_port, chain=tls / "server.crt", key=tls / "server.key", ca=tls / "ca.crt",
            token=hub.token), encoding="utf-8")
        self.process = Process(pinned(0, ["nginx", "-p", folder, "-e", folder / "nginx.error.log", "-c", conf]),
                               folder / "nginx.log")
        wait_until(lambda: children(self.process.pid), "nginx's worker", 10)

    def pids(self) -> list[int]:
        return [self.process.pid, *children(self.process.pid)]


def make_files(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    www = folder / "www"
    www.mkdir()
    files = {}
    for name, size in SIZES.items():
        files[name] = www / f"{size}.bin"
        files[name].write_bytes(os.urandom(size))
    return files


def start_hub(bin_dir: pathlib.Path, folder: pathlib.Path):
    hub = Hub(bin_dir, folder)
    hub.start()
    if (os.cpu_count() or 1) > 1:
        for task in pathlib.Path(f"/proc/{hub.process.pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {0})
    return hub


def start_plain(bin_dir: pathlib.Path, folder: pathlib.Path):
    return Process(pinned(0, [bin_dir / "serve_folder", folder / "www"]), folder / "serve_folder.log")


def offer(hub, plain, files) -> Server:
    """Stores the files in the hub; the plain server has them already."""
    server = Server("strandline", {"tls": [hub.process.pid], "plain": [plain.pid]}, hub.token)
    port = plain.line_with("port ", 10).split()[1]
    for name, path in files.items():
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        status, _, answer = hub.api("POST", f"/v1/blobs?sha256={digest}", data)
        if status != 201:
            raise SystemExit(f"http: the hub refused {name}: {status} {answer}")
        server.urls["tls", name] = f"{hub.url}/v1/blobs/{digest}"
        server.urls["plain", name] = f"http://127.0.0.1:{port}/{path.name}"
    for path in SMALL:
        server.urls["tls", f"GET {path}"] = hub.url + path
    return server


def mirror(hub, nginx: NginxProcess, folder: pathlib.Path, files) -> Server:
    """The same bytes as static files of nginx."""
    import requests

    server = Server("nginx", {"tls": nginx.pids(), "plain": nginx.pids()}, hub.token)
    for name, path in files.items():
        server.urls["tls", name] = f"https://127.0.0.1:{nginx.tls_port}/{path.name}"
        server.urls["plain", name] = f"http://127.0.0.1:{nginx.plain_port}/{path.name}"
    for path in SMALL:
        answer = requests.get(hub.url + path, timeout=30, verify=str(hub.ca_file),
                              headers={"Authorization": f"Bearer {hub.token}"})
        answer.raise_for_status()
        file = folder / "www" / path.strip("/").replace("/", "-")
        file.write_bytes(answer.content)
        server.urls["tls", f"GET {path}"] = f"https://127.0.0.1:{nginx.tls_port}/{file.name}"
    return server


def cipher_of(url: str) -> str:
    """What a TLS handshake with default settings agrees on."""
    import socket
    import ssl

    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    host, _, port = url.split("/")[2].partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw, context.wrap_socket(raw) as secured:
        return f"{secured.version()} {secured.cipher()[0]}"


class Load:
    """wrk, and what one run of it cost the server."""

    def __init__(self, folder: pathlib.Path, seconds: int):
        self.script = folder / "count.lua"
        self.script.write_text(COUNT_LUA, encoding="utf-8")
        self.seconds = seconds

    def run(self, server: Server, transport: str, resource: str, connections: int) -> dict[str, float]:
        command = ["wrk", "-t1", f"-c{connections}", f"-d{self.seconds}s", "--timeout", "60s", "-s", self.script,
                   *server.headers[transport], server.urls[transport, resource]]
        before = kit.cpu_seconds(server.pids[transport])
        done = subprocess.run(pinned(1, command), capture_output=True, text=True, timeout=self.seconds + 120)
        cpu = kit.cpu_seconds(server.pids[transport]) - before
        counted = [line for line in done.stdout.splitlines() if line.startswith("counted ")]
        if done.returncode != 0 or not counted:
            raise SystemExit(f"http: wrk failed on {server.name} {resource}: {done.stdout}{done.stderr}")
        requests, size, microseconds, errors = map(int, counted[0].split()[1:])
        if errors or size == 0:
            raise SystemExit(f"http: {server.name} {transport} {resource}: {errors} errors, {size} bytes")
        return {"MB/s": size / microseconds, "requests/s": requests * 1e6 / microseconds, "cpu_s/GB": cpu * 1e9 / size,
                "cpu_us/request": cpu * 1e6 / max(requests, 1)}


def measure(servers, load: Load, repeat: int, only: str):
    """[(transport, resource, connections, {server: {figure: median}})]"""
    cases = [(t, r, c) for (t, r) in servers[0].urls for c in CONNECTIONS if only in f"{t} {r} {c}"]
    results = []
    for transport, resource, connections in cases:
        runs = {server.name: [] for server in servers}
        for _ in range(repeat):
            for server in servers:
                runs[server.name].append(load.run(server, transport, resource, connections))
        medians = {name: {figure: statistics.median(run[figure] for run in of) for figure in of[0]}
                   for name, of in runs.items()}
        results.append((transport, resource, connections, medians))
        print("  " + "  ".join(row_of(*results[-1])), flush=True)
    return results


def row_of(transport, resource, connections, medians):
    """Cells: what, both servers' speed and cost, and the ratios strandline / nginx."""
    ours, theirs = medians["strandline"], medians["nginx"]
    small = resource.startswith("GET")
    speed, cost = ("requests/s", "cpu_us/request") if small else ("MB/s", "cpu_s/GB")
    unit = "{:.0f}" if small else "{:.3f}"
    return [f"{transport} {resource}", str(connections), f"{ours[speed]:.0f}", f"{theirs[speed]:.0f}",
            f"{ours[speed] / theirs[speed]:.2f}", unit.format(ours[cost]), unit.format(theirs[cost]),
            f"{ours[cost] / theirs[cost]:.2f}" if theirs[cost] else "-"]


def write_report(results, cipher: str, arguments) -> None:
    files = [row_of(*r) for r in results if not r[1].startswith("GET")]
    small = [row_of(*r) for r in results if r[1].startswith("GET")]
    version = subprocess.run(["nginx", "-v"], capture_output=True, text=True).stderr.strip().rsplit("/", 1)[1]
    text = kit.heading("The hub's HTTP server beside nginx") + f"""nginx {version} and the hub on loopback, {cipher}, driven by wrk in one run; medians of {arguments.repeat} alternating runs of
{arguments.seconds} s. CPU is the time of the whole server process. Ratios are hub / nginx: a speed above 1 and a cost below 1 are
in the hub's favour. `./run bench http` makes this file; `bench/http_bench.py` says how the two are set up.

Downloads:

"""
    text += kit.table(["file", "connections", "hub MB/s", "nginx MB/s", "ratio", "hub CPU s/GB", "nginx CPU s/GB", "ratio"], files)
    text += "\nSmall answers; nginx serves a static file of the same size:\n\n"
    text += kit.table(["request", "connections", "hub 1/s", "nginx 1/s", "ratio", "hub CPU us", "nginx CPU us", "ratio"], small)
    (kit.ROOT / "bench" / "http.md").write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=kit.BIN)
    parser.add_argument("--seconds", type=int, default=2, help="of each run of wrk")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", default="", help="measure the cases whose name holds this, e.g. 'tls 64 KiB'")
    parser.add_argument("--no-report", action="store_true", help="leave bench/http.md as it is")
    arguments = parser.parse_args()
    kit.require({"nginx": "nginx-light", "wrk": "wrk", "taskset": "util-linux"})
    with tempfile.TemporaryDirectory(prefix="strandline-http-") as name:
        folder = pathlib.Path(name)
        files = make_files(folder)
        hub = start_hub(arguments.bin, folder / "hub")
        plain = start_plain(arguments.bin, folder)
        nginx = None
        try:
            ours = offer(hub, plain, files)
            nginx = NginxProcess(folder, hub)
            theirs = mirror(hub, nginx, folder, files)
            cipher, other = (cipher_of(server.urls["tls", "64 KiB"]) for server in (ours, theirs))
            if cipher != other:
                raise SystemExit(f"http: TLS of the hub is {cipher}, of nginx {other}; they must be the same")
            print(f"http: {cipher}; columns: case, connections, speed of hub and nginx, ratio, CPU of hub and nginx, ratio")
            results = measure([ours, theirs], Load(folder, arguments.seconds), arguments.repeat, arguments.only)
        finally:
            if nginx:
                nginx.process.stop()
            plain.stop()
            hub.stop()
    if not arguments.no_report:
        write_report(results, cipher, arguments)


if __name__ == "__main__":
    main()
