"""`doctor`: checks everything the lab keeps, and repairs what can be repaired."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from lrlab.cli.parser import Groups, Parser, add_json
from lrlab.cli.terminal import say, say_json
from lrlab.home import named_home

if TYPE_CHECKING:
    from lrlab.keeping import Result

LEFT = 1
"""The exit code where something is left to do."""


def add_to(groups: Groups) -> None:
    parser: Parser = groups.add_parser(
        "doctor",
        help="check the lab and repair what can be repaired",
        description="Check data sets, runs, checkpoints, caches, uploads, imports and the queue; repair what can be "
        "repaired, and say what was done.\nExit code 0: all is well; 1: something is left for a person.",
    )
    parser.add_argument("--check", action="store_true", help="only look; change nothing")
    parser.add_argument("--thorough", action="store_true", help="read every image and checkpoint to its end")
    add_json(parser, "an array of findings")
    parser.set_defaults(run=doctor)


def doctor(given: argparse.Namespace) -> int:
    from lrlab.keeping import examine

    home, results = named_home(), []
    for result in examine(home, repair=not given.check, thorough=given.thorough):
        results.append(result)
        if not given.json:
            say(_line(result))
    if given.json:
        say_json([_facts(result) for result in results])
    elif not results:
        say(f"{home.root} is well.")
    else:
        counts = {state: sum(result.state == state for result in results) for state in _WORDS}
        say("\n" + ", ".join(f"{count:,} {_WORDS[state]}" for state, count in counts.items() if count) + ".")
    return 0 if all(result.state == "repaired" for result in results) else LEFT


_WORDS = {
    "repaired": "repaired",
    "repairable": "to repair; leave --check out to have it done",
    "open": "left for you",
}


def _line(result: Result) -> str:
    finding = result.finding
    failed = f" That did not succeed: {result.why}." if result.why else ""
    heading = {"repaired": "repaired", "repairable": "to repair", "open": "left"}[result.state]
    return f"{heading:<9}  {finding.place}: {finding.wrong}; {finding.remedy}.{failed}"


def _facts(result: Result) -> dict[str, str]:
    finding = result.finding
    return {
        "state": result.state, "place": finding.place, "wrong": finding.wrong, "remedy": finding.remedy,
        "why": result.why,
    }  # fmt: skip
