#!/usr/bin/env python3
"""The delta codec on other processors: big endian (s390x), 32 bits (i686), aarch64, built here and run by qemu.

Cross compilers, qemu and libraries are Debian packages, unpacked below build/portability and not installed. Without a
network, what an earlier run left there is used. The codec is built alone, static, with the tests of its number coder, so
that a processor without the usual kernels, or with others, is seen to give the same bits: it reads the golden deltas, and
makes deltas of their files, which must be those that this machine makes.

The last line: `portability: ok s390x=N i686=N aarch64=N tests golden=N made=N seconds=N`.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).parents[2]
WORK = ROOT / "build" / "portability"
TOOLS = WORK / "tools"
DELTA = ROOT / "src" / "delta"
# Of each processor: Debian's name, name of its folders, qemu's name, flags. Predictions need one rounding an operation,
# which the old floating-point unit of x86 cannot give.
TARGETS = {"s390x": ("s390x", "s390x-linux-gnu", "s390x", []), "i686": ("i386", "i386-linux-gnu", "i386", ["-msse2", "-mfpmath=sse"]),
           "aarch64": ("arm64", "aarch64-linux-gnu", "aarch64", [])}
LIBRARIES = ["libzstd-dev", "liblzma-dev", "zlib1g-dev", "libssl-dev", "libfmt-dev", "libexpected-dev", "libgtest-dev"]
ARCHIVES = ["gtest_main", "gtest", "zstd", "lzma", "z", "crypto"]
SOURCES = ["format/*.cpp", "apply/*.cpp", "coder/*.cpp", "encode/*.cpp", "file/*.cpp", "layout/*.cpp", "number/*.cpp"]
BASE = ["bytes", "random", "result", "sha256"]
TESTS = ["number/*_test.cpp", "format/crc32c_test.cpp", "format/varint_test.cpp", "coder/planes_test.cpp"]


def unpack(folder: pathlib.Path, arch: str, packages: list[str]) -> None:
    """The packages and what they need, below `folder`; the machine's own package lists are not touched."""
    done = folder / ".complete"
    if done.exists() and done.read_text() == " ".join(packages):
        return
    shutil.rmtree(folder, ignore_errors=True)
    for sub in ("state/lists/partial", "cache/archives/partial", "sources"):
        (folder / sub).mkdir(parents=True)
    (folder / "status").write_text("")
    shutil.copy("/etc/apt/sources.list.d/debian.sources", folder / "sources")
    options = {"APT::Architecture": arch, "APT::Architectures::": arch, "Dir::State": folder / "state", "Dir::State::status": folder / "status",
               "Dir::Cache": folder / "cache", "Dir::Etc::sourceparts": folder / "sources", "Dir::Etc::sourcelist": "/dev/null",
               "APT::Install-Recommends": "false", "APT::Sandbox::User": "root", "Acquire::Retries": "3"}
    apt = ["apt-get", "-qq", *[f"-o{key}={value}" for key, value in options.items()]]
    # One list of several may be missing for a while on a mirror; what matters is whether the packages are found.
    subprocess.run([*apt, "update"], check=False)
    subprocess.run([*apt, "--yes", "--download-only", "install", *packages], check=True, stdout=subprocess.DEVNULL)
    for package in (folder / "cache" / "archives").glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", package, folder], check=True)
    shutil.rmtree(folder / "cache")
    shutil.rmtree(folder / "state")
    done.write_text(" ".join(packages))


def sources() -> list[pathlib.Path]:
    files = [file for pattern in SOURCES for file in DELTA.glob(pattern) if not file.stem.endswith("_test")]
    files += [ROOT / "src" / "base" / f"{name}.cpp" for name in BASE]
    files += [file for pattern in TESTS for file in DELTA.glob(pattern)]
    return sorted(files) + sorted((ROOT / "tests" / "soak" / "portability").glob("*_test.cpp"))


def build(target: str, jobs: int, environment: dict[str, str]) -> pathlib.Path:
    debian, folders, _, own_flags = TARGETS[target]
    sysroot = WORK / debian
    objects = WORK / target
    objects.mkdir(exist_ok=True)
    generated = next((ROOT / "build").glob("*/generated/base/errc.h")).parents[1]
    compiler = TOOLS / "usr" / "bin" / f"{target}-linux-gnu-g++"
    # Whole libraries by name: the folder also has a C library, of which there must be one only.
    flags = ["-std=c++20", "-O1", "-ffp-contract=off", *own_flags, "-DFMT_HEADER_ONLY", f"-I{ROOT / 'src'}", f"-I{DELTA / 'include'}", f"-I{generated}",
             "-idirafter", sysroot / "usr" / "include", "-idirafter", sysroot / "usr" / "include" / folders]

    def compile_one(source: pathlib.Path) -> pathlib.Path:
        result = objects / f"{source.parent.name}-{source.stem}.o"
        subprocess.run([compiler, *flags, "-c", source, "-o", result], check=True, env=environment)
        return result

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        made = list(pool.map(compile_one, sources()))
    program = objects / "portable_test"
    archives = [sysroot / "usr" / "lib" / folders / f"lib{name}.a" for name in ARCHIVES]
    subprocess.run([compiler, "-static", "-Wl,--no-warnings", *made, *archives, "-o", program], check=True, env=environment)
    return program


def make_here(made: pathlib.Path) -> None:
    """The deltas that golden_maker_test.cpp makes, by this machine."""
    made.mkdir(exist_ok=True)
    for old in DELTA.glob("golden/*.old"):
        for profile in ("normal", "small"):
            command = [ROOT / "build" / "release" / "bin" / "strandline", "delta", "make", "--profile", profile]
            subprocess.run([*command, old, old.with_suffix(".new"), made / f"{old.stem}.{profile}"], check=True, stdout=subprocess.DEVNULL)


def compare(target: str, made: pathlib.Path, wanted: pathlib.Path) -> int:
    """How many deltas are the same as this machine's: all of them."""
    names = sorted(file.name for file in wanted.iterdir())
    other = [name for name in names if not (made / name).exists() or (made / name).read_bytes() != (wanted / name).read_bytes()]
    if other or not names:
        raise SystemExit(f"portability: {target} makes other deltas than this machine: {', '.join(other) or 'none at all'}")
    return len(names)


def run(target: str, program: pathlib.Path, made: pathlib.Path) -> tuple[int, int]:
    """Tests that passed, and golden deltas that were read."""
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    emulator = TOOLS / "usr" / "bin" / f"qemu-{TARGETS[target][2]}-static"
    done = subprocess.run([emulator, program, "--gtest_brief=1"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, "STRANDLINE_GOLDEN": str(DELTA / "golden"), "STRANDLINE_MADE": str(made)}, timeout=1800)
    passed = re.search(r"\[  PASSED  \] (\d+) test", done.stdout)
    golden = re.search(r"golden deltas read: (\d+), bytes of a pointer: (\d+), big endian: (\d)", done.stdout)
    if done.returncode != 0 or not passed or not golden:
        print(done.stdout[-5000:])
        raise SystemExit(f"portability: failed on {target}, exit code {done.returncode}")
    print(f"{target}: {passed[1]} tests, {golden[0]}", flush=True)
    return int(passed[1]), int(golden[1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--target", action="append", choices=TARGETS, help="all by default")
    options = parser.parse_args()
    start = time.monotonic()
    unpack(TOOLS, "amd64", [f"g++-{target}-linux-gnu" for target in TARGETS] + ["qemu-user-static"])
    for debian, *_ in TARGETS.values():
        unpack(WORK / debian, debian, LIBRARIES)
    environment = {**os.environ, "LD_LIBRARY_PATH": str(TOOLS / "usr" / "lib" / "x86_64-linux-gnu")}
    shutil.rmtree(WORK / "made", ignore_errors=True)
    make_here(WORK / "made")
    results, same = {}, 0
    for target in options.target or TARGETS:
        made = WORK / target / "made"
        results[target] = run(target, build(target, options.jobs, environment), made)
        same = compare(target, made, WORK / "made")
    counts = " ".join(f"{target}={tests}" for target, (tests, _) in results.items())
    golden = min(golden for _, golden in results.values())
    print(f"portability: ok {counts} tests golden={golden} made={same} seconds={time.monotonic() - start:.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
