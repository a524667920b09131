"""A spread of crash points, the same ones each time; tests/soak/crash_points.py tries them all."""
import re

import pytest

from harness.campaign import last_line


@pytest.mark.parametrize(("campaign", "share", "least"), [
    ("agent", 5, 30), ("hub", 5, 22), ("agent-faults", 5, 13), ("hub-faults", 4, 14)])
@pytest.mark.case("agent and hub are killed, or lose their power, at a change to disk",
                  "after a restart everything acknowledged is there, the order is carried out, and nothing is left behind")
def test_points_hold(bin_dir, leaf, campaign, share, least):
    last = last_line("crash_points", bin_dir, leaf.parent, "--share", str(share), campaign)
    found = re.fullmatch(rf"crash points: ok {campaign} (\d+) of (\d+) points \((\d+) known, \d+ not met\)", last)
    assert found, last
    print(f"{campaign}: {found[1]} of {found[3]} points")
    assert int(found[1]) == int(found[2]) >= least
