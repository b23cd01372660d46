"""`models`, `optimizers`, `schedulers`: what can be chosen, and one of them in detail."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lrlab.cli.parser import Groups, Parser, add_json, paragraph
from lrlab.cli.terminal import say, say_json, say_table
from lrlab.errors import LabError, shown

if TYPE_CHECKING:
    from lrlab.experiments import ModelEntry, Summary
    from lrlab.schedules import Parameter

Entry = TypeVar("Entry")

MOST_CLASSES = 10_000


def add_to(groups: Groups) -> None:
    models = _command(groups, "models", "the networks", "a network: its layers, their shapes and sizes", models_)
    models.add_argument("--classes", type=int, default=10, metavar="N", help="classes to tell apart (default: 10)")
    models.add_argument("--image-size", type=int, default=64, metavar="S", help="side in pixels (default: 64)")
    models.add_argument("--batch-size", type=int, default=32, metavar="B", help="images of a batch (default: 32)")
    models.add_argument("--diagram", metavar="FILE", help="write a drawing of the network, as SVG")
    _command(groups, "optimizers", "the optimisers", "an optimiser and its parameters", optimizers)
    _command(groups, "schedulers", "the schedulers", "a scheduler and its parameters", schedulers)


def _command(groups: Groups, name: str, all_of_them: str, one: str, run: Any) -> Parser:
    parser: Parser = groups.add_parser(
        name,
        help=f"list {all_of_them}, or show one",
        description=f"List {all_of_them} that can be chosen; with a name, show {one}.",
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="show this one in detail")
    add_json(parser, "the same")
    parser.set_defaults(run=run)
    return parser


def _named(catalogue: Mapping[str, Entry], name: str) -> Entry:
    if name not in catalogue:
        raise LabError(f"name: got {shown(name)}, allowed: {', '.join(catalogue)}", "name")
    return catalogue[name]


def models_(given: argparse.Namespace) -> int:
    from lrlab.experiments import MODELS, weights_present

    if given.name is None:
        if given.diagram:
            raise LabError("--diagram: needs the NAME of the network to draw", "diagram")
        if given.json:
            say_json([_facts(entry) for entry in MODELS.values()])
            return 0
        rows = [
            [entry.name, f"{entry.parameters:,}", f"{entry.least} px", _weights(entry, weights_present), entry.line]
            for entry in MODELS.values()
        ]
        say_table(["name", "parameters", "from", "pretrained", "what it is"], rows, right=["parameters", "from"])
        return 0
    entry = _named(MODELS, given.name)
    summary, memory = _summarised(given)
    if given.diagram:
        from lrlab.charts import diagram

        Path(given.diagram).write_text(diagram(summary), encoding="utf-8")
    if given.json:
        say_json({**_facts(entry), "summary": summary.model_dump(mode="json"), "training_bytes": memory})
    else:
        _show_model(entry, summary, memory, given.batch_size)
    return 0


def _weights(entry: ModelEntry, present: Any) -> str:
    if not entry.weights:
        return "no"
    return "yes, on this machine" if present(entry.name) else "yes, to be fetched"


def _facts(entry: ModelEntry) -> dict[str, Any]:
    from lrlab.experiments import weights_present

    return {**asdict(entry), "weights_present": entry.weights and weights_present(entry.name)}


def _summarised(given: argparse.Namespace) -> tuple[Summary, int]:
    """The network's summary, and the bytes that training it with Adam takes."""
    from lrlab.experiments import Experiment

    if not 1 <= given.classes <= MOST_CLASSES:
        raise LabError(f"--classes: got {given.classes}, allowed: 1 to {MOST_CLASSES:,}", "classes")
    asked = Experiment.model_validate(
        {
            "dataset": "any",
            "model": {"name": given.name},
            "image_size": given.image_size,
            "batch_size": given.batch_size,
        }
    )
    from lrlab.training.pace import states_of
    from lrlab.training.summary import summarise

    summary = summarise(asked.model, given.classes, asked.image_size)
    return summary, summary.training_bytes(asked.batch_size, states_of(asked.optimizer))


def _show_model(entry: ModelEntry, summary: Summary, memory: int, batch_size: int) -> None:
    say(paragraph(f"{entry.name}: {entry.line} {entry.when}"))
    say()
    rows = [
        [
            layer.name,
            f"{layer.kind} {layer.detail}".rstrip(),
            " x ".join(map(str, layer.shape)),
            f"{layer.parameters:,}" if layer.parameters else "",
            f"{layer.multiply_adds:,}" if layer.multiply_adds else "",
        ]
        for layer in summary.layers
    ]
    rows.append(["total", "", "", f"{summary.parameters:,}", f"{summary.multiply_adds:,}"])
    numbers = ["parameters", "multiply-adds"]
    say_table(["name", "layer", "gives", *numbers], rows, right=["gives", *numbers])
    say()
    sizes = f"For {summary.num_classes} classes on pictures of {summary.image_size} px."
    need = (
        f"Training with Adam on batches of {batch_size} takes about {_size(memory)} of memory, torch itself beside it."
    )
    say(paragraph(f"{sizes} {need}"))
    for line in _allowed(entry):
        say(line)


def _allowed(entry: ModelEntry) -> Iterable[str]:
    multiple = f", a multiple of {entry.multiple}" if entry.multiple > 1 else ""
    yield f"image_size: at least {entry.least} px{multiple}"
    if entry.dropout is not None:
        yield f"model.dropout: 0 to below 1, its own is {entry.dropout:g}"
    if entry.batch_norm is not None:
        yield f"model.batch_norm: true or false, its own is {str(entry.batch_norm).lower()}"
    if entry.weights:
        size = f", for pictures of {entry.pretrained_size} px" if entry.pretrained_size else ""
        yield f"pretrained: none, frozen or finetune{size}"


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def optimizers(given: argparse.Namespace) -> int:
    from lrlab.experiments import OPTIMIZERS

    if given.name is None:
        if given.json:
            say_json([asdict(entry) for entry in OPTIMIZERS.values()])
        else:
            rows = [[entry.name, _start(entry.parameters[0]), entry.line] for entry in OPTIMIZERS.values()]
            say_table(["name", "LR", "what it is"], rows)
        return 0
    entry = _named(OPTIMIZERS, given.name)
    if given.json:
        say_json(asdict(entry))
        return 0
    say(paragraph(f"{entry.name}: {entry.line} {entry.when}"))
    _say_parameters(entry.parameters)
    return 0


def schedulers(given: argparse.Namespace) -> int:
    from lrlab.schedules import CATALOGUE, GROUPS

    if given.name is None:
        if given.json:
            say_json([asdict(entry) for entry in CATALOGUE.values()])
        else:
            rows = [[entry.name, GROUPS[entry.group], entry.line] for entry in CATALOGUE.values()]
            say_table(["name", "family", "what it is"], rows)
        return 0
    entry = _named(CATALOGUE, given.name)
    if given.json:
        say_json(asdict(entry))
        return 0
    say(paragraph(f"{entry.name}: {entry.line} {entry.when}"))
    say(f"step() may be called after each {' or each '.join(entry.intervals)}.")
    _say_parameters(entry.parameters)
    say()
    for title, address in entry.source:
        say(f"{title}: {address}")
    say(f"Its LR, update by update: python -m lrlab schedule {entry.name}")
    return 0


def _say_parameters(parameters: Iterable[Parameter]) -> None:
    for parameter in parameters:
        told = "; ".join(part for part in (f"at first {_start(parameter)}", _range(parameter)) if part)
        say()
        say(f"{parameter.name} ({told})")
        say(paragraph(parameter.help, 2))


def _start(parameter: Parameter) -> str:
    if parameter.optional:
        return "not set"
    return _value(parameter.start)


def _range(parameter: Parameter) -> str:
    """What a control of the pages covers; the setting itself may allow more."""
    if parameter.kind == "bool":
        return "true, false"
    if parameter.kind == "choice":
        return ", ".join(value for value, _ in parameter.choices)
    if parameter.max <= parameter.min:
        return ""
    unit = f" {parameter.unit}" if parameter.unit not in ("", "LR", "factor") else ""
    return f"{_value(parameter.min)} to {_value(parameter.max)}{unit}{', or 0' if parameter.zero else ''}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(_value(one) for one in value)
    return f"{value:g}" if isinstance(value, int | float) else str(value)
