"""`status` and `clean`: the lab from a terminal, what it is doing and what it keeps on the disk, and making room."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from lrlab.cli.parser import Groups, Parser, add_json
from lrlab.cli.terminal import ask, say, say_json, say_table
from lrlab.home import lab_home

if TYPE_CHECKING:
    from lrlab.jobs.lab import Lab

MOMENT = 0.3
"""Seconds over which loads are measured."""

DECLINED = 1
"""The exit code where the person said no."""


def add_to(groups: Groups) -> None:
    looking: Parser = groups.add_parser(
        "status",
        help="show what the lab is doing: runs at work, the queue, the machine, the disk",
        description="Show what the lab is doing: its runs at work, its queue, the machine, the disk, its processes.",
    )
    add_json(looking, "the whole of it")
    looking.set_defaults(run=status)

    cleaning: Parser = groups.add_parser(
        "clean",
        help="make room on the disk: caches, and checkpoints where you say so",
        description="Delete what is made again when it is needed: decoded images, kept answers, left-overs. Runs stay.",
    )
    cleaning.add_argument(
        "--checkpoints",
        action="store_true",
        help="delete the checkpoints of runs that have ended too: their logs and models stay, but they cannot go on",
    )
    cleaning.add_argument("--yes", action="store_true", help="do not ask")
    cleaning.set_defaults(run=clean)


def status(given: argparse.Namespace) -> int:
    from lrlab.disk import fresh_use
    from lrlab.jobs.lab import Watch

    home = lab_home()
    watch = Watch(home)
    watch.look()
    time.sleep(MOMENT)
    lab = replace(watch.look(), disk=fresh_use(home), measuring=False)
    if given.json:
        say_json(_facts(lab))
        return 0
    say(f"The lab in {home.root}")
    _say_runs(lab)
    _say_machine(lab)
    _say_disk(lab)
    return 0


def clean(given: argparse.Namespace) -> int:
    from lrlab.disk import amount, measure
    from lrlab.jobs.cleaning import clear_caches, delete_checkpoints, with_checkpoints

    home = lab_home()
    done = clear_caches(home)
    say(f"Caches: {amount(done.freed)} freed")
    for name in done.kept:
        say(f"The decoded images of {name} stay: a run at work reads them")
    code = 0
    if given.checkpoints:
        runs = with_checkpoints(home)
        question = f"Delete the checkpoints of {len(runs)} runs that have ended? They cannot go on afterwards."
        if not runs:
            say("No run that has ended keeps checkpoints")
        elif given.yes or ask(question, without="--yes"):
            say(f"Checkpoints: {amount(delete_checkpoints(home, runs).freed)} freed")
        else:
            say("The checkpoints stay")
            code = DECLINED
    say(f"The lab now takes {amount(measure(home).total)}")
    return code


def _say_runs(lab: Lab) -> None:
    from lrlab import jobs
    from lrlab.errors import NotFound
    from lrlab.runs import load_run

    rows = []
    for run_ids, place in ((lab.running, "at work"), (lab.waiting, "waits"), (lab.lately(), "ended")):
        for number, run_id in enumerate(run_ids, start=1):
            try:
                record, seen = load_run(run_id, lab_home()).record, jobs.run_status(lab_home(), run_id)
            except NotFound:  # deleted since the queue was read
                continue
            told = seen.state if place == "ended" else f"place {number}" if place == "waits" else seen.message
            rows.append([place, run_id, record.name, record.owner or "-", told.partition("\n")[0]])
    say()
    if rows:
        say_table(["", "id", "name", "of", ""], rows)
    else:
        say("Nothing is at work, nothing waits")


def _say_machine(lab: Lab) -> None:
    from lrlab.disk import amount
    from lrlab.jobs import lab_words as words

    say()
    devices = [[one.name, words.busy(one) or "-", words.memory(one) or "-"] for one in lab.machine.devices]
    say_table(["device", "busy", "memory"], devices, right=["busy", "memory"])
    if lab.machine.gpus:
        say(lab.machine.gpus)
    say()
    if not lab.processes:
        say("No process of the lab is at work; a supervisor is started when one is needed")
        return
    processes = [
        [title, str(one.pid), words.cores(one.load), amount(one.memory), purpose]
        for one in lab.processes
        for title, purpose in (words.role(one, lab),)
    ]
    say_table(["process", "pid", "load", "memory", ""], processes, right=["pid", "load", "memory"])


def _say_disk(lab: Lab) -> None:
    from lrlab.disk import amount
    from lrlab.jobs import lab_words as words
    from lrlab.runs import ago

    assert lab.disk is not None
    say()
    sizes = [[words.PARTS[part], amount(size)] for part, size in words.sizes(lab.disk).items()]
    say_table(["disk", ""], [*sizes, ["in all", amount(lab.disk.total)]], right=[""])
    say(f"measured {ago(time.time() - lab.disk.measured)}; {amount(lab.free)} free on the disk")
    say()
    say_table(["limit", ""], words.limits(lab), right=[""])


def _facts(lab: Lab) -> dict[str, Any]:
    disk = lab.disk
    return {
        "running": lab.running,
        "waiting": lab.waiting,
        "ended": lab.lately(),
        "devices": [asdict(device) for device in lab.machine.devices],
        "gpus": lab.machine.gpus or None,
        "processes": [asdict(process) for process in lab.processes],
        "disk": disk and {**disk.model_dump(), "total": disk.total},
        "free": lab.free,
        "settings": lab.settings.model_dump(),
        "supervisor_idle": lab.supervisor_idle,
        "helper_idle": lab.helper_idle,
    }
