"""What every black-box test shares: the marker that documents a case."""
import pytest

CASE = "case(what_is_done, what_must_happen): a row of docs/robustness/cases.md, which scripts/cases.py makes"


def pytest_configure(config):
    config.addinivalue_line("markers", CASE)


def pytest_collection_modifyitems(items):
    for item in items:
        for mark in item.iter_markers("case"):
            good = len(mark.args) == 2 and not mark.kwargs and all(isinstance(a, str) and a.strip() for a in mark.args)
            if not good:
                raise pytest.UsageError(f"{item.nodeid}: write @pytest.mark.case(\"what is done\", \"what must happen\")")
