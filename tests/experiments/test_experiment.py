"""An Experiment reads and writes its JSON form, is frozen, and refuses every wrong value with a helpful sentence."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from lrlab.errors import from_validation
from lrlab.experiments import SGD, Adam, AdamW, Experiment, Model, Validation

SEED = 2**32

CASES: list[tuple[dict[str, Any], str, str]] = [
    # what is set, field at fault, sentence
    ({"name": "x" * 121}, "name", f"got '{'x' * 76}..., allowed: at most 120 characters"),
    ({"name": "a\nb"}, "name", r"got 'a\nb': holds a control character; allowed: printable text"),
    ({"name": 3}, "name", "got 3, allowed: text"),
    ({"dataset": ""}, "dataset", "got '', allowed: 1 or more characters"),
    ({"dataset": None}, "dataset", "got None, allowed: text"),
    ({"image_size": 15}, "image_size", "got 15, allowed: at least 16"),
    ({"image_size": 513}, "image_size", "got 513, allowed: at most 512"),
    ({"image_size": 64.5}, "image_size", "got 64.5, allowed: a whole number"),
    ({"batch_size": 0}, "batch_size", "got 0, allowed: at least 1"),
    ({"batch_size": 4097}, "batch_size", "got 4097, allowed: at most 4,096"),
    ({"epochs": 0}, "epochs", "got 0, allowed: at least 1"),
    ({"epochs": 10_001}, "epochs", "got 10001, allowed: at most 10,000"),
    ({"epochs": "many"}, "epochs", "got 'many', allowed: a whole number"),
    ({"seed": -1}, "seed", "got -1, allowed: at least 0"),
    ({"seed": SEED}, "seed", "got 4294967296, allowed: below 4,294,967,296"),
    ({"validation": {"fraction": 0}}, "validation.fraction", "got 0, allowed: above 0"),
    ({"validation": {"fraction": 1}}, "validation.fraction", "got 1, allowed: below 1"),
    ({"validation": {"seed": -1}}, "validation.seed", "got -1, allowed: at least 0"),
    ({"validation": 0.2}, "validation", "got 0.2, allowed: an object of settings, {...}"),
    ({"model": {"name": "vgg"}}, "model.name", "got 'vgg', allowed: 'small_cnn' or 'resnet18'"),
    ({"model": "small_cnn"}, "model", "got 'small_cnn', allowed: an object of settings, {...}"),
    ({"optimizer": {"name": "Adm"}}, "optimizer.name", "got 'Adm', allowed: 'SGD', 'Adam', 'AdamW'"),
    ({"optimizer": {"lr": 0.1}}, "optimizer.name", "is required"),
    ({"optimizer": {"name": "SGD", "lr": 0}}, "optimizer.lr", "got 0, allowed: above 0"),
    ({"optimizer": {"name": "Adam", "lr": -0.1}}, "optimizer.lr", "got -0.1, allowed: above 0"),
    ({"optimizer": {"name": "AdamW", "lr": 1001}}, "optimizer.lr", "got 1001, allowed: at most 1,000"),
    ({"optimizer": {"name": "Adam", "lr": math.nan}}, "optimizer.lr", "got nan, allowed: a finite number"),
    ({"optimizer": {"name": "SGD", "momentum": 1}}, "optimizer.momentum", "got 1, allowed: below 1"),
    ({"optimizer": {"name": "SGD", "nesterov": "maybe"}}, "optimizer.nesterov", "got 'maybe', allowed: true or false"),
    (
        {"optimizer": {"name": "SGD", "momentum": 0, "nesterov": True}}, "optimizer",
        "nesterov needs a momentum above 0 (got momentum 0)",
    ),
    ({"optimizer": {"name": "SGD", "weight_decay": -1}}, "optimizer.weight_decay", "got -1, allowed: at least 0"),
    ({"optimizer": {"name": "Adam", "weight_decay": 11}}, "optimizer.weight_decay", "got 11, allowed: at most 10"),
    ({"optimizer": {"name": "AdamW", "weight_decay": "x"}}, "optimizer.weight_decay", "got 'x', allowed: a number"),
    ({"optimizer": {"name": "Adam", "betas": [0.9]}}, "optimizer.betas.1", "is required"),
    ({"optimizer": {"name": "AdamW", "betas": [0.9, 1]}}, "optimizer.betas.1", "got 1, allowed: below 1"),
    ({"optimizer": {"name": "Adam", "eps": 0}}, "optimizer.eps", "got 0, allowed: above 0"),
    ({"optimizer": {"name": "AdamW", "eps": 2}}, "optimizer.eps", "got 2, allowed: at most 1"),
    ({"optimizer": {"name": "Adam", "momentum": 0.9}}, "optimizer.momentum", "is not a known setting (got 0.9)"),
    (
        {"schedule": {"scheduler": {"name": "StepLR", "step_size": 0}}}, "schedule.scheduler.step_size",
        "got 0, allowed: at least 1",
    ),
    ({"schedule": "StepLR"}, "schedule", "got 'StepLR', allowed: an object of settings, {...}"),
    ({"device": "gpu"}, "device", "got 'gpu', allowed: 'auto', 'cpu', 'cuda' or 'mps'"),
    ({"learning_rate": 0.1}, "learning_rate", "is not a known setting (got 0.1)"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "field", "sentence"), CASES)
def test_a_wrong_value(changes: dict[str, Any], field: str, sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Experiment.model_validate({"dataset": "coffee", **changes})
    error = from_validation(caught.value)
    assert (error.field, str(error)) == (field, f"{field}: {sentence}")


def test_only_the_data_set_is_required() -> None:
    with pytest.raises(ValidationError) as caught:
        Experiment.model_validate({})
    assert str(from_validation(caught.value)) == "dataset: is required"
    assert Experiment(dataset="coffee").optimizer == Adam()


def test_the_table_reaches_every_field() -> None:
    reached = {field for _, field, _ in CASES}
    assert set(Experiment.model_fields) <= {field.split(".")[0] for field in reached}
    for part, kind in (("validation", Validation), ("model", Model)):
        assert {f"{part}.{field}" for field in kind.model_fields} <= reached
    for optimizer in (SGD, Adam, AdamW):
        tried = {
            field.split(".")[1] if "." in field else "nesterov"
            for changes, field, _ in CASES
            if isinstance(changes.get("optimizer"), dict) and changes["optimizer"].get("name") == optimizer.__name__
        }
        assert set(optimizer.model_fields) - {"name"} <= tried, optimizer.__name__


EXAMPLE = {
    "name": "StepLR", "dataset": "coffee", "image_size": 64, "batch_size": 32, "epochs": 20, "seed": 0,
    "validation": {"fraction": 0.2, "seed": 123}, "model": {"name": "small_cnn"},
    "optimizer": {"name": "Adam", "lr": 0.001},
    "schedule": {"interval": "epoch", "scheduler": {"name": "StepLR", "step_size": 5, "gamma": 0.5}}, "device": "auto",
}  # fmt: skip


def test_json_round_trip() -> None:
    experiment = Experiment.model_validate(EXAMPLE)
    again = Experiment.model_validate_json(experiment.model_dump_json())
    assert again == experiment
    assert contains(experiment.model_dump(mode="json"), EXAMPLE)


def contains(whole: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return all(key in whole and contains(whole[key], value) for key, value in part.items())
    return bool(whole == part)


@pytest.mark.parametrize(
    ("value", "field"),
    [(Experiment.model_validate(EXAMPLE), "epochs"), (Validation(), "seed"), (Model(), "name"), (SGD(), "lr")],
)
def test_values_are_frozen(value: BaseModel, field: str) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(value, field, getattr(value, field))


@pytest.mark.parametrize(
    ("name", "expected"), [("", "StepLR(step_size=5, gamma=0.5)"), ("  mine  ", "mine"), ("烘焙", "烘焙")]
)
def test_title(name: str, expected: str) -> None:
    assert Experiment.model_validate({**EXAMPLE, "name": name}).title == expected
