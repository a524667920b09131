"""Configuration files of the programs under test."""
import json
import pathlib


def write_toml(path: pathlib.Path, settings: dict) -> pathlib.Path:
    """Writes {"table.key": value} as TOML; returns the path."""
    tables: dict[str, dict] = {}
    for key, value in settings.items():
        table, _, name = key.partition(".")
        tables.setdefault(table, {})[name] = value
    lines = []
    for table, entries in tables.items():
        lines.append(f"[{table}]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in entries.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
