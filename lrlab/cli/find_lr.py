"""`find-lr`: let the LR grow in a short training in the background, and print what the curve suggests."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrlab.cli.documents import changed, read_json
from lrlab.cli.parser import Groups, Parser, add_json, paragraph
from lrlab.cli.terminal import note, say, say_json
from lrlab.cli.train import INTERRUPTED, follow
from lrlab.home import lab_home

if TYPE_CHECKING:
    from lrlab.runs import Run, RunStatus
    from lrlab.runs.finder import Findings

SETTINGS: dict[str, Callable[[str], Any]] = {
    "lowest": float,
    "highest": float,
    "steps": int,
    "growth": str,
    "seeds": int,
    "diverged": float,
}
"""The settings of a Finder, and how each is read. Their words come from the catalogue, which takes long to import."""

METHODS = {
    "valley": "the middle of the longest fall",
    "steepest": "where the loss falls fastest as the LR grows by equal factors",
    "minimum / 10": "a tenth of the LR at which the loss is lowest",
    "slide": "where an interval that slides down from the highest LR finds equal slopes at its two ends",
}


def add_to(groups: Groups) -> None:
    parser: Parser = groups.add_parser(
        "find-lr",
        help="find a learning rate for an experiment",
        description="Train a copy of the experiment's model for a few updates while the LR grows, and print the LRs\n"
        "that the loss suggests, or none with the reason. Nothing that is trained later is touched by it.",
    )
    parser.add_argument("experiment", metavar="EXPERIMENT.json", help="the experiment as JSON; - reads it from stdin")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a setting of the experiment, such as model.name=resnet18; may be given again",
    )
    for name, read in SETTINGS.items():
        parser.add_argument(
            f"--{name}", type=read, metavar="X" if read is float else "N" if read is int else "HOW", help="see below"
        )
    parser.add_argument("--csv", metavar="FILE", help="write seed, step, LR and losses of every update to this file")
    add_json(parser, "the suggestions")
    parser.fill = _settings
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    from lrlab import jobs
    from lrlab.experiments import Experiment, Finder
    from lrlab.runs.finder import findings

    home = lab_home()
    document, remarks = changed(read_json(given.experiment), given.set)
    asked = {name: getattr(given, name) for name in SETTINGS if getattr(given, name) is not None}
    finder = Finder.model_validate(asked)
    submitted = jobs.submit(home, Experiment.model_validate(document), finder)
    note(f"Search {submitted.id}; look at it later: python -m lrlab runs show {submitted.id}")
    for remark in remarks:
        note(remark)
    try:
        code = follow(home, submitted.id, _line)
    except KeyboardInterrupt:
        note(f"The search goes on. Stop it: python -m lrlab runs stop {submitted.id}")
        return INTERRUPTED
    found = findings(finder, submitted.steps)
    if given.csv is not None:
        _write_csv(submitted, Path(given.csv))
    if given.json:
        say_json({"run": submitted.id, **as_json(found)})
    elif found.sweeps or code == 0:
        say_findings(found)
    return code


def _line(seen: RunStatus) -> str:
    return seen.message


def say_findings(found: Findings) -> None:
    """What a search suggests, a line each, or why it suggests nothing."""
    from lrlab.schedules import number

    if found.reason:
        say(f"none: {found.reason}")
    width = max((len(one.title) for one in found.suggestions), default=0)
    for one in found.suggestions:
        rate = "none" if one.lr is None else number(one.lr)
        say(f"{one.title:<{width}}  {rate:<8}  {one.sentence}")
    for remark in found.notes:
        say(remark)


def as_json(found: Findings) -> dict[str, Any]:
    """What a search suggests, ready for JSON."""
    return {
        "suggestions": {
            one.method: {"lr": one.lr, "sentence": one.sentence, "each": one.each} for one in found.suggestions
        },
        "reason": found.reason,
        "notes": found.notes,
    }


def _write_csv(run: Run, path: Path) -> None:
    steps = run.steps.assign(seed=run.experiment.seed + run.steps["epoch"])
    finder = run.record.finder
    assert finder is not None
    steps["step"] -= steps["epoch"] * finder.steps
    groups = [name for name in steps.columns if name.startswith("lr_")]
    table = steps[["seed", "step", "lr", "loss", "smoothed", *groups]]
    table.to_csv(path, index=False, na_rep="nan", lineterminator="\n")


def _settings() -> str:
    """The settings of the search as their catalogue has them, and how LRs are read off the curve."""
    from lrlab.experiments import FINDER_FIELDS

    lines = ["settings of the search:"]
    for name, field in FINDER_FIELDS.items():
        allowed = f" One of {', '.join(value for value, _ in field.choices)}." if field.choices else ""
        lines.append(paragraph(f"--{name}: {field.help}{allowed} (default: {field.start})", 2))
    lines += ["", "how LRs are read off the smoothed loss:"]
    lines += [paragraph(f"{name}: {how}", 2) for name, how in METHODS.items()]
    return "\n".join(lines)
