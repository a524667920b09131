"""A hub that has turned evil, some of it with the real signing keys: the device refuses by name and keeps serving what is good."""
import hashlib
import json
import struct

import numpy
import pytest

from harness.bare_device import files_of
from harness.crc32c import crc32c
from harness.fake_hub import DESIRED, KEYSET, FakeHub, SigningKey, envelope
from harness.wait import wait_until

case = pytest.mark.case
DEVICE = "prey"
MIB = 1 << 20


class Prey:
    """An agent that serves leaf 1.0.0 from an honest hub, and then meets a false one in its place."""

    def __init__(self, site, leaf, rusty_leaf):
        self.site = site
        self.agent = site.agent(DEVICE, {"hub.mqtt": False, "hub.poll_interval_s": 1, "hub.report_interval_s": 1,
                                         "transfer.retry_base_ms": 20, "transfer.retry_cap_ms": 200}, start=False)
        self.rusty = rusty_leaf
        self.model = (leaf / "leaf-1.0.0" / "model.onnx").read_bytes()
        self.agent.start()
        self.generator = numpy.random.default_rng(7)
        self.extra = self.generator.integers(0, 256, 200_000, dtype=numpy.uint8).tobytes()
        self.folder = site.hub.folder
        site.hub.stop()
        self.fake = FakeHub(site.hub)
        self.generation = 100
        self.number = 0
        self.active = self.release(self.extra)
        self.order(self.active)
        self.fake.wait_report(lambda r: active_of(r) == self.active["version"], "the honest release", 120)

    def release(self, extra: bytes, **changes) -> dict:
        """A good release of the model and one more file, with changes to its manifest."""
        self.number += 1
        files = [("extra.bin", extra), ("model.onnx", self.model)]
        return {"format": 1, "package": "leaf", "version": f"2.0.{self.number}", "variant": "default", "kind": "onnx",
                "entry": "model.onnx",
                "files": [{"path": p, "size": len(d), "sha256": self.fake.add_blob(d)} for p, d in files], **changes}

    def slot(self, manifest: dict, digest: str) -> dict:
        return {"slot": "leaf", "package": "leaf", "version": manifest["version"], "variant": "default", "manifest": digest,
                "deployment": "", "soak": {"duration_ms": 0}, "self_test": {"timeout_ms": 60000, "memory_bytes": 0},
                "allow_full": True}

    def order(self, manifest: dict, *keys, kind=None, digest=None, generation=None) -> int:
        """Publishes the manifest and orders it; the generation of the order."""
        options = {"kind": kind} if kind else {}
        digest = digest or self.fake.publish_manifest(manifest, *keys, **options)
        self.generation = generation or self.generation + 1
        self.fake.order(DEVICE, self.generation, [self.slot(manifest, digest)])
        return self.generation

    def refusal(self, generation: int) -> dict:
        """The error that the device reports for an order of this generation."""
        report = self.fake.wait_report(lambda r: r["generation"] == generation and slot_of(r).get("error"), "a refusal", 60)
        return slot_of(report)["error"]

    def assert_serves(self) -> None:
        client = self.agent.client()
        version, _ = client.infer("leaf", "image", (1, 3, 64, 64), self.rusty)
        client.close()
        assert version == self.active["version"]

    def rss(self) -> int:
        for line in open(f"/proc/{self.agent.process.pid}/status", encoding="ascii"):
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise LookupError("no VmRSS")


def slot_of(report: dict) -> dict:
    return next((s for s in report["slots"] if s["slot"] == "leaf"), {})


def active_of(report: dict) -> str:
    return (slot_of(report).get("active") or {}).get("version", "")


@pytest.fixture(scope="module")
def prey(bin_dir, leaf, rusty_leaf, tmp_path_factory):
    from conftest import Site

    site = Site(bin_dir, tmp_path_factory.mktemp("prey"))
    made = Prey(site, leaf, rusty_leaf)
    yield made
    site.close()
    made.fake.stop()


@case("a manifest signed by the real key has files that climb out, are absolute, twice there, folders of files, or hide from the eye",
      "refused as corrupt; nothing outside the bundle; the old release serves")
@pytest.mark.parametrize("paths", [["../escape"], ["/tmp/escape"], ["a/../../escape"], ["a//escape"], ["./escape"], ["a\\escape"],
                                   ["a\x00escape"], ["a\nescape"], ["a\u202eescape"], ["x" * 256], [""], ["model.onnx"],
                                   ["a", "a/escape"], [f"f{i}" for i in range(1025)]], ids=lambda p: ascii(p[0][:16]) + str(len(p)))
def test_signed_but_hostile_paths(prey, paths):
    manifest = prey.release(prey.extra)
    one = prey.fake.add_blob(b"x")
    manifest["files"] += [{"path": p, "size": 1, "sha256": one} for p in paths]
    error = prey.refusal(prey.order(manifest))
    assert error["reason"] == "corrupt" and error["message"], error
    assert not [f for f in files_of(prey.folder) if "escape" in f]
    prey.assert_serves()


@case("a signed manifest with sizes that are negative, wrap round or fill the disk, a strange kind, unknown fields, or keys twice",
      "refused by name before a byte is fetched")
@pytest.mark.parametrize("change", [{"size": -1}, {"size": 2**53 + 1}, {"size": 2**64 - 1}, {"size": 1.5}, {"size": 2**50},
                                    {"kind": "shell"}, {"format": 2}, {"entry": "../x"}, {"unknown": 1}, {"twice": 1}, {"sha256": "0" * 63}],
                         ids=str)
def test_signed_but_hostile_values(prey, change):
    manifest = prey.release(prey.extra)
    in_file = {k: v for k, v in change.items() if k in ("size", "sha256")}
    manifest["files"].append({"path": "big", "size": 1, "sha256": "ab" * 32, **in_file})
    if not in_file and "twice" not in change:
        manifest.update(change)
    payload = json.dumps(manifest)
    if "twice" in change:
        payload = payload[:-1] + ', "package": "other"}'
    before = len(prey.fake.asked)
    digest = prey.fake.publish_manifest(payload.encode())
    error = prey.refusal(prey.order(manifest, digest=digest))
    assert error["reason"] in ("corrupt", "no_space"), error
    assert not [path for path in prey.fake.asked[before:] if "/blobs/" in path or "/deltas/" in path]
    prey.assert_serves()


@case("a manifest signed by an unknown key, by the key for orders, by nobody, under another type, or not the one that was ordered",
      "refused as untrusted, unsigned or corrupt; the old release serves")
@pytest.mark.parametrize(("who", "reason"), [("unknown", "untrusted"), ("desired", "untrusted"), ("root", "untrusted"),
                                             ("nobody", "unsigned"), ("type", "untrusted"), ("swapped", "corrupt"),
                                             ("other-package", "untrusted"), ("absent", "not_found")])
def test_manifests_of_the_wrong_signer(prey, who, reason):
    manifest = prey.release(prey.extra)
    fake = prey.fake
    keys = {"unknown": (SigningKey(),), "desired": (fake.desired_key,), "root": (fake.root,)}.get(who, ())
    digest = None
    if who == "nobody":
        signed = envelope("application/vnd.strandline.manifest+json", manifest)
        digest = hashlib.sha256(json.dumps(manifest).encode()).hexdigest()
        fake.manifests[digest] = signed
    if who == "type":
        digest = fake.publish_manifest(manifest, fake.manifest_key, kind=DESIRED)
    if who == "swapped":
        digest = "ab" * 32
        fake.manifests[digest] = envelope("application/vnd.strandline.manifest+json", manifest, fake.manifest_key)
    if who == "other-package":
        digest = fake.publish_manifest({**manifest, "package": "other"})
    if who == "absent":
        digest = "cd" * 32
    error = prey.refusal(prey.order(manifest, *keys, digest=digest))
    assert error["reason"] == reason, error
    prey.assert_serves()


@case("an order of an older generation, other content under the same one, for another device, by another hub's key, by the key for "
      "manifests, with a slot twice, or cut", "it is not taken: the generation stays and the log names the reason")
@pytest.mark.parametrize(("how", "text"), [("older", "older"), ("same", "differs"), ("device", "is for device"), ("key", "trusted"),
                                           ("manifest-key", "trusted"), ("twice", "twice"), ("cut", "JSON"), ("nothing", "envelope.payloadType"),
                                           ("deep", "JSON")])
def test_orders_that_are_not_for_us(prey, how, text):
    fake = prey.fake
    held = prey.generation
    wanted = prey.release(prey.extra)
    slot = prey.slot(wanted, fake.publish_manifest(wanted))
    honest = fake.desired
    generation = {"older": held - 1, "same": held}.get(how, held + 1)
    key = {"key": SigningKey(), "manifest-key": fake.manifest_key}.get(how)
    fake.order("other" if how == "device" else DEVICE, generation, [slot, slot] if how == "twice" else [slot], key)
    if how == "cut":
        fake.desired = envelope(DESIRED, b'{"format":1,', fake.desired_key)
    if how == "nothing":
        fake.desired = {"payload": ""}
    if how == "deep":
        fake.desired = envelope(DESIRED, b'{"format":1,"slots":' + b"[" * 50_000 + b"]" * 50_000 + b"}", fake.desired_key)
    start = len(prey.agent.process.output())
    # An agent that has just asked for the key set of a stranger's order does not judge the next one yet.
    wait_until(lambda: text in prey.agent.process.output()[start:], f"the log names {text!r}", 60)
    fake.desired = honest
    fake.wait_polled(2)
    assert fake.reports[-1]["generation"] == held
    prey.assert_serves()


@case("a key set that no known root signed, or an old one, is offered together with an order by its keys",
      "the key set is refused, and so is the order")
def test_key_sets_of_strangers(prey):
    fake = prey.fake
    honest_keys, honest_order, held = fake.keyset, fake.desired, prey.generation
    evil = SigningKey()

    def keyset(version: int, signer: SigningKey) -> dict:
        import base64

        key = base64.b64encode(evil.public).decode()
        root = base64.b64encode(fake.root.public).decode()
        return envelope(KEYSET, {"format": 1, "version": version, "root": [root], "manifest": [key], "desired": [key]}, signer)

    start = len(prey.agent.process.output())
    for offered in (keyset(99, evil), keyset(0, fake.root), keyset(1, fake.root), {"payloadType": KEYSET}, b"rubbish"):
        fake.keyset = offered
        wanted = prey.release(prey.extra)
        fake.order(DEVICE, held + 5, [prey.slot(wanted, fake.publish_manifest(wanted, evil))], evil)
        fake.wait_polled(2)
    said = prey.agent.process.output()[start:]
    fake.keyset, fake.desired = honest_keys, honest_order
    fake.wait_polled(2)
    assert fake.reports[-1]["generation"] == held
    assert "key set" in said and "desired state accepted" not in said, said[-2000:]
    prey.assert_serves()


def with_long_prologue(delta: bytes) -> bytes:
    """The same delta with header and index of fixed fields; format.md section 2."""
    if delta[4] != 0x81:
        return delta
    start, at = struct.unpack_from("<H", delta, 5)[0], 9

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = delta[at]
            at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    segment_bytes = (delta[8] or 1024) << 16
    old_size, grown = varint(), varint()
    new_size = old_size + (grown >> 1 ^ -(grown & 1))
    hashes, at = delta[at:at + 64], at + 64
    record_bytes, block_bytes, reference_bytes = varint(), varint(), varint()
    index = b""
    while at < start - 4:
        index += struct.pack("<I", varint()) + delta[at:at + 4]
        at += 4
    bits = delta[7]
    memory = ((256 << 10) + len(index) + record_bytes + 2 * block_bytes + reference_bytes + (bits & 1) * (128 << 10)
              + (bits >> 1 & 1) * (640 << 10) + (bits >> 2 & 1) * ((64 << 10) + block_bytes + reference_bytes)
              + (bits >> 4 & 1) * ((64 << 10) + block_bytes))
    head = struct.pack("<4sHHBBHIQ32sQ32sQIIIII", delta[:4], 1, 0, 0, bits, 0, segment_bytes, old_size, hashes[:32], new_size,
                       hashes[32:], 128 + len(index) + len(delta) - start, memory, record_bytes, block_bytes, reference_bytes,
                       crc32c(index))
    return head + struct.pack("<I", crc32c(head)) + index + delta[start:]


def changed_header(delta: bytes, **fields) -> bytes:
    """The delta with other numbers in its header and the right checksum over it."""
    places = {"old_size": (16, "<Q"), "new_size": (56, "<Q"), "patch_size": (96, "<Q"), "decoder_memory": (104, "<I"),
              "record_bytes": (108, "<I"), "block_bytes": (112, "<I"), "reference_bytes": (116, "<I"), "segment_bytes": (12, "<I")}
    delta = with_long_prologue(delta)
    head = bytearray(delta[:128])
    for name, value in fields.items():
        offset, kind = places[name]
        struct.pack_into(kind, head, offset, value)
    struct.pack_into("<I", head, 124, crc32c(bytes(head[:124])))
    return bytes(head) + delta[128:]


@case("deltas that are rubbish, cut, for another base, make other or more bytes than were signed, claim memory, disk or records without "
      "measure, or are larger than the file", "given up by name; the whole file comes; memory stays; the release ends active")
@pytest.mark.parametrize("how", ["rubbish", "empty", "cut", "other-result", "more-bytes", "endless", "memory", "output", "records",
                                 "segments", "too-large", "bit-flips"])
def test_hostile_deltas(prey, how, tmp_path):
    fake = prey.fake
    old = prey.extra
    new = bytes(b ^ 1 for b in old[:1000]) + old[1000:150_000]
    names = {"old": old, "new": new, "other": new[::-1], "more": new + new * 20, "zeros": b"\0" * (256 * MIB) if how == "endless" else b""}

    def delta(result: str) -> bytes:
        for name in ("old", result):
            (tmp_path / name).write_bytes(names[name])
        prey.site.hub.cli("delta", "make", tmp_path / "old", tmp_path / result, tmp_path / "out.sld")
        return (tmp_path / "out.sld").read_bytes()

    makers = {"rubbish": lambda: b"\x5a" * 5000, "empty": lambda: b"", "cut": lambda: delta("new")[:-50],
              "other-result": lambda: delta("other"), "more-bytes": lambda: delta("more"), "endless": lambda: delta("zeros"),
              "memory": lambda: changed_header(delta("new"), decoder_memory=2**32 - 1),
              "output": lambda: changed_header(delta("new"), new_size=2**48),
              "records": lambda: changed_header(delta("new"), record_bytes=2**24, block_bytes=2**24, reference_bytes=2**24),
              "segments": lambda: changed_header(delta("new"), segment_bytes=65536),
              "too-large": lambda: delta("new") + b"\0" * (len(new) + 1),
              "bit-flips": lambda: bytes(b ^ (16 if i % 5 == 0 and i >= 128 else 0) for i, b in enumerate(delta("new")))}
    manifest = prey.release(new)
    base, target = hashlib.sha256(old).hexdigest(), hashlib.sha256(new).hexdigest()
    fake.deltas[(base, target)] = makers[how]()
    before = prey.rss()
    generation = prey.order(manifest)
    report = fake.wait_report(lambda r: r["generation"] == generation and active_of(r) == manifest["version"], "the release", 90)
    assert f"/v1/deltas/{base}/{target}" in fake.asked
    totals = slot_of(report)["last_update"]
    assert totals["delta_fallbacks"] >= 1 and totals["fulls"] == 1 and totals["deltas"] == 0, totals
    assert prey.rss() - before < 96 * MIB
    prey.active, prey.extra = manifest, new + bytes(prey.generator.integers(0, 256, 100, dtype=numpy.uint8))
    prey.assert_serves()
    # A fresh base for the next case.
    again = prey.release(prey.extra)
    generation = prey.order(again)
    fake.wait_report(lambda r: r["generation"] == generation and active_of(r) == again["version"], "the next base", 90)
    prey.active = again


@case("a blob that is other bytes, cut, longer or endless is served in place of the signed file",
      "refused as corrupt after a few tries; nothing of it is kept; the old release serves")
@pytest.mark.parametrize("how", ["other", "short", "long"])
def test_hostile_blobs(prey, how):
    new = bytes(prey.generator.integers(0, 256, 50_000, dtype=numpy.uint8))
    manifest = prey.release(new)
    digest = hashlib.sha256(new).hexdigest()
    prey.fake.blobs[digest] = {"other": new[::-1], "short": new[:-1], "long": new + b"x" * 1000}[how]
    error = prey.refusal(prey.order(manifest))
    assert error["reason"] == "corrupt", error
    assert digest not in {f.rsplit("/", 1)[-1] for f in files_of(prey.agent.state)}
    prey.assert_serves()


@case("the key for manifests is retired by a new key set; then come a release signed by it and the old key set again",
      "untrusted, and the rollback of the key set is refused by name")
def test_retired_keys_stay_retired(prey):
    import base64

    fake = prey.fake
    fresh_manifest, fresh_desired = SigningKey(), SigningKey()
    old_keyset, old_manifest_key = fake.keyset, fake.manifest_key
    fake.keyset = envelope(KEYSET, {"format": 1, "version": 2, "root": [base64.b64encode(fake.root.public).decode()],
                                    "manifest": [base64.b64encode(fresh_manifest.public).decode()],
                                    "desired": [base64.b64encode(fresh_desired.public).decode()]}, fake.root)
    fake.manifest_key, fake.desired_key = fresh_manifest, fresh_desired
    manifest = prey.release(prey.extra)
    error = prey.refusal(prey.order(manifest, old_manifest_key))
    assert error["reason"] == "untrusted", error
    fake.keyset = old_keyset
    start = len(prey.agent.process.output())
    error = prey.refusal(prey.order(prey.release(prey.extra), old_manifest_key))
    assert error["reason"] == "untrusted"
    assert "rollback" in prey.agent.process.output()[start:]
    manifest = prey.release(prey.extra)
    generation = prey.order(manifest, fresh_manifest)
    fake.wait_report(lambda r: r["generation"] == generation and active_of(r) == manifest["version"], "the new key's release", 60)
    prey.active = manifest
    prey.assert_serves()
