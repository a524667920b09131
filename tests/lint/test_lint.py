"""The checks themselves: each must find what it is for, and pass what is fine."""
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent


def run(check: str, source: pathlib.Path) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, HERE / f"check_{check}.py", source], capture_output=True, text=True)


def tree(folder: pathlib.Path, files: dict[str, str]) -> pathlib.Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(("path", "line"), [
    ("base/a.h", '#include "net/router.h"'),
    ("fleet/a.cpp", '#include "hub/hub.h"'),
    ("agent/a.cpp", '#include "store/sql/database.h"'),
    ("delta/a.cpp", '#include "base/log.h"'),
    ("hub/a.cpp", "#include <boost/beast/http.hpp>"),
    ("fleet/a.cpp", "#include <boost/json/value.hpp>"),
    ("registry/a.cpp", "#include <soci/soci.h>"),
])
def test_layers_refuse(tmp_path, path, line):
    done = run("layers", tree(tmp_path, {path: line + "\n"}))
    assert done.returncode == 1
    assert f"src/{path}:1" in done.stdout


def test_layers_accept_the_table(tmp_path):
    files = {"agent/a.cpp": '#include "store/blob/blob_store.h"\n#include "delta/apply.h"\n#include <vector>\n',
             "net/a.cpp": "#include <boost/beast/http.hpp>\n", "hub/x_api.cpp": "#include <boost/json/value.hpp>\n"}
    assert run("layers", tree(tmp_path, files)).returncode == 0


def test_layers_refuse_an_empty_tree(tmp_path):
    assert run("layers", tmp_path).returncode == 1


@pytest.mark.parametrize("statement", [
    "co_await f([p] { return p; });",
    "co_await take(Options{.a = 1});",
    "co_await take({1, 2});",
    "auto x = co_await\n    spawn(ex, [this]() -> task { co_return; });",
    "const auto r = co_await send(Request{p});",
])
def test_coroutines_refuse(tmp_path, statement):
    done = run("coroutines", tree(tmp_path, {"a.cpp": f"task g() {{\n    {statement}\n}}\n"}))
    assert done.returncode == 1, statement


@pytest.mark.parametrize("statement", [
    "co_await f(std::move(closure));",
    "auto options = Options{.a = 1}; co_await take(std::move(options));",
    "if (co_await ready()) { x = {1, 2}; }",
    'co_await log("{}");',
    "while (co_await next()) {\n        v[i] = 1;\n    }",
    "co_await sleep_for(std::chrono::seconds(1));  // [p] { not code }",
])
def test_coroutines_accept(tmp_path, statement):
    done = run("coroutines", tree(tmp_path, {"a.cpp": f"task g() {{\n    {statement}\n}}\n"}))
    assert done.returncode == 0, done.stdout


def test_sizes(tmp_path):
    assert run("sizes", tree(tmp_path, {"a.cpp": "//\n" * 100})).returncode == 0
    assert "601 lines" in run("sizes", tree(tmp_path, {"b.cpp": "//\n" * 601})).stdout


def test_error_document_is_made_from_the_catalogue(tmp_path):
    root = HERE.parents[1]
    made = tmp_path / "errors.md"
    subprocess.run([sys.executable, root / "cmake" / "generate_errors.py", root / "api" / "errors.toml", "--doc", made],
                   check=True)
    assert made.read_text(encoding="utf-8") == (root / "docs" / "errors.md").read_text(encoding="utf-8")


def cases(folder: pathlib.Path, *options: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, HERE.parents[1] / "scripts" / "cases.py", *options, folder], capture_output=True,
                          text=True)


def test_the_table_of_cases_is_made_from_marks(tmp_path):
    conftest = (HERE.parent / "conftest.py").read_text(encoding="utf-8")
    test = '"""Harm."""\nimport pytest\n\n@pytest.mark.case("a | b", "c")\ndef test_x():\n    assert True\n'
    folder = tree(tmp_path / "tests", {"conftest.py": conftest, "test_harm.py": test})
    assert cases(folder, "--check").returncode == 1, "there is no table yet"
    assert cases(folder).returncode == 0
    table = (folder / "cases.md").read_text(encoding="utf-8")
    assert "## Harm\n" in table and "| a \\| b | c | `test_x` |" in table
    assert cases(folder, "--check").returncode == 0
    (folder / "test_harm.py").write_text(test.replace("a | b", "other"), encoding="utf-8")
    assert "+| other | c |" in cases(folder, "--check").stdout


def test_an_incomplete_mark_is_refused(tmp_path):
    conftest = (HERE.parent / "conftest.py").read_text(encoding="utf-8")
    test = 'import pytest\n\n@pytest.mark.case("only half")\ndef test_x():\n    assert True\n'
    done = cases(tree(tmp_path / "tests", {"conftest.py": conftest, "test_half.py": test}))
    assert done.returncode != 0 and "what must happen" in done.stderr
