#!/usr/bin/env python3
"""Format and static checks.

usage: lint.py [--format] [--tidy] [--fix] [FILE...]

Without options: layers, coroutine hazards, sizes, the table of cases, format and clang-tidy over every source file
(clang-tidy takes minutes). --fix formats in place.
"""
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]


def sources(words: list[str]) -> list[pathlib.Path]:
    if words:
        # Given anything else, clang-format takes it for C++ and makes a mess of it.
        return [pathlib.Path(word) for word in words if word.endswith((".h", ".cpp"))]
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.h", "*.cpp"], cwd=ROOT,
                            capture_output=True, text=True, check=True).stdout.split()
    return [ROOT / name for name in listed if (ROOT / name).exists()]


def check_format(files, fix: bool) -> bool:
    tool = shutil.which("clang-format-16")
    if tool is None:
        print("format: clang-format-16 is missing; ./run setup installs it", file=sys.stderr)
        return False
    mode = ["-i"] if fix else ["--dry-run", "--Werror"]
    good = subprocess.run([tool, *mode, *map(str, files)]).returncode == 0
    print(f"format: {'ok' if good else 'run ./run lint --format --fix'} files={len(files)}")
    return good


def check_tidy(files) -> bool:
    tool = shutil.which("clang-tidy-16")
    database = ROOT / "build" / "clang" / "compile_commands.json"
    if tool is None:
        print("tidy: clang-tidy-16 is missing; install the package clang-tidy-16", file=sys.stderr)
        return False
    if not database.exists():
        # Clang's own flags: a database made for GCC has warnings that Clang does not know.
        subprocess.run(["cmake", "--preset", "clang"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    units = [f for f in files if f.suffix == ".cpp" and not f.stem.endswith(("_bench", "_fuzz"))]

    def one(file: pathlib.Path) -> tuple[pathlib.Path, int, str]:
        done = subprocess.run([tool, "--quiet", "-p", str(database.parent), str(file)], capture_output=True, text=True)
        return file, done.returncode, done.stdout

    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, (file, code, text) in enumerate(pool.map(one, units), 1):
            if code != 0:
                bad += 1
                print(text)
            if sys.stderr.isatty():
                print(f"\r\033[Ktidy {number}/{len(units)} {file.name}", end="", file=sys.stderr)
    print(f"tidy: {'ok' if bad == 0 else f'{bad} files with findings'} files={len(units)}")
    return bad == 0


def main() -> int:
    options = {word for word in sys.argv[1:] if word.startswith("--")}
    files = sources([word for word in sys.argv[1:] if not word.startswith("--")])
    everything = not options - {"--fix"}
    good = True
    if everything:
        for check in ("layers", "coroutines", "sizes"):
            good &= subprocess.run(["/usr/bin/python3", str(ROOT / "tests" / "lint" / f"check_{check}.py")]).returncode == 0
        good &= subprocess.run(["/usr/bin/python3", str(ROOT / "scripts" / "cases.py"), "--check"]).returncode == 0
    if everything or "--format" in options:
        good &= check_format(files, "--fix" in options)
    if everything or "--tidy" in options:
        good &= check_tidy(files)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
