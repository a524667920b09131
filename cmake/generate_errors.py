#!/usr/bin/env python3
"""Generate base/errc.h and docs/errors.md from api/errors.toml.

usage: generate_errors.py CATALOGUE --header FILE | --doc FILE
"""
import sys
import tomllib


def header(codes: dict) -> str:
    lines = [
        "// Generated from api/errors.toml by cmake/generate_errors.py.",
        "#pragma once",
        "",
        "#include <array>",
        "#include <string_view>",
        "",
        "namespace strandline {",
        "",
        "/// The error codes of the catalogue; one per HTTP status, CLI exit code and MQTT reply.",
        "enum class Errc {",
    ]
    for name, code in codes.items():
        lines.append(f"    {name},  ///< {code['meaning']}")
    lines += [
        "};",
        "",
        "/// What the catalogue says of one code.",
        "struct ErrcInfo {",
        "    Errc code;",
        "    std::string_view name;",
        "    int http_status;",
        "    int exit_code;",
        "    bool retryable;",
        "};",
        "",
        f"inline constexpr std::array<ErrcInfo, {len(codes)}> errc_catalogue{{{{",
    ]
    for name, code in codes.items():
        retry = "true" if code["retry"] else "false"
        lines.append(f'    {{Errc::{name}, "{name}", {code["http"]}, {code["exit"]}, {retry}}},')
    lines += ["}};", "", "}  // namespace strandline", ""]
    return "\n".join(lines)


def doc(codes: dict) -> str:
    lines = [
        "# Error codes",
        "",
        "Generated from `api/errors.toml` by `cmake/generate_errors.py`.",
        "REST answers carry `{\"error\":{\"code\":CODE,\"message\":TEXT}}`; the command line exits with the",
        "exit code; MQTT replies carry the code in the field `error`.",
        "",
        "| code | HTTP | exit | retry | meaning |",
        "|---|---|---|---|---|",
    ]
    for name, code in codes.items():
        retry = "yes" if code["retry"] else "no"
        lines.append(f"| `{name}` | {code['http']} | {code['exit']} | {retry} | {code['meaning']} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    if len(sys.argv) != 4 or sys.argv[2] not in ("--header", "--doc"):
        print(__doc__, file=sys.stderr)
        return 2
    with open(sys.argv[1], "rb") as file:
        codes = tomllib.load(file)
    text = header(codes) if sys.argv[2] == "--header" else doc(codes)
    with open(sys.argv[3], "w", encoding="utf-8") as file:
        file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
