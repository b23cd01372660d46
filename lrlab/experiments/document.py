"""docs/EXPERIMENT.md, made from the catalogues and the settings' own types: `python -m lrlab.experiments.document`.

Ranges are those that an Experiment refuses to leave; a slider may cover less.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from lrlab.experiments.experiment import Experiment
from lrlab.experiments.presets import EXPERIMENT_PRESETS
from lrlab.experiments.texts_fields import SECTIONS
from lrlab.experiments.texts_models import MODELS, ModelEntry
from lrlab.experiments.texts_optimizers import OPTIMIZERS
from lrlab.schedules import Parameter

HEAD = """\
# Experiments

An experiment is everything that decides a run. The Train page fills it in, `python -m lrlab train EXPERIMENT.json`
takes it as JSON, and each run keeps it in its run.json. Only `dataset` must be given; every other setting has a
default. What is out of its range or does not fit the rest is refused before anything starts, by the setting's name.

```json
{example}
```

A dotted name such as `model.dropout` is the setting `dropout` inside the object `model`. From a terminal,
`--set model.dropout=0.3` changes it. `schedule` is described in [SCHEDULES.md](SCHEDULES.md). This document is made by
`python -m lrlab.experiments.document`."""

EXAMPLE: dict[str, Any] = {
    "dataset": "trashnet",
    "image_size": 96,
    "epochs": 30,
    "model": {"name": "resnet18"},
    "pretrained": "finetune",
    "optimizer": {"name": "SGD", "lr": 0.01, "momentum": 0.9},
    "param_groups": {"by": "head", "multiplier": 0.1},
    "schedule": {"scheduler": {"name": "CosineAnnealingLR", "T_max": 30}, "warmup": {"length": 2}},
    "clip": {"by": "norm", "limit": 1.0},
    "early_stopping": {"monitor": "val_loss", "patience": 8},
}

COLUMNS = ("setting", "allowed", "default", "what it does")
ROW = "| {} |"


def document() -> str:
    """The whole text of docs/EXPERIMENT.md."""
    parts = [HEAD.format(example=_example())]
    for section in SECTIONS:
        parts += [f"\n## {section.title}\n", f"{section.line}\n", *_head(*COLUMNS)]
        parts += [_row(f"`{field.name}`", *_facts(field.name), _told(field)) for field in section.fields]
    parts += ["\n## Models\n", "`model.name` is one of these.\n"]
    parts += _head("name", "what it is, and when to use it", "its own dropout, batch norm", "image size", "pretrained")
    parts += [_row(f"`{model.name}`", f"{model.line} {model.when}", *_limits(model)) for model in MODELS.values()]
    parts += ["\n## Optimisers\n", "`optimizer.name` is one of these; the others of its settings are its own.\n"]
    for optimizer in OPTIMIZERS.values():
        parts += [f"\n### {optimizer.name}\n", f"{optimizer.line} {optimizer.when}\n"]
        parts += _head(*COLUMNS)
        types = _definitions()[optimizer.name]["properties"]
        parts += [
            _row(f"`optimizer.{field.name}`", _allowed(types[field.name]), _default(field.start), field.help)
            for field in optimizer.parameters
        ]
    parts += ["\n## Presets\n", "`python -m lrlab train --preset NAME --set dataset=DATASET` starts one of these.\n"]
    parts += _head("name", "what it trains", "from")
    parts += [
        _row(f"`{preset.name}`", f"{preset.title}. {preset.line}", f"[{preset.source[0]}]({preset.source[1]})")
        for preset in EXPERIMENT_PRESETS.values()
    ]
    return "\n".join(parts) + "\n"


def allowed(name: str) -> str:
    """What the setting `name` (dotted, as in FIELDS) may be, in words: "1 to 4,096", "`none`, `norm`, `value`"."""
    return _facts(name)[0]


def _told(field: Parameter) -> str:
    """What the setting does, and what each choice means."""
    meanings = [f"`{value}`: {text.removeprefix(f'{value}: ')}" for value, text in field.choices if text != value]
    return field.help + (f" {'; '.join(meanings)}." if meanings else "")


def _example() -> str:
    inner = ",\n ".join(f'"{key}": {json.dumps(value)}' for key, value in EXAMPLE.items())
    return "{" + inner + "}"


def _head(*columns: str) -> Iterator[str]:
    yield _row(*columns)
    yield ROW.format(" | ".join("---" for _ in columns))


def _row(*cells: str) -> str:
    return ROW.format(" | ".join(cell.replace("|", "\\|") for cell in cells))


def _limits(model: ModelEntry) -> tuple[str, str, str]:
    dropout = "none" if model.dropout is None else f"{model.dropout:g}"
    norm = {None: "fixed", True: "on", False: "off"}[model.batch_norm]
    side = f"from {model.least}" + (f", multiples of {model.multiple}" if model.multiple > 1 else "")
    weights = "no" if not model.weights else f"at {model.pretrained_size} px" if model.pretrained_size else "yes"
    return f"{dropout}, {norm}", side, weights


def _facts(name: str) -> tuple[str, str]:
    """What is allowed and what is the default of the setting `name`."""
    part, _, inner = name.partition(".")
    schema = _schema()["properties"][part]
    if inner:
        schema = _resolved(schema)["properties"][inner]
    if part == "dataset":
        return "name or id of a data set", "must be given"
    if name == "param_groups.groups":
        return "a list of objects with `name`, `pattern` and either `multiplier` or `lr`", "empty"
    return _allowed(schema), _default(schema.get("default"))


@cache
def _schema() -> Mapping[str, Any]:
    return Experiment.model_json_schema()


def _definitions() -> Mapping[str, Any]:
    found: Mapping[str, Any] = _schema()["$defs"]
    return found


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in schema:
        found: Mapping[str, Any] = _definitions()[schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def _allowed(schema: Mapping[str, Any]) -> str:
    """A type of JSON schema in words."""
    if "anyOf" in schema:
        return " or ".join(_allowed(kind) for kind in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "prefixItems" in schema:
        return "a list: " + " and ".join(_allowed(kind) for kind in schema["prefixItems"])
    match schema["type"]:
        case "boolean":
            return "`true`, `false`"
        case "null":
            return "`null`"
        case "string":
            return f"text of at most {schema['maxLength']} characters" if "maxLength" in schema else "text"
        case "integer":
            return f"whole number, {_range(schema)}"
    return _range(schema)


def _range(schema: Mapping[str, Any]) -> str:
    low = f"above {_plain(schema['exclusiveMinimum'])}" if "exclusiveMinimum" in schema else _plain(schema["minimum"])
    if "exclusiveMaximum" in schema:
        return f"{low} to below {_plain(schema['exclusiveMaximum'])}"
    return f"{low} to {_plain(schema['maximum'])}"


def _plain(value: float) -> str:
    return f"{int(value):,}" if float(value).is_integer() else f"{value:g}"


def _default(value: Any) -> str:
    if value == "":
        return "empty"
    if isinstance(value, (tuple, list)):
        return f"`[{', '.join(f'{part:g}' for part in value)}]`"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


if __name__ == "__main__":
    sys.stdout.write(document())
