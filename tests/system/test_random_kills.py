"""A short run of the campaign in tests/soak: SIGKILL at random while releases roll out."""
import re

from harness.campaign import last_line


def test_nothing_accepted_is_lost(bin_dir, leaf):
    last = last_line("random_kills", bin_dir, leaf.parent, "--kills", "12", "--devices", "4", "--releases", "3")
    assert re.fullmatch(r"kills: ok kills=12 devices=4 releases=4 inferences=[1-9]\d* seed=\d+ seconds=\d+", last), last
