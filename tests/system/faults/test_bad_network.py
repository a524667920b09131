"""A short run of the campaign in tests/soak: the kernel's own network loses packets, is slow, is down."""
import os
import re
import subprocess

import pytest

from harness.campaign import last_line


@pytest.mark.case("packets lost by the kernel (5 and 20 %), a line of 1 Mbit/s, a line that is down for 5 s, each during a transfer",
                  "devices serve all the time and end up with the release by themselves")
def test_rollouts_over_a_bad_network(bin_dir, leaf):
    probe = subprocess.run(["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"]), "nft", "list", "tables"],
                           capture_output=True, text=True)
    if probe.returncode != 0:
        pytest.skip(f"network namespaces are not permitted here: {probe.stderr.strip()}")
    last = last_line("bad_network", bin_dir, leaf.parent, "--devices", "2", "--conditions", "4", "--payload", "800000")
    assert re.fullmatch(r"network: ok conditions=4 devices=2 dropped=[1-9]\d* inferences=[1-9]\d* seconds=\d+", last), last
