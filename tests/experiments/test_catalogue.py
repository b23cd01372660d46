"""The catalogues name every model, optimiser and field of an Experiment, with its default and only legal values."""

from __future__ import annotations

import inspect
import typing
from typing import Any

import pytest
import torch

from lrlab.experiments import (
    FIELDS,
    MODELS,
    OPTIMIZERS,
    SGD,
    Adam,
    AdamW,
    Experiment,
    ExperimentField,
    Model,
    Validation,
)

OPTIMIZER_CLASSES = {"SGD": SGD, "Adam": Adam, "AdamW": AdamW}
DEFAULT = Experiment(dataset="coffee")


def nested(dotted: str, value: Any) -> dict[str, Any]:
    head, _, rest = dotted.partition(".")
    return {head: nested(rest, value) if rest else value}


def legal_values(field: ExperimentField) -> list[Any]:
    """What a control for `field` may give at its ends."""
    if field.kind == "choice":
        return [value for value, _ in field.choices]
    if field.kind == "bool":
        return [True, False]
    if field.kind == "text":
        return ["x" * int(field.min), "x" * int(field.max)]
    whole = int if field.kind == "int" else float
    ends = [whole(field.min), whole(field.max), *([0.0] if field.zero else [])]
    return [(end, end) for end in ends] if field.kind == "list of float" else ends


def test_models_are_those_of_the_experiment() -> None:
    assert tuple(MODELS) == typing.get_args(Model.model_fields["name"].annotation)


def test_optimizers_are_those_of_the_experiment() -> None:
    assert set(OPTIMIZERS) == set(OPTIMIZER_CLASSES)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_parameters_of_an_optimizer(name: str) -> None:
    default = OPTIMIZER_CLASSES[name]()
    parameters = OPTIMIZERS[name].parameters
    assert {parameter.name for parameter in parameters} == set(OPTIMIZER_CLASSES[name].model_fields) - {"name"}
    assert {parameter.name for parameter in parameters} <= set(inspect.signature(getattr(torch.optim, name)).parameters)
    for parameter in parameters:
        assert parameter.start == getattr(default, parameter.name)
        for value in legal_values(parameter):
            OPTIMIZER_CLASSES[name].model_validate({parameter.name: value})


@pytest.mark.parametrize("name", FIELDS)
def test_a_field(name: str) -> None:
    field = FIELDS[name]
    assert field.help.endswith(".")
    assert field.title
    for value in legal_values(field):
        Experiment.model_validate({"dataset": "coffee", **nested(name, value)})
    if name != "dataset":
        value: Any = DEFAULT
        for part in name.split("."):
            value = getattr(value, part)
        assert field.start == value


def test_every_field_of_an_experiment_is_there() -> None:
    parts = {"validation": Validation}
    expected = {
        f"{name}.{inner}" if inner else name
        for name in Experiment.model_fields
        for inner in (parts[name].model_fields if name in parts else [""])
    }
    assert expected - set(FIELDS) == {"model", "optimizer", "schedule"}
    assert set(FIELDS) <= expected


@pytest.mark.parametrize("name", [*MODELS, *OPTIMIZERS])
def test_texts_are_whole(name: str) -> None:
    entry = (MODELS | OPTIMIZERS)[name]
    for text in (entry.line, entry.when):
        assert text.endswith(".")
        assert "!" not in text
