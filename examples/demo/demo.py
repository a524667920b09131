#!/usr/bin/env python3
"""The whole story on one machine: hub, broker, devices, deltas, refusals.

usage: demo.py --bin DIR --models DIR [--devices N] [--keep] [--samples DIR]

Every program is a real process; every number is measured. The last line is
`demo: ok devices=... bytes_full=... bytes_sent=... dropped=... seconds=...`, and the exit code is 0
only if all of it held.
"""
import argparse
import pathlib
import shutil
import sys
import tempfile
import threading

sys.path[:0] = [str(pathlib.Path(__file__).parents[2] / "tests"), str(pathlib.Path(__file__).parent)]

import faces  # noqa: E402
from harness.agent import Agent  # noqa: E402
from harness.hub import CliError, Hub  # noqa: E402
from load import Load  # noqa: E402
from story import Story, kilobytes, table  # noqa: E402

SHAPE = (1, 3, 64, 64)
CLASSES = ("healthy", "leaf spot", "rust", "powdery mildew")
# version, folder, what is wrong, the reason that devices must give, milliseconds for the self-test: only the one that
# hangs is given up early, since a busy machine may take seconds to load a model.
BROKEN = (("1.2.0", "leaf-crash", "crashes on load", "crashed", 30_000),
          ("1.2.1", "leaf-hang", "never answers", "hung", 3000),
          ("1.2.2", "leaf-wrong", "answers wrongly", "wrong_answer", 30_000))


class Failure(Exception):
    """Something the demo promises did not hold."""


def require(condition: bool, text: str) -> None:
    if not condition:
        raise Failure(text)


class Demo:
    def __init__(self, arguments, folder: pathlib.Path):
        self.arguments = arguments
        self.models = arguments.models / "leaf"
        self.leaf = (self.models / "leaf-1.1.0" / "golden" / "rust.bin").read_bytes()
        self.story = Story()
        self.hub = Hub(arguments.bin, folder)
        self.agents: list[Agent] = []
        self.before: dict[str, str] = {}
        self.totals: dict[str, dict] = {}
        self.load: Load | None = None

    def run(self) -> str:
        self.start_hub()
        self.enrol()
        self.first_release()
        self.load = Load({a.name: a.serve_url for a in self.agents}, "leaf", "image", SHAPE, self.leaf)
        self.update("1.1.0", "leaf-1.1.0", "a better version, trained further on shaded leaves")
        self.update("1.1.1", "leaf-1.1.1", "the same weights, exported again by another tool")
        self.variant()
        self.refusals()
        self.load.stop()
        self.check_load()
        if self.arguments.samples:
            self.find_faces()
        return self.finish()

    def start_hub(self) -> None:
        self.story.chapter("A hub starts, with its own broker and certificate authority")
        self.hub.start()
        self.story.good(f"REST API at {self.hub.url}, MQTT 5 broker with mutual TLS on port {self.hub.info['mqtt_port']}")

    def enrol(self) -> None:
        count = self.arguments.devices
        self.story.chapter(f"{count} devices enrol with a join token; their keys never leave them")
        token = self.hub.cli("token", "create", "--uses", count).strip()
        self.agents = [Agent(self.hub, f"edge-{i + 1}") for i in range(count)]

        def join(agent: Agent, light: str) -> None:
            agent.enroll(token, {"light": light}).start()

        threads = [threading.Thread(target=join, args=(a, "dusk" if i == count - 1 else "day"))
                   for i, a in enumerate(self.agents)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.hub.wait_online(*[a.name for a in self.agents])
        self.story.good(", ".join(f"{a.name} ({a.serve_url})" for a in self.agents))

    def push(self, version: str, folder: str, *more: str) -> None:
        self.story.line(self.hub.cli("push", self.models / folder, "--package", "leaf", "--version", version, *more).strip())

    def deploy(self, release: str, *to: str, soak_ms: int = 1000, self_test_ms: int = 30_000) -> dict:
        """The finished deployment, whether or not devices took it."""
        options = [word for target in to for word in ("--to", target)]
        try:
            return self.hub.cli_json("deploy", release, *options, "--soak", soak_ms, "--self-test-timeout", self_test_ms,
                                     "--wait", "--timeout", 120, "-q")
        except CliError as error:
            if not error.stdout:
                raise
            import json
            return json.loads(error.stdout)

    def ask(self, agent: Agent) -> tuple[str, str]:
        """(version, answer in words) of one inference on the device."""
        client = agent.client()
        version, outputs = client.infer("leaf", "image", SHAPE, self.leaf)
        client.close()
        probabilities = outputs["probs"]
        best = max(range(len(CLASSES)), key=lambda i: probabilities[i])
        return version, f"{CLASSES[best]} {probabilities[best]:.2f}"

    def first_release(self) -> None:
        self.story.chapter("The leaf classifier 1.0.0 is pushed and every device serves it")
        self.push("1.0.0", "leaf-1.0.0", "--channel", "stable")
        done = self.deploy("leaf@1.0.0", "all")
        require(done["state"] == "succeeded", f"first deployment {done['state']}: {done}")
        for agent in self.agents:
            version, answer = self.ask(agent)
            require(version == "1.0.0", f"{agent.name} serves {version}")
            self.before[agent.name] = answer
        self.story.good(f"asked about a leaf with rust, {self.agents[0].name} says: {self.before[self.agents[0].name]}")

    def update(self, version: str, folder: str, what: str) -> None:
        self.story.chapter(f"{version}: {what}")
        self.push(version, folder, "--channel", "stable")
        done = self.deploy(f"leaf@{version}", "all")
        require(done["state"] == "succeeded", f"update to {version}: {done}")
        for device in done["devices"]:
            full, received = device["bytes_full"], device["bytes_received"]
            require(device["deltas"] >= 1 and device["fulls"] == 0, f"{device['device']} took the full file: {device}")
            require(received < full, f"{device['device']} received {received} of {full} bytes")
            total = self.totals.setdefault(device["device"], {"full": 0, "received": 0, "ms": 0})
            total["full"] += full
            total["received"] += received
            total["ms"] += device["duration_ms"]
            self.story.line(f"{device['device']}  {device['from_version']} -> {version}  {kilobytes(received)} instead of "
                            f"{kilobytes(full)}, {device['duration_ms'] / 1000:.1f} s")
        self.check_hashes(version)
        self.story.good("each device patched its own file, proved the result against the signed hash, and switched")

    def check_hashes(self, version: str) -> None:
        """What the devices hold is what was signed, byte for byte."""
        release = self.hub.cli_json("releases", "show", f"leaf@{version}:default")
        signed = {file["path"]: file["sha256"] for file in release["files"]}
        for agent in self.agents:
            held = agent.slot("leaf")["active"]["files"]
            require(held == signed, f"{agent.name} holds {held}, signed is {signed}")

    def variant(self) -> None:
        self.story.chapter("A variant for dusk goes to the devices that stand in the shade")
        self.push("1.1.0", "leaf-1.1.0-dusk", "--variant", "dusk")
        done = self.hub.cli_json("deploy", "leaf@1.1.0", "--variant", "dusk", "--to", "label:light=dusk", "--soak", 1000,
                                 "--wait", "-q")
        require(done["state"] == "succeeded", f"variant: {done}")
        self.story.good(f"{', '.join(d['device'] for d in done['devices'])} now runs leaf@1.1.0:dusk")

    def refusals(self) -> None:
        self.story.chapter("Three broken versions are pushed, and no device keeps them")
        good = {a.name: self.ask(a)[0] for a in self.agents}
        for version, folder, what, reason, patience_ms in BROKEN:
            self.push(version, folder)
            done = self.deploy(f"leaf@{version}", "all", self_test_ms=patience_ms)
            require(done["totals"]["active"] == 0, f"{version} ({what}) was kept: {done}")
            for device in done["devices"]:
                require(device["state"] == "refused" and device["reason"] == reason,
                        f"{device['device']} on {version} ({what}): {device['state']} {device['reason']}")
            first = done["devices"][0]
            self.story.good(f"{version} {what}: refused by {len(done['devices'])} of {len(done['devices'])}: "
                            f"{first['reason']}: {first['message'][:110]}")
        for agent in self.agents:
            version, _ = self.ask(agent)
            require(version == good[agent.name], f"{agent.name} changed from {good[agent.name]} to {version}")
        self.story.good("the good version never stopped serving")

    def check_load(self) -> None:
        load = self.load
        first = next((f for failures in load.failures.values() for f in failures), "")
        require(load.dropped == 0, f"{load.dropped} inferences failed, first: {first}")
        require(min(load.answers[a.name] for a in self.agents) > 0, "a device answered nothing")
        self.story.chapter(f"All the while {sum(load.answers.values())} inferences ran; {load.dropped} failed")

    def find_faces(self) -> None:
        self.story.chapter("The face detector on a real photograph, before and after an update")
        import onnx

        source = self.arguments.samples / "models"
        photo = self.arguments.samples / "images" / "people" / "office_group.jpg"
        again = self.hub.folder / "ultraface-again.onnx"
        model = onnx.load(str(source / "ultraface_rfb_320.onnx"))
        model.producer_name, model.doc_string = "strandline-examples", "exported again"
        onnx.save(model, str(again))
        agent = self.agents[0]
        for version, file, width, height in (("1.0.0", source / "ultraface_rfb_320.onnx", 320, 240),
                                             ("1.1.0", again, 320, 240),
                                             ("2.0.0", source / "ultraface_rfb_640.onnx", 640, 480)):
            self.hub.cli("push", file, "--package", "faces", "--version", version)
            done = self.deploy(f"faces@{version}", f"device:{agent.name}")
            require(done["state"] == "succeeded", f"faces {version}: {done}")
            data, size = faces.prepare(photo, width, height)
            client = agent.client()
            running, outputs = client.infer("faces", "input", (1, 3, height, width), data)
            client.close()
            found = faces.decode(outputs, size)
            require(running == version, f"faces: {running} answers instead of {version}")
            device = done["devices"][0]
            self.story.good(f"faces {version}: {len(found)} faces in {photo.name} "
                            f"({kilobytes(device['bytes_received'])} of {kilobytes(device['bytes_full'])} received)")
            for score, box in found:
                self.story.line(f"    {score:.2f}  {box}")
            require(len(found) == 10, f"faces {version}: {len(found)} faces instead of 10")

    def finish(self) -> str:
        rows = []
        for agent in self.agents:
            total = self.totals[agent.name]
            version, answer = self.ask(agent)
            rows.append((agent.name, "1.0.0", version, kilobytes(total["full"]), kilobytes(total["received"]),
                         f"{total['ms'] / 1000:.1f}", self.before[agent.name], answer,
                         len(self.load.failures[agent.name])))
        print("\n" + table(("device", "before", "after", "bytes full", "bytes sent", "seconds", "said before",
                            "says now", "dropped"), rows))
        full = sum(t["full"] for t in self.totals.values())
        sent = sum(t["received"] for t in self.totals.values())
        return (f"demo: ok devices={len(self.agents)} bytes_full={full} bytes_sent={sent} dropped={self.load.dropped} "
                f"seconds={self.story.seconds():.1f}")

    def stop(self) -> None:
        if self.load:
            self.load.stop()
        for agent in self.agents:
            if agent.process and agent.process.running():
                agent.stop()
        if self.hub.process and self.hub.process.running():
            self.hub.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--devices", type=int, default=5)
    parser.add_argument("--keep", action="store_true", help="keep the temporary folder")
    parser.add_argument("--samples", type=pathlib.Path, help="folder of further models and pictures")
    arguments = parser.parse_args()
    if arguments.devices < 1:
        parser.error("--devices: at least 1")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="strandline-demo-"))
    demo = Demo(arguments, folder)
    kept = arguments.keep
    try:
        last = demo.run()
    except (Failure, CliError, RuntimeError, TimeoutError, OSError) as error:
        kept = True
        print(f"\ndemo: failed: {error}\nlogs are in {folder}", file=sys.stderr)
        return 1
    finally:
        demo.stop()
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)
    if kept:
        print(f"\neverything is in {folder}")
    print(f"\n{last}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
