"""`strandline delta`: the codec as a tool of its own, on real models and on what is not a delta."""
import hashlib
import json
import re
import subprocess

import pytest


class Codec:
    def __init__(self, program, old, new, folder):
        self.program, self.old, self.new, self.folder = program, old, new, folder
        self.patch = folder / "patch.sld"

    def run(self, *arguments):
        return subprocess.run([str(self.program), *map(str, arguments)], capture_output=True, text=True, timeout=120)

    def good(self, *arguments):
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.good("--output", "json", *arguments))

    def make(self, *options):
        return self.json("delta", "make", self.old, self.new, self.patch, *options)


@pytest.fixture
def codec(bin_dir, leaf, tmp_path):
    return Codec(bin_dir / "strandline", leaf / "leaf-1.0.0" / "model.onnx", leaf / "leaf-1.1.0" / "model.onnx", tmp_path)


def test_make_verify_apply(codec):
    made = codec.make()
    assert made["delta_bytes"] == codec.patch.stat().st_size < made["full_bytes"] == codec.new.stat().st_size
    digest = hashlib.sha256(codec.new.read_bytes()).hexdigest()
    assert codec.json("delta", "verify", codec.old, codec.patch) == {"sha256": digest, "bytes": made["full_bytes"]}
    assert not (codec.folder / "out").exists()
    codec.good("delta", "apply", codec.old, codec.patch, codec.folder / "out")
    assert (codec.folder / "out").read_bytes() == codec.new.read_bytes()
    assert sorted(p.name for p in codec.folder.iterdir()) == ["out", "patch.sld"]


def test_a_model_exported_again_takes_a_few_hundred_bytes(bin_dir, leaf, tmp_path):
    # Other names, another order, the same weights: zstd with the old file as dictionary takes 386 bytes.
    again = Codec(bin_dir / "strandline", leaf / "leaf-1.1.0" / "model.onnx", leaf / "leaf-1.1.1" / "model.onnx", tmp_path)
    assert again.make()["delta_bytes"] <= 450
    again.good("delta", "apply", again.old, again.patch, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == again.new.read_bytes()


def test_what_a_delta_is_made_of_adds_up(codec):
    made = codec.make("--stats")
    shares = codec.json("delta", "info", codec.patch)["shares"]
    assert shares == made["shares"]
    assert sum(s["new_bytes"] for s in shares) == made["full_bytes"]
    assert sum(s["delta_bytes"] for s in shares) == made["delta_bytes"]
    assert any(s["coding"].startswith("numbers") for s in shares)
    text = codec.good("delta", "info", codec.patch)
    assert re.search(r"^new file +\d+ bytes, sha256 [0-9a-f]{32}([0-9a-f]{32}|\.\.\.)$", text, re.M) and "numbers" in text


def test_any_number_of_threads_makes_the_same_delta(codec):
    codec.make()
    alone = codec.patch.read_bytes()
    codec.make("--threads", "3")
    assert codec.patch.read_bytes() == alone


def test_the_small_profile_keeps_its_word(codec):
    assert codec.make("--profile", "small")["decoder_memory_bytes"] <= 512 << 10
    codec.good("delta", "verify", codec.old, codec.patch)


def test_in_place_the_old_file_becomes_the_new_one(codec):
    codec.make("--in-place")
    model = codec.folder / "model.onnx"
    model.write_bytes(codec.old.read_bytes())
    codec.good("delta", "apply", model, codec.patch, "--in-place")
    assert model.read_bytes() == codec.new.read_bytes()
    assert sorted(p.name for p in codec.folder.iterdir()) == ["model.onnx", "patch.sld"]


@pytest.mark.case("a delta that was not made for it is applied in place", "refused; the old file is untouched")
def test_in_place_needs_a_delta_made_for_it(codec):
    codec.make()
    model = codec.folder / "model.onnx"
    model.write_bytes(codec.old.read_bytes())
    done = codec.run("delta", "apply", model, codec.patch, "--in-place")
    assert done.returncode != 0 and "in place" in done.stderr, done.stderr
    assert model.read_bytes() == codec.old.read_bytes()


@pytest.mark.case("a delta is verified against another old file", "refused: not the file it was made for")
def test_another_old_file(codec):
    codec.make()
    other = codec.folder / "other"
    other.write_bytes(codec.old.read_bytes()[:-1] + b"x")
    done = codec.run("delta", "verify", other, codec.patch)
    assert done.returncode != 0 and "not the one this delta was made for" in done.stderr, done.stderr


@pytest.mark.case("a delta is cut short, damaged in the middle, or no delta at all", "refused with what is wrong; no output is left")
@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign"])
def test_damaged_deltas(codec, damage):
    codec.make()
    patch = bytearray(codec.patch.read_bytes())
    if damage == "cut":
        del patch[-10:]
    elif damage == "flipped":
        patch[len(patch) // 2] ^= 0x40
    else:
        patch = bytearray(codec.new.read_bytes())
    codec.patch.write_bytes(patch)
    done = codec.run("delta", "apply", codec.old, codec.patch, codec.folder / "out")
    assert done.returncode != 0 and "delta" in done.stderr, done.stderr
    assert sorted(p.name for p in codec.folder.iterdir()) == ["patch.sld"]


@pytest.mark.parametrize("arguments, problem", [
    (["--threads", "0"], "--threads 0: give 1 to 64"), (["--threads", "65"], "--threads 65: give 1 to 64"),
    (["--profile", "tiny"], "--profile tiny: give normal or small")])
def test_wrong_options_are_named(codec, arguments, problem):
    done = codec.run("delta", "make", codec.old, codec.new, codec.patch, *arguments)
    assert done.returncode != 0 and problem in done.stderr, done.stderr


def test_missing_files_are_named(codec):
    missing = codec.folder / "nothing.onnx"
    for arguments in (["make", missing, codec.new, codec.patch], ["info", missing], ["verify", codec.old, missing]):
        done = codec.run("delta", *arguments)
        assert done.returncode != 0 and "nothing.onnx" in done.stderr, done.stderr


def test_names_in_the_wrong_order_cost_nobody_a_file(codec):
    old, new, patch = codec.folder / "old", codec.folder / "new", codec.patch
    old.write_bytes(codec.old.read_bytes())
    new.write_bytes(codec.new.read_bytes())
    kept = {path: path.read_bytes() for path in (old, new)}
    for names, why in (((patch, old, new), "is no delta"), ((old, new, new), "do not replace it"),
                       ((old, new, old), "do not replace it"), ((old, new, "/dev/null"), "not a regular file")):
        done = codec.run("delta", "make", *names)
        assert done.returncode == 2 and why in done.stderr, done.stderr
    codec.good("delta", "make", old, new, patch)
    kept[patch] = patch.read_bytes()
    assert codec.run("delta", "make", codec.folder / "typo", new, patch).returncode == 5
    assert codec.run("delta", "apply", old, patch, patch).returncode == 2
    assert codec.run("delta", "apply", new, patch, old).returncode != 0
    assert {path: path.read_bytes() for path in codec.folder.iterdir()} == kept
