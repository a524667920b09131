"""Fixtures: one hub per test module, agents on demand, everything in temporary folders."""
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from harness.site import Site  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--bin", default=str(ROOT / "build" / "dev" / "bin"), help="folder of the programs under test")
    parser.addoption("--models", default=str(ROOT / "build" / "models"), help="folder made by ./run models")
    parser.addoption("--samples", default=str(ROOT.parent / "shared" / "samples"), help="further models and pictures")


@pytest.fixture(scope="session")
def bin_dir(request) -> pathlib.Path:
    folder = pathlib.Path(request.config.getoption("--bin"))
    assert (folder / "strandlined").exists(), f"{folder}: no programs; run ./run build dev"
    return folder


@pytest.fixture(scope="session")
def leaf(request) -> pathlib.Path:
    """Folder with the leaf releases."""
    folder = pathlib.Path(request.config.getoption("--models")) / "leaf"
    assert folder.exists(), f"{folder}: no models; run ./run models"
    return folder


@pytest.fixture(scope="session")
def samples(request) -> pathlib.Path:
    folder = pathlib.Path(request.config.getoption("--samples"))
    if not folder.exists():
        pytest.skip(f"{folder}: no samples here")
    return folder


@pytest.fixture(scope="session")
def rusty_leaf(leaf) -> bytes:
    """A leaf with rust, as the classifier's input."""
    return (leaf / "leaf-1.1.0" / "golden" / "rust.bin").read_bytes()


@pytest.fixture(scope="module")
def site(bin_dir, tmp_path_factory):
    made = Site(bin_dir, tmp_path_factory.mktemp("site"))
    yield made
    made.close()


@pytest.fixture
def fresh_site(bin_dir, tmp_path):
    """make(settings, env) -> Site, for tests that need their own hub."""
    made: list[Site] = []

    def make(settings=None, env=None) -> Site:
        made.append(Site(bin_dir, tmp_path / f"site{len(made)}", settings, env))
        return made[-1]

    yield make
    for one in made:
        one.close()
