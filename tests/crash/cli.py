"""All campaigns by one command; used by the long run and by the short one of every test run."""
import argparse
import functools
import pathlib
import shutil
import sys
import tempfile

from .agent_campaign import AgentCampaign
from .crashpoint import Outcome, Tool
from .enrolment_campaign import EnrolmentCampaign
from .fault_campaign import FaultCampaign
from .hub_campaign import HubCampaign

ROOT = pathlib.Path(__file__).parents[2]


def parse(arguments=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="crash_points.py", description="Stops agent and hub at each of their changes to "
                                     "disk, starts them again, and checks what must hold.")
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "release" / "bin",
                        help="folder of the programs (release: three times as fast)")
    parser.add_argument("--tool", type=pathlib.Path, help="the program crashpoint; the one beside the programs by default")
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / "build" / "models")
    parser.add_argument("--share", type=int, help="points of each scenario; all of them by default")
    parser.add_argument("--only", default="", help="one scenario, such as update")
    parser.add_argument("--lanes", type=int, default=2, help="points tried side by side")
    parser.add_argument("--keep", action="store_true", help="keep the folder, with the states of broken points")
    parser.add_argument("campaign", nargs="*", help="agent, hub, agent-faults, hub-faults; all by default")
    return parser.parse_args(arguments)


def find_tool(options: argparse.Namespace) -> Tool:
    places = [options.tool] if options.tool else [folder / "crashpoint" for folder in
                                                  (options.bin, ROOT / "build" / "dev" / "bin")]
    for place in places:
        if place.exists():
            return Tool(place)
    raise SystemExit(f"no program {places[0]}; build it: ninja -C build/dev crashpoint")


def run_agent(options, tool: Tool, folder: pathlib.Path) -> list[Outcome]:
    campaign = AgentCampaign(options.bin, tool, folder, options.models / "leaf", options.lanes)
    try:
        outcomes = []
        if options.only in ("", "enrolment"):
            outcomes += EnrolmentCampaign(campaign.hub, tool, folder / "new").run(options.share)
        if options.only != "enrolment":
            outcomes += campaign.run(options.share, options.only)
        return outcomes
    finally:
        campaign.close()


def run_hub(options, tool: Tool, folder: pathlib.Path, faults: bool = False) -> list[Outcome]:
    campaign = HubCampaign(options.bin, tool, folder, options.models / "leaf", options.lanes)
    return campaign.run(options.share, options.only, faults)


def run_agent_faults(options, tool: Tool, folder: pathlib.Path) -> list[Outcome]:
    campaign = FaultCampaign(options.bin, tool, folder, options.models / "leaf", options.lanes)
    try:
        return campaign.run(options.share, options.only)
    finally:
        campaign.close()


CAMPAIGNS = {"agent": run_agent, "hub": run_hub, "agent-faults": run_agent_faults,
             "hub-faults": functools.partial(run_hub, faults=True)}


def summary(name: str, outcomes: list[Outcome]) -> str:
    held = sum(outcome.held for outcome in outcomes)
    asked = sum(outcome.asked for outcome in outcomes)
    known = sum(outcome.known for outcome in outcomes)
    missed = sum(outcome.missed for outcome in outcomes)
    return f"{name} {held} of {asked - missed} points ({known} known, {missed} not met)"


def main(arguments=None) -> int:
    options = parse(arguments)
    unknown = set(options.campaign) - set(CAMPAIGNS)
    if unknown:
        print(f"crash_points: no campaign {', '.join(unknown)}; there are: {', '.join(CAMPAIGNS)}", file=sys.stderr)
        return 2
    tool = find_tool(options)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="crash-points-"))
    lines = []
    broken: list[str] = []
    for name, run in CAMPAIGNS.items():
        if options.campaign and name not in options.campaign:
            continue
        outcomes = run(options, tool, folder / name)
        print("\n".join(str(outcome) for outcome in outcomes), flush=True)
        broken += [text for outcome in outcomes for text in outcome.broken]
        lines.append(summary(name, outcomes))
    for text in broken:
        print(f"broken: {text}", flush=True)
    if options.keep or broken:
        print(f"kept: {folder}", flush=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"crash points: {'ok' if not broken else f'{len(broken)} BROKEN'} {'; '.join(lines)}", flush=True)
    return 1 if broken else 0
