"""`schedule`: what a schedule does to the LR, in words, as a table, as CSV, as code or as a link."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrlab.cli.parser import Groups, Parser, add_json, paragraph
from lrlab.cli.sources import composition_of
from lrlab.cli.terminal import say, say_json, say_table

if TYPE_CHECKING:
    from lrlab.schedules import Composition, Curve

ROWS = 24
"""The table shows this many epochs at most, evenly chosen."""

LINES_AT_ONCE = 10_000


def add_to(groups: Groups) -> None:
    parser: Parser = groups.add_parser(
        "schedule",
        help="show the LR of a schedule",
        description="Show what a schedule does to the LR of a run, update by update.",
    )
    parser.add_argument(
        "spec",
        metavar="SCHEDULE",
        nargs="?",
        help="a file of JSON (- reads it from stdin), the name of a scheduler, a recipe or a preset, or a share link",
    )
    surroundings = [
        parser.add_argument("--lr", type=float),
        parser.add_argument("--epochs", type=int),
        parser.add_argument("--steps-per-epoch", type=int),
    ]
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set a parameter, such as step_size=5; repeatable",
    )
    parser.add_argument(
        "--interval", choices=["epoch", "step"], help="call step() there; the schedule is converted, its shape stays"
    )
    parser.add_argument(
        "--read", metavar="FILE", help="read the schedule out of PyTorch or Keras code, which is not run; - reads stdin"
    )
    parser.add_argument(
        "--answer", action="append", default=[], metavar="NAME=NUMBER",
        help="a number that the code does not hold, such as 'len(dataloader)=30'; repeatable",
    )  # fmt: skip
    parser.add_argument("--csv", metavar="FILE", help="write step, epoch and LR of every update; - writes to stdout")
    parser.add_argument(
        "--code", nargs="?", const="pytorch", choices=["pytorch", "keras", "json"],
        help="print the schedule as code instead (default: pytorch)",
    )  # fmt: skip
    parser.add_argument("--optimizer", default="Adam", help="the optimiser of the PyTorch code (default: %(default)s)")
    parser.add_argument("--link", action="store_true", help="print the share link, which this command reads too")
    add_json(parser, "the sentences, the checks and every update's LR")
    parser.fill = partial(_fill, surroundings)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    from lrlab.schedules import check, label, sentences, to_link

    composition = composition_of(given)
    logged = _logged(composition)
    drawn = composition.curve(logged)
    groups = dict(composition.group_curves(logged))
    if given.csv:
        _write(given.csv, drawn, groups)
        if given.csv == "-":
            return 0
    if given.link:
        say(to_link(composition))
    elif given.code:
        say(_code(composition, given.code, given.optimizer, logged).rstrip())
    elif given.json:
        answer: dict[str, Any] = {"label": label(composition.schedule), "sentences": sentences(drawn), "lr": drawn.lr}
        if drawn.momentum is not None:
            answer["momentum"] = drawn.momentum
        if groups:
            answer["groups"] = {name: curve.lr for name, curve in groups.items()}
        answer["checks"] = [
            {
                "name": found.name, "severity": found.severity, "path": found.path, "sentence": found.sentence,
                "repair": found.repair and found.repair.label,
            }
            for found in check(composition, drawn, logged)
        ]  # fmt: skip
        say_json(answer)
    else:
        _show(composition, drawn, groups)
        _say_checks(composition, drawn, logged)
    return 0


def _logged(composition: Composition) -> Sequence[float] | None:
    """What the run has measured that the composition names; nothing of another run is read, or imported."""
    from lrlab.schedules import Logged

    if not isinstance(composition.metric, Logged):
        return None
    from lrlab.charts import logged_metric

    return logged_metric(composition)


def _code(composition: Composition, kind: str, optimizer: str, logged: Sequence[float] | None) -> str:
    from lrlab.schedules import json_code, keras_code, pytorch_code

    if kind == "keras":
        return keras_code(composition)
    return json_code(composition) if kind == "json" else pytorch_code(composition, optimizer, logged)


def _show(composition: Composition, drawn: Curve, groups: Mapping[str, Curve]) -> None:
    import numpy as np

    from lrlab.schedules import label, number, sentences

    say(f"{label(composition.schedule)}, {drawn.epochs} epochs of {drawn.steps_per_epoch} steps")
    for sentence in sentences(drawn):
        say(sentence)
    say()
    epochs = np.unique(np.linspace(0, drawn.epochs - 1, min(ROWS, drawn.epochs)).round().astype(int)).tolist()
    rows = []
    for epoch in epochs:
        first, last = epoch * drawn.steps_per_epoch, (epoch + 1) * drawn.steps_per_epoch - 1
        cells = [str(epoch), str(first), number(drawn.lr[first]), number(drawn.lr[last])]
        rows.append([*cells, *(number(curve.lr[first]) for curve in groups.values())])
    head = ["epoch", "first step", "LR", "LR of its last step", *(f"LR of {name}" for name in groups)]
    say_table(head, rows, right=["epoch", "first step"])


def _say_checks(composition: Composition, drawn: Curve, logged: Sequence[float] | None) -> None:
    from lrlab.schedules import check

    found = check(composition, drawn, logged)
    if not found:
        return
    say()
    for one in found:
        say(paragraph(f"{one.severity}, {one.path}: {one.sentence}"))
        if one.repair:
            say(paragraph(f"repair: {one.repair.label}", 2))


def _write(path: str, drawn: Curve, groups: Mapping[str, Curve]) -> None:
    if path == "-":
        for lines in _csv(drawn, groups):
            say(lines.removesuffix("\n"))
        return
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        file.writelines(_csv(drawn, groups))


def _csv(drawn: Curve, groups: Mapping[str, Curve]) -> Iterator[str]:
    """The rows as text, some thousands at once; floats in full, as repr writes them."""
    columns = {"step": drawn.step, "epoch": drawn.epoch, "lr": drawn.lr}
    if drawn.momentum is not None:
        columns["momentum"] = drawn.momentum
    columns |= {f"lr_{name}": curve.lr for name, curve in groups.items()}
    head = io.StringIO()
    csv.writer(head, lineterminator="\n").writerow(columns)  # a group's name may hold a comma
    yield head.getvalue()
    for start in range(0, len(drawn.lr), LINES_AT_ONCE):
        chunk = [column[start : start + LINES_AT_ONCE].tolist() for column in columns.values()]
        yield "".join(",".join(map(repr, row)) + "\n" for row in zip(*chunk, strict=True))


def _fill(surroundings: Sequence[argparse.Action]) -> str:
    """Gives the options around a schedule their help, and returns what can be named, as the catalogues describe it."""
    from lrlab.schedules import CATALOGUE, INTERVAL, PRESETS, RECIPES, RUN, WARMUP

    for option, parameter in zip(surroundings, RUN, strict=True):
        option.help = f"{parameter.help} (default: {parameter.start})".replace("%", "%%")
    lines = [
        'a file of JSON: {"interval": "epoch", "scheduler": {"name": ..., ...}, "warmup": null}',
        "",
        paragraph(f"interval: {' or '.join(value for value, _ in INTERVAL.choices)}. {INTERVAL.help}", 2),
        "",
        "schedulers:",
    ]
    for entry in CATALOGUE.values():
        lines.append(paragraph(f"{entry.name}: {entry.line}", 2))
        lines += [paragraph(f"{parameter.name}: {parameter.help}", 4) for parameter in entry.parameters]
    lines += ["", 'warmup, such as {"length": 3, "unit": "epoch", "start_factor": 0.1}:']
    lines += [paragraph(f"{parameter.name}: {parameter.help}", 4) for parameter in WARMUP]
    lines += ["", "recipes:"]
    for recipe in RECIPES.values():
        lines.append(paragraph(f"{recipe.name}: {recipe.line}", 2))
        lines += [paragraph(f"{parameter.name}: {parameter.help}", 4) for parameter in recipe.parameters]
    lines += ["", "presets, whole runs:"]
    return "\n".join([*lines, *(paragraph(f"{preset.name}: {preset.title}. {preset.line}", 2) for preset in PRESETS)])
