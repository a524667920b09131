#!/usr/bin/env python3
"""Leaves a hub and two agents running until Ctrl-C, with the leaf classifier deployed.

usage: up.py --bin DIR --models DIR [--state DIR]
"""
import argparse
import pathlib
import signal
import sys
import threading

sys.path[:0] = [str(pathlib.Path(__file__).parents[2] / "tests")]

from harness.agent import Agent  # noqa: E402
from harness.hub import Hub  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--state", type=pathlib.Path, default=pathlib.Path("build/up"))
    arguments = parser.parse_args()
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())

    print("starting a hub and two agents ...", flush=True)
    folder = arguments.state.absolute()
    token_file = folder / "operator.token"
    hub = Hub(arguments.bin, folder, {"http.port": 8443, "mqtt.port": 8883})
    if token_file.exists():
        hub.token = token_file.read_text(encoding="utf-8")
    hub.start()
    agents = [Agent(hub, f"edge-{i}", {"serve.port": 8500 + i}) for i in (1, 2)]
    try:
        for agent in agents:
            if not (agent.state / "identity" / "cert.pem").exists():
                agent.enroll()
            agent.start()
        hub.wait_online(*[a.name for a in agents])
        hub.cli("push", arguments.models / "leaf" / "leaf-1.0.0", "--package", "leaf", "--version", "1.0.0",
                "--channel", "stable")
        hub.cli("deploy", "leaf@1.0.0", "--to", "all", "--soak", 1000, "--wait", "-q")
        print(f"""
hub     {hub.url}      (CA certificate: {hub.ca_file})
edge-1  {agents[0].serve_url}/v2/models/leaf
edge-2  {agents[1].serve_url}/v2/models/leaf
token   {token_file}

Try, in another terminal:
  export STRANDLINE_PROFILE={folder}/profile.json PATH={arguments.bin.absolute()}:$PATH
  strandline devices
  strandline push build/models/leaf/leaf-1.1.0 --package leaf --version 1.1.0 --channel stable
  strandline deploy leaf@1.1.0 --to all --wait
  curl --cacert {hub.ca_file} -H "Authorization: Bearer $(cat {token_file})" {hub.url}/v1/status

Ctrl-C ends them; the next ./run up goes on from here.""", flush=True)
        end.wait()
    finally:
        print("stopping ...", flush=True)
        for agent in agents:
            if agent.process and agent.process.running():
                agent.stop()
        hub.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
