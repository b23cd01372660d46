"""The catalogues name every model, optimiser and field of an Experiment, with its default and only legal values."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch

import lrlab.experiments
from lrlab.experiments import (
    FIELDS,
    MODELS,
    OPTIMIZERS,
    SECTIONS,
    Augment,
    Clip,
    EarlyStopping,
    Experiment,
    ExperimentField,
    Model,
    ParamGroups,
    Regularization,
    Validation,
)

PARTS = {
    "validation": Validation,
    "model": Model,
    "param_groups": ParamGroups,
    "regularization": Regularization,
    "clip": Clip,
    "augment": Augment,
    "early_stopping": EarlyStopping,
}
OPTIMIZER_CLASSES: dict[str, Any] = {name: getattr(lrlab.experiments, name) for name in OPTIMIZERS}
NOT_OFFERED = {
    "LBFGS": "wants the loss as a function",
    "SparseAdam": "takes sparse gradients only",
    "Muon": "takes matrices only",
}
NOT_A_NUMBER = {"params", "lr", "foreach", "fused", "maximize", "capturable", "differentiable"}
"""What torch's optimisers take beside the numbers that an experiment sets; `lr` is one for all."""
DEFAULT = Experiment(dataset="coffee")
CONTEXT: dict[tuple[str, Any], dict[str, Any]] = {
    ("param_groups.by", "pattern"): {"param_groups": {"groups": [{"name": "a", "pattern": "*", "lr": 0.1}]}},
    ("pretrained", "frozen"): {"model": {"name": "resnet18"}},
    ("pretrained", "finetune"): {"model": {"name": "resnet18"}},
}
"""What some values need beside them."""


def nested(dotted: str, value: Any) -> dict[str, Any]:
    head, _, rest = dotted.partition(".")
    return {head: nested(rest, value) if rest else value}


def legal_values(field: ExperimentField) -> list[Any]:
    """What a control for `field` may give at its ends."""
    if field.kind == "choice":
        return [value for value, _ in field.choices]
    if field.kind == "bool":
        return [True, False]
    if field.kind == "groups":
        return [(), ({"name": "head", "pattern": "head.*", "multiplier": 2.0},)]
    if field.kind == "text":
        return ["x" * int(field.min), "x" * int(field.max)]
    whole = int if field.kind == "int" else float
    ends = [whole(field.min), whole(field.max), *([0.0] if field.zero else [])]
    return [(end, end) for end in ends] if field.kind == "list of float" else ends


def joined(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Both, parts of the same name put together."""
    both = {
        name: {**first.get(name, {}), **value} if isinstance(value, dict) else value for name, value in second.items()
    }
    return {**first, **both}


def test_torchs_optimizers_are_offered_or_left_out_for_a_reason() -> None:
    of_torch = {name for name, kind in vars(torch.optim).items() if inspect.isclass(kind)} - {"Optimizer"}
    assert set(OPTIMIZERS) == of_torch - set(NOT_OFFERED)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_parameters_of_an_optimizer(name: str) -> None:
    default = OPTIMIZER_CLASSES[name]()
    parameters = OPTIMIZERS[name].parameters
    names = [parameter.name for parameter in parameters]
    assert names[0] == "lr"
    assert sorted(names) == sorted(set(type(default).model_fields) - {"name"})
    signature = inspect.signature(getattr(torch.optim, name)).parameters
    left_out = {"decoupled_weight_decay"} if name == "Adam" else {"eps"} if name == "Adafactor" else set()
    assert set(names) - {"lr"} == set(signature) - NOT_A_NUMBER - left_out
    for parameter in parameters:
        assert parameter.start == getattr(default, parameter.name)
        if parameter.name in ("etas", "step_sizes"):
            continue  # a pair on either side of a bound
        for value in legal_values(parameter):
            OPTIMIZER_CLASSES[name].model_validate({parameter.name: value})


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_defaults_are_torchs_but_for_momentum_and_the_list_of_eps(name: str) -> None:
    ours = OPTIMIZER_CLASSES[name]().model_dump(exclude={"name"})
    torchs = {key: value.default for key, value in inspect.signature(getattr(torch.optim, name)).parameters.items()}
    differing = {key for key, value in ours.items() if value != torchs[key]}
    assert differing == ({"momentum"} if name == "SGD" else set())


@pytest.mark.parametrize("name", FIELDS)
def test_a_field(name: str) -> None:
    field = FIELDS[name]
    assert field.help.endswith(".")
    assert field.title
    for value in legal_values(field):
        context = CONTEXT.get((name, value), {}) if field.kind == "choice" else {}
        Experiment.model_validate(joined({"dataset": "coffee", **context}, nested(name, value)))
    if name != "dataset":
        value: Any = DEFAULT
        for part in name.split("."):
            value = getattr(value, part)
        assert value is None if field.optional else field.start == value


def test_every_field_of_an_experiment_is_there() -> None:
    expected = {
        f"{name}.{inner}" if inner else name
        for name in Experiment.model_fields
        for inner in (PARTS[name].model_fields if name in PARTS else [""])
    }
    assert expected - set(FIELDS) == {"model.name", "optimizer", "schedule"}
    assert set(FIELDS) <= expected


def test_a_field_that_needs_another_names_one_of_its_values() -> None:
    for field in FIELDS.values():
        if field.needs:
            name, value = field.needs
            assert value in dict(FIELDS[name].choices), field.name


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)
def test_a_section(section: Any) -> None:
    assert section.line.endswith(".")
    assert section.fields


@pytest.mark.parametrize("name", [*MODELS, *OPTIMIZERS])
def test_texts_are_whole(name: str) -> None:
    entry: Any = {**MODELS, **OPTIMIZERS}[name]
    for text in (entry.line, entry.when):
        assert text.endswith(".")
        assert "!" not in text


def test_a_model_tells_its_size_in_millions() -> None:
    assert MODELS["small_cnn"].sized == "Small CNN, 0.3 M"
    assert MODELS["vgg16"].sized == "VGG-16, 134 M"
