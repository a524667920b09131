#!/usr/bin/env python3
"""Every pair of real models, made-up ones of every kind and files of 4 GiB of holes, through the encoder and the decoders.

usage: delta_pairs.py [--bin FOLDER] [--corpus FOLDER] [--generated FOLDER] [--seeds N]

The corpus has a folder of `old` and `new` for each pair, in its subfolder `delta`; by default it is the sibling `corpus`
of STRANDLINE_SAMPLES. --generated holds folders of old.safetensors and new.safetensors. The decoder in plain Python
takes a minute for some MB; it does not see the large files.

The last line: `delta pairs: ok pairs=N made_up=N bytes=N seconds=N`.
"""
import argparse
import itertools
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from harness.model_pairs import model_pairs  # noqa: E402

HOLES = (4 << 30) + 12345
# Two records for each of 512 segments, and the index of them.
MOST_FOR_HOLES = 40_000
DECODER = ROOT / "src" / "delta" / "reference" / "apply.py"


def run(*command) -> str:
    """What went wrong; empty when nothing did."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else (done.stderr or done.stdout).strip()


def same(left: pathlib.Path, right: pathlib.Path) -> bool:
    return left.stat().st_size == right.stat().st_size and left.read_bytes() == right.read_bytes()


def check(bin_dir: pathlib.Path, old: pathlib.Path, new: pathlib.Path) -> str:
    """What went wrong with a pair; empty when both decoders made the new file."""
    with tempfile.TemporaryDirectory() as folder:
        patch, back = pathlib.Path(folder, "patch"), pathlib.Path(folder, "back")
        if problem := run(bin_dir / "strandline", "delta", "make", old, new, patch):
            return f"encoder: {problem}"
        for name, command in (("product", (bin_dir / "strandline", "delta", "apply")), ("reference", (sys.executable, DECODER))):
            back.unlink(missing_ok=True)
            if problem := run(*command, old, patch, back):
                return f"{name}: {problem}"
            if not same(back, new):
                return f"{name}: another file"
    return ""


def corpus_pairs(folder: pathlib.Path | None) -> list[tuple[str, pathlib.Path, pathlib.Path]]:
    if folder is None or not (folder / "delta").is_dir():
        return []
    return [(each.name, each / "old", each / "new") for each in sorted((folder / "delta").iterdir()) if (each / "old").exists()]


def generated_pairs(folder: pathlib.Path | None) -> list[tuple[str, pathlib.Path, pathlib.Path]]:
    if folder is None:
        return []
    return [(each.name, each / "old.safetensors", each / "new.safetensors") for each in sorted(folder.iterdir())
            if (each / "old.safetensors").exists()]


def made_up(seeds: int, folder: pathlib.Path):
    for seed in range(seeds):
        for name, old, new in model_pairs(seed):
            (folder / "old").write_bytes(old)
            (folder / "new").write_bytes(new)
            yield f"{name} (seed {seed})", folder / "old", folder / "new"


def holes(path: pathlib.Path, *written: tuple[int, bytes]) -> pathlib.Path:
    """A file of HOLES zeros that takes no room on disk, and some bytes written into it."""
    with open(path, "wb") as file:
        file.truncate(HOLES)
        for at, data in written:
            file.seek(at)
            file.write(data)
    return path


def check_holes(bin_dir: pathlib.Path, folder: pathlib.Path, *written: tuple[int, bytes]) -> str:
    """As check(), for a large file of zeros and another one; the delta must be small."""
    old, new, patch = holes(folder / "old", (HOLES // 2, os.urandom(5000))), holes(folder / "new", *written), folder / "patch"
    if problem := run(bin_dir / "strandline", "delta", "make", "--threads", "2", old, new, patch):
        return f"encoder: {problem}"
    if patch.stat().st_size > MOST_FOR_HOLES + sum(len(data) for _, data in written):
        return f"a delta of {patch.stat().st_size} bytes"
    return run(bin_dir / "strandline", "delta", "verify", old, patch)


def main() -> int:
    samples = os.environ.get("STRANDLINE_SAMPLES")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "release" / "bin")
    parser.add_argument("--corpus", type=pathlib.Path, default=pathlib.Path(samples).parent / "corpus" if samples else None)
    parser.add_argument("--generated", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=3, help="of made-up pairs")
    options = parser.parse_args()
    start, pairs, size, failed = time.monotonic(), 0, 0, []
    real = corpus_pairs(options.corpus) + generated_pairs(options.generated)
    if not corpus_pairs(options.corpus):
        print("delta pairs: no corpus of real models here; set STRANDLINE_SAMPLES or give --corpus: skipped", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, old, new in itertools.chain(real, made_up(options.seeds, pathlib.Path(folder))):
            began = time.monotonic()
            problem = check(options.bin, old, new)
            size += new.stat().st_size
            pairs += 1
            print(f"{name}: {problem or 'ok'} ({time.monotonic() - began:.1f} s)", flush=True)
            failed += [name] if problem else []
        for name, written in (("4 GiB of holes", ()), ("4 GiB of holes with a few bytes", ((HOLES - 3000, os.urandom(2000)),))):
            problem = check_holes(options.bin, pathlib.Path(folder), *written)
            pairs += 1
            print(f"{name}: {problem or 'ok'}", flush=True)
            failed += [name] if problem else []
    print(f"delta pairs: {'failed: ' + ', '.join(failed) if failed else 'ok'} pairs={len(real)} made_up={pairs - len(real)} "
          f"bytes={size} seconds={time.monotonic() - start:.0f}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
