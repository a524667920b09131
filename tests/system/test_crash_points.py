"""A spread of crash points, the same ones each time; tests/soak/crash_points.py tries them all."""
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.parametrize(("campaign", "share", "least"), [
    ("agent", 5, 30), ("hub", 5, 22), ("agent-faults", 5, 13), ("hub-faults", 4, 14)])
@pytest.mark.case("agent and hub are killed, or lose their power, at a change to disk",
                  "after a restart everything acknowledged is there, the order is carried out, and nothing is left behind")
def test_points_hold(bin_dir, leaf, campaign, share, least):
    done = subprocess.run(["/usr/bin/python3", ROOT / "tests" / "soak" / "crash_points.py", "--bin", bin_dir, "--models",
                           leaf.parent, "--share", str(share), campaign], capture_output=True, text=True, timeout=600)
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""
    assert done.returncode == 0, f"{done.stdout[-6000:]}{done.stderr[-3000:]}"
    found = re.fullmatch(rf"crash points: ok {campaign} (\d+) of (\d+) points \((\d+) known, \d+ not met\)", last)
    assert found, last
    print(f"{campaign}: {found[1]} of {found[3]} points")
    assert int(found[1]) == int(found[2]) >= least
