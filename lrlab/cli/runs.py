"""`runs`: list, show, export, stop, resume, retry, rename and delete the runs of the lab, and change their LR."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrlab.cli.find_lr import as_json, say_findings
from lrlab.cli.listing import findings_of, list_runs
from lrlab.cli.parser import Groups, Parser, add_json
from lrlab.cli.terminal import ask, counted, moment, percent, say, say_json
from lrlab.home import lab_home

if TYPE_CHECKING:
    from lrlab.runs import Run

DECLINED = 1
"""The exit code where the person said no."""

FORCED = 15.0
"""Seconds to wait until a run that was stopped by force has ended; a supervisor may have to be started for it."""


def add_to(groups: Groups) -> None:
    parser: Parser = groups.add_parser(
        "runs",
        help="list, show, export, stop, resume, retry, rename and delete runs, and change their LR",
        description="The runs of the lab.",
    )
    deeds = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def deed(name: str, run: Callable[[argparse.Namespace], int], help: str, *, one: bool = True) -> Parser:
        added: Parser = deeds.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        if one:
            added.add_argument("id", metavar="ID", help="the run's id")
        added.set_defaults(run=run)
        return added

    listing = deed("list", list_runs, "list the runs, the newest first", one=False)
    listing.add_argument("--searches", action="store_true", help="list the searches for an LR instead")
    add_json(listing, "an array of runs")
    add_json(deed("show", show, "show one run: where it stands, its settings and its results"), "the run")
    export_ = deed("export", export, "write the log of a run as steps and epochs files")
    export_.add_argument("--csv", metavar="DIR", help="write steps.csv and epochs.csv into this folder")
    export_.add_argument("--parquet", metavar="DIR", help="write steps.parquet and epochs.parquet into this folder")
    export_.set_defaults(parser=export_)
    stopping = deed("stop", stop, "stop a run at its next step; the model so far is kept")
    stopping.add_argument(
        "--force", action="store_true", help="end its process now; the best model and the newest checkpoint are kept"
    )
    resuming = deed("resume", resume, "train a run on that has ended, from its newest checkpoint")
    resuming.add_argument(
        "--epochs", type=int, metavar="N", help="N more epochs, which a run that was trained to its end needs"
    )
    deed("retry", retry, "try a run again that failed, was lost or cancelled, from its newest checkpoint")
    setting = deed("set-lr", set_lr, "change the LR of a run at work, and with it the rest of its schedule")
    setting.add_argument("value", metavar="VALUE", help="the new LR, such as 0.001, or a factor, such as x0.5")
    renaming = deed("rename", rename_, "give a run another name")
    renaming.add_argument("name", metavar="NAME", help="the new name")
    deleting = deed("delete", delete, "delete a run with its log and models")
    deleting.add_argument("--yes", action="store_true", help="do not ask")


def show(given: argparse.Namespace) -> int:
    from lrlab import jobs
    from lrlab.runs import duration, load_run

    run = load_run(given.id, lab_home())
    record, seen = run.record, jobs.run_status(lab_home(), given.id)
    if given.json:
        whole = record.model_dump(mode="json") | {
            "state": seen.state,
            "status": asdict(seen),
            "folder": str(run.folder),
        }
        say_json(whole | ({"findings": as_json(findings_of(run))} if record.finder else {}))
        return 0
    say(f"{record.name} ({record.id})")
    rows = [("state", f"{seen.state}: {seen.message}")]
    if seen.cause and seen.cause not in seen.message:
        rows.append(("cause", seen.cause))
    if seen.advice:
        rows.append(("advice", seen.advice))
    if seen.log:
        rows.append(("worker.log", seen.log))
    rows.append(("progress", f"{seen.step:,} of {seen.steps:,} updates, {100 * seen.share:.0f} %"))
    if seen.elapsed is not None:
        left = f", {duration(seen.eta)} left" if seen.eta is not None else ""
        rows.append(("time", f"{duration(seen.elapsed)}{left}"))
    if seen.best_val_accuracy is not None:
        reached = f"{percent(seen.best_val_accuracy)} at epoch {counted(seen.best_epoch)}"
        if seen.best_by == "val_accuracy":
            rows.append(("best val accuracy", reached))
        else:
            rows.append(("best by val loss", f"val accuracy {reached}"))
    if record.result.test_accuracy is not None:
        rows.append(("test accuracy", percent(record.result.test_accuracy)))
    facts = record.dataset
    images = ", ".join(f"{number:,} {part}" for part, number in _parts(facts) if number)
    rows.append(("data set", f"{facts.name}: {len(facts.classes)} classes, {images}"))
    for change in record.lr_changes:
        rows.append(("LR changed", f"{change.factor:.6g} x the schedule from update {change.step:,} on"))
    if record.attempts:
        last = record.attempts[-1]
        if len(record.attempts) > 1:
            rows.append(("attempts", f"{len(record.attempts)}, the last one from update {last.first_step:,} on"))
        if last.remark:
            rows.append(("remark", last.remark))
        rows.append(("device", ", ".join(filter(None, [last.device, f"torch {last.torch}"]))))
    rows += [("created", moment(record.created)), ("folder", str(run.folder))]
    say_pairs(rows)
    if record.finder:
        say("\nsuggestions")
        say_findings(findings_of(run))
    say("\nsettings")
    say_pairs([(key, str(value)) for key, value in _flat(record.experiment.model_dump(mode="json"))])
    return 0


def _parts(facts: Any) -> tuple[tuple[str, int], ...]:
    return ("train", facts.train), ("val", facts.val), ("test", facts.test)


def say_pairs(rows: list[tuple[str, str]]) -> None:
    """Names and values, one below the other."""
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        say(f"  {name:<{width}}  " + value.replace("\n", "\n" + " " * (width + 4)))


def _flat(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The settings by their dotted names, as --set takes them."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        elif value is not None and value != "":
            yield f"{above}{key}", value


def export(given: argparse.Namespace) -> int:
    from lrlab.runs import export_csv, export_parquet, load_run

    if given.csv is None and given.parquet is None:
        given.parser.error("one of --csv DIR and --parquet DIR is needed")
    run = load_run(given.id, lab_home())
    written: list[Path] = []
    if given.csv is not None:
        written += export_csv(run, Path(given.csv))
    if given.parquet is not None:
        written += export_parquet(run, Path(given.parquet))
    for path in written:
        say(str(path))
    return 0


def stop(given: argparse.Namespace) -> int:
    from lrlab import jobs

    before = jobs.run_status(lab_home(), given.id)
    jobs.stop(lab_home(), given.id, force=given.force)
    after, until = jobs.run_status(lab_home(), given.id), time.monotonic() + FORCED
    while given.force and not after.final and time.monotonic() < until:
        time.sleep(0.05)
        after = jobs.run_status(lab_home(), given.id)
    say(f"{given.id} had already ended: {before.state}" if before.final else f"{given.id}: {after.message}")
    return 0


def retry(given: argparse.Namespace) -> int:
    from lrlab import jobs

    say_queued(jobs.retry(lab_home(), given.id))
    return 0


def say_queued(run: Run) -> None:
    """Where a run begins that was queued again, and when."""
    from lrlab import jobs
    from lrlab.runs import resume_step

    record, step = run.record, resume_step(run)
    where = f"goes on at update {step:,} of {record.steps:,}" if step else "has no checkpoint and begins anew"
    say(f"{run.id} {where}: {jobs.run_status(lab_home(), run.id).message}")


def resume(given: argparse.Namespace) -> int:
    from lrlab import jobs
    from lrlab.runs import beyond

    run = jobs.resume(lab_home(), given.id, given.epochs)
    record = run.record
    say_queued(run)
    if record.more_epochs:
        say(f"It has {record.epochs} epochs now, {record.experiment.epochs} of which were planned.")
    told = beyond(record)
    if told:
        say(told)
    return 0


def set_lr(given: argparse.Namespace) -> int:
    from lrlab import jobs
    from lrlab.errors import LabError
    from lrlab.runs import factor_of, load_run, next_update, what_comes

    text = given.value.strip().lower()
    multiplies = text.startswith("x")
    try:
        number = float(text.removeprefix("x"))
    except ValueError:
        raise LabError(f"VALUE: got {given.value!r}, allowed: an LR such as 0.001, or a factor such as x0.5") from None
    value, factor = (None, number) if multiplies else (number, None)
    run = load_run(given.id, lab_home())
    record, step = run.record, next_update(run)
    jobs.set_lr(lab_home(), given.id, value=value, factor=factor)
    what = f"the LR is multiplied by {number:g}" if multiplies else f"the LR is {number:g}"
    say(f"{given.id}: from its next update on {what}; the rest of its schedule follows in proportion.")
    chosen = factor_of(record, step, value=value, factor=factor)
    if chosen is not None:
        say(what_comes(record, step, chosen))
    return 0


def rename_(given: argparse.Namespace) -> int:
    from lrlab.runs import load_run, rename

    record = rename(load_run(given.id, lab_home()), given.name)
    say(f"{given.id} is now called {record.name}")
    return 0


def delete(given: argparse.Namespace) -> int:
    from lrlab import jobs
    from lrlab.runs import load_run

    name = load_run(given.id, lab_home()).record.name
    if not given.yes and not ask(f"Delete run {given.id} ({name}) with its log and models?", without="--yes"):
        say("Nothing was deleted")
        return DECLINED
    jobs.delete(lab_home(), given.id)
    say(f"Deleted {given.id} ({name})")
    return 0
