#!/usr/bin/env python3
"""Check that each module includes only what the dependency table of ARCHITECTURE.md allows.

usage: check_layers.py [SOURCE_DIR]
"""
import pathlib
import re
import sys

# module -> modules it may include. Sub-folders that carry their own rule come first.
ALLOWED = {
    "base": [],
    "delta": ["base/result.h", "base/bytes.h", "base/sha256.h"],
    "link": ["base/result.h", "base/bytes.h"],
    "trust": ["base"],
    "store": ["base"],
    "policy": ["base"],
    "infer/fusion": ["base/result.h"],
    "infer": ["base"],
    "net": ["base", "trust"],
    "doctor": ["base", "trust", "net"],
    "registry": ["base", "store", "trust", "delta", "policy"],
    "fleet": ["base", "store", "trust", "registry", "policy"],
    "telemetry": ["base", "store", "policy"],
    "gateway": ["base", "net", "infer", "policy"],
    "hub": ["base", "delta", "link", "trust", "store", "net", "policy", "infer", "registry", "fleet",
            "telemetry", "gateway", "doctor"],
    "agent": ["base", "delta", "link", "trust", "store/blob", "net", "policy", "infer", "gateway",
              "doctor"],
    "cli": ["base", "net", "trust", "delta", "doctor"],
    "apps": ["base", "hub", "agent", "cli"],
}
# outside header (prefix) -> files (prefixes under src/) that may include it
OUTSIDE = {
    "boost/asio/awaitable.hpp": ["net", "gateway", "agent", "hub", "cli"],
    "boost/asio/any_io_executor.hpp": ["net"],
    "boost/asio": ["net"],
    "boost/beast": ["net"],
    "boost/json/fwd.hpp": [""],
    "boost/json": ["base", "*_json.cpp", "*_json.h", "*_api.cpp", "*_config.cpp"],
    "openssl": ["base", "trust", "net"],
    "mosquitto": ["net/mqtt"],
    "mqtt_protocol.h": ["net/mqtt"],
    "soci": ["store/sql"],
    "sqlite3.h": [],
    "zstd": ["delta"],
    "spdlog": ["base"],
    "toml++": ["base"],
    "CLI": ["cli", "apps"],
    "onnxruntime": ["infer/engine"],
    "archive": ["hub/legacy"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
MODULE_NAMES = {name.split("/")[0] for name in ALLOWED}


def is_test(path: str) -> bool:
    return path.endswith(("_test.cpp", "_bench.cpp")) or "/test_" in path


def rule_of(path: str) -> list[str]:
    for module in sorted(ALLOWED, key=len, reverse=True):
        if path.startswith(module + "/"):
            return ALLOWED[module]
    return []


def permitted(path: str, included: str) -> bool:
    own = path.split("/")[0]
    target = included.split("/")[0]
    if target == own:
        return True
    if is_test(path) and target == "base":
        return True
    return any(included == rule or included.startswith(rule + "/") for rule in rule_of(path))


def outside_permitted(path: str, included: str) -> bool:
    for prefix, places in sorted(OUTSIDE.items(), key=lambda item: -len(item[0])):
        if not included.startswith(prefix):
            continue
        for place in places:
            if place.startswith("*"):
                if path.endswith(place[1:]) or path.endswith(place[1:].replace(".cpp", "_test.cpp")):
                    return True
            elif path.startswith(place):
                return True
        return is_test(path)
    return True


def check(source: pathlib.Path) -> list[str]:
    problems = []
    files = sorted(p for p in source.rglob("*") if p.suffix in (".h", ".cpp"))
    for file in files:
        path = file.relative_to(source).as_posix()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            included = match.group(2)
            first = included.split("/")[0]
            if match.group(1) == '"' and first in MODULE_NAMES and not permitted(path, included):
                problems.append(f"src/{path}:{number}: {path.split('/')[0]} may not include {included}")
            if match.group(1) == "<" and not outside_permitted(path, included):
                problems.append(f"src/{path}:{number}: <{included}> does not belong here")
    if not files:
        problems.append(f"{source}: no sources found")
    return problems


def main() -> int:
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2] / "src"
    problems = check(root)
    print("\n".join(problems) if problems else "layers: ok")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
