"""`schedule`: what a schedule does to the LR, in words, as a table, as CSV or as PyTorch code."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrlab.cli.documents import read_json
from lrlab.cli.parser import Groups, Parser, add_json, paragraph
from lrlab.cli.terminal import say, say_json, say_table

if TYPE_CHECKING:
    from lrlab.schedules import Curve, ScheduleSpec

ROWS = 24
"""The table shows this many epochs at most, evenly chosen."""

LINES_AT_ONCE = 10_000


def add_to(groups: Groups) -> None:
    parser: Parser = groups.add_parser(
        "schedule",
        help="show the LR of a schedule",
        description="Show what a schedule does to the LR of a run, update by update.",
    )
    parser.add_argument("spec", metavar="SPEC.json", help="the schedule as JSON; - reads it from stdin")
    surroundings = [
        parser.add_argument("--lr", type=float),
        parser.add_argument("--epochs", type=int),
        parser.add_argument("--steps-per-epoch", type=int),
    ]
    parser.add_argument("--csv", metavar="FILE", help="write step, epoch and LR of every update; - writes to stdout")
    parser.add_argument("--code", action="store_true", help="print PyTorch code for the schedule instead")
    add_json(parser, "the sentences and every update's LR")
    parser.fill = partial(_fill, surroundings)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    from lrlab.schedules import RUN, Composition, ScheduleSpec, curve, label, pytorch_code, sentences

    spec = ScheduleSpec.model_validate(read_json(given.spec))
    asked = {parameter.name: getattr(given, parameter.name) for parameter in RUN}
    around: dict[str, Any] = {
        parameter.name: parameter.start if asked[parameter.name] is None else asked[parameter.name] for parameter in RUN
    }
    drawn = curve(spec, **around)
    if given.csv:
        _write(given.csv, drawn)
        if given.csv == "-":
            return 0
    if given.code:
        say(pytorch_code(Composition(schedule=spec, **around)).rstrip())
    elif given.json:
        say_json({"label": label(spec), "sentences": sentences(drawn), "lr": drawn.lr})
    else:
        _show(spec, drawn)
    return 0


def _show(spec: ScheduleSpec, drawn: Curve) -> None:
    import numpy as np

    from lrlab.schedules import label, number, sentences

    say(f"{label(spec)}, {drawn.epochs} epochs of {drawn.steps_per_epoch} steps")
    for sentence in sentences(drawn):
        say(sentence)
    say()
    epochs = np.unique(np.linspace(0, drawn.epochs - 1, min(ROWS, drawn.epochs)).round().astype(int)).tolist()
    rows = []
    for epoch in epochs:
        first, last = epoch * drawn.steps_per_epoch, (epoch + 1) * drawn.steps_per_epoch - 1
        rows.append([str(epoch), str(first), number(drawn.lr[first]), number(drawn.lr[last])])
    say_table(["epoch", "first step", "LR", "LR of its last step"], rows, right=["epoch", "first step"])


def _write(path: str, drawn: Curve) -> None:
    if path == "-":
        for lines in _csv(drawn):
            say(lines.removesuffix("\n"))
        return
    with Path(path).open("w", encoding="ascii", newline="") as file:
        file.writelines(_csv(drawn))


def _csv(drawn: Curve) -> Iterator[str]:
    """The rows as text, some thousands at once; floats in full, as repr writes them."""
    columns = {"step": drawn.step, "epoch": drawn.epoch, "lr": drawn.lr}
    if drawn.momentum is not None:
        columns["momentum"] = drawn.momentum
    yield ",".join(columns) + "\n"
    for start in range(0, len(drawn.lr), LINES_AT_ONCE):
        chunk = [column[start : start + LINES_AT_ONCE].tolist() for column in columns.values()]
        yield "".join(",".join(map(repr, row)) + "\n" for row in zip(*chunk, strict=True))


def _fill(surroundings: Sequence[argparse.Action]) -> str:
    """Gives the options around a schedule their help, and returns the schedulers as the catalogue describes them."""
    from lrlab.schedules import CATALOGUE, INTERVAL, RUN, WARMUP

    for option, parameter in zip(surroundings, RUN, strict=True):
        option.help = f"{parameter.help} (default: {parameter.start})".replace("%", "%%")
    lines = [
        'SPEC.json: {"interval": "epoch", "scheduler": {"name": ..., ...}, "warmup": null}',
        "",
        paragraph(f"interval: {' or '.join(value for value, _ in INTERVAL.choices)}. {INTERVAL.help}", 2),
        "",
        "schedulers:",
    ]
    for entry in CATALOGUE.values():
        lines.append(paragraph(f"{entry.name}: {entry.line}", 2))
        lines += [paragraph(f"{parameter.name}: {parameter.help}", 4) for parameter in entry.parameters]
    lines += ["", 'warmup, such as {"length": 3, "unit": "epoch", "start_factor": 0.1}:']
    return "\n".join([*lines, *(paragraph(f"{parameter.name}: {parameter.help}", 4) for parameter in WARMUP)])
