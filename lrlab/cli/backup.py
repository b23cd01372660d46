"""`backup` and `restore`: a whole lab into one file, while it runs, and out of it into a home that holds nothing."""

from __future__ import annotations

import argparse
from pathlib import Path

from lrlab.cli.parser import Groups, Parser
from lrlab.cli.terminal import Bar, Steps, moment, note, say
from lrlab.home import Home, lab_home, named_home


def add_to(groups: Groups) -> None:
    packing: Parser = groups.add_parser(
        "backup",
        help="pack the lab into one file, while it runs",
        description="Pack data sets, runs, the queue's order and lab.toml into one new file. The lab may be at work.",
    )
    packing.add_argument("file", metavar="FILE", help="the new file, a zip that any program opens")
    packing.set_defaults(run=backup)

    unpacking: Parser = groups.add_parser(
        "restore",
        help="make a backup the lab in a home that holds nothing",
        description="Unpack a backup. It is there whole afterwards, or not at all; nothing is ever overwritten.",
    )
    unpacking.add_argument("file", metavar="FILE", help="a file that `backup` made")
    unpacking.add_argument("--to", metavar="DIR", help="the home to restore into (default: the one LRLAB_HOME names)")
    unpacking.set_defaults(run=restore_)


def backup(given: argparse.Namespace) -> int:
    from lrlab.datasets import megabytes
    from lrlab.keeping import back_up

    bar = Bar()
    try:
        done = back_up(lab_home(), Path(given.file), Steps(bar))
    finally:
        bar.close()
    say(f"{done.path}: {_counted(done.datasets, done.runs)}, {done.files:,} files, {megabytes(done.bytes)}.")
    for remark in done.remarks:
        note(remark)
    return 0


def restore_(given: argparse.Namespace) -> int:
    from lrlab.keeping import restore

    home = Home(Path(given.to).expanduser().resolve()) if given.to else named_home()
    bar = Bar()
    try:
        done = restore(Path(given.file).expanduser(), home, Steps(bar))
    finally:
        bar.close()
    if done.made is None:
        say(f"Finished a restore that had been broken off: {home.root} has {_counted(done.datasets, done.runs)}.")
        return 0
    say(f"{home.root}: {_counted(done.datasets, done.runs)}, as they were {moment(done.made)}.")
    for run_id in done.interrupted:
        say(f"{run_id} was at work then; go on with it: python -m lrlab runs resume {run_id}")
    if given.to:
        note(f"This lab is opened with LRLAB_HOME={home.root}")
    return 0


def _counted(datasets: int, runs: int) -> str:
    return f"{datasets:,} data set{'s' * (datasets != 1)} and {runs:,} run{'s' * (runs != 1)}"
