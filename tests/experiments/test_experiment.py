"""An Experiment reads and writes its JSON form, is frozen, and refuses every wrong value with a helpful sentence."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

import lrlab.experiments
from lrlab.errors import from_validation
from lrlab.experiments import (
    MODELS,
    OPTIMIZERS,
    SGD,
    Adam,
    Augment,
    Clip,
    EarlyStopping,
    Experiment,
    Model,
    ParamGroups,
    Regularization,
    Validation,
)

PARTS: dict[str, Any] = {
    "validation": Validation,
    "model": Model,
    "regularization": Regularization,
    "clip": Clip,
    "augment": Augment,
    "early_stopping": EarlyStopping,
    "param_groups": ParamGroups,
}

SEED = 2**32
KNOWN_OPTIMIZERS = ", ".join(f"'{name}'" for name in OPTIMIZERS)


def with_optimizer(name: str, **values: Any) -> dict[str, Any]:
    return {"optimizer": {"name": name, **values}}


def group(**values: Any) -> dict[str, Any]:
    return {"param_groups": {"by": "pattern", "groups": [{"name": "a", "pattern": "*", **values}]}}


WITH_WEIGHTS = ("vgg16", "resnet18", "resnet34", "resnet50", "mobilenet_v3_small", "efficientnet_b0", "squeezenet1_1",
                "vit_b_16")  # fmt: skip
ONE_CYCLE = {"interval": "step", "scheduler": {"name": "OneCycleLR", "max_lr": 0.1, "total_steps": 100}}

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
    ({"model": {"name": "vgg"}}, "model.name", f"got 'vgg', allowed: {', '.join(MODELS)}"),
    ({"model": "small_cnn"}, "model", "got 'small_cnn', allowed: an object of settings, {...}"),
    ({"optimizer": {"name": "Adm"}}, "optimizer.name", f"got 'Adm', allowed: {KNOWN_OPTIMIZERS}"),
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
    ({"optimizer": {"name": "SGD", "dampening": 1}}, "optimizer.dampening", "got 1, allowed: below 1"),
    (
        {"optimizer": {"name": "SGD", "dampening": 0.5, "nesterov": True}}, "optimizer",
        "nesterov allows no dampening (got dampening 0.5)",
    ),
    (with_optimizer("Adam", amsgrad=3), "optimizer.amsgrad", "got 3, allowed: true or false"),
    (with_optimizer("AdamW", amsgrad=3), "optimizer.amsgrad", "got 3, allowed: true or false"),
    (with_optimizer("RMSprop", alpha=1), "optimizer.alpha", "got 1, allowed: below 1"),
    (with_optimizer("RMSprop", eps=0), "optimizer.eps", "got 0, allowed: above 0"),
    (with_optimizer("RMSprop", momentum=-0.1), "optimizer.momentum", "got -0.1, allowed: at least 0"),
    (with_optimizer("RMSprop", centered="x"), "optimizer.centered", "got 'x', allowed: true or false"),
    (with_optimizer("Adagrad", lr_decay=-1), "optimizer.lr_decay", "got -1, allowed: at least 0"),
    (
        with_optimizer("Adagrad", initial_accumulator_value=101), "optimizer.initial_accumulator_value",
        "got 101, allowed: at most 100",
    ),
    (with_optimizer("Adagrad", eps=2), "optimizer.eps", "got 2, allowed: at most 1"),
    (with_optimizer("Adadelta", rho=1), "optimizer.rho", "got 1, allowed: below 1"),
    (with_optimizer("Adadelta", eps=0), "optimizer.eps", "got 0, allowed: above 0"),
    (with_optimizer("Adamax", betas=[1, 0.9]), "optimizer.betas.0", "got 1, allowed: below 1"),
    (with_optimizer("Adamax", eps=0), "optimizer.eps", "got 0, allowed: above 0"),
    (with_optimizer("NAdam", betas=[0.9, 2]), "optimizer.betas.1", "got 2, allowed: below 1"),
    (with_optimizer("NAdam", eps=0), "optimizer.eps", "got 0, allowed: above 0"),
    (with_optimizer("NAdam", momentum_decay=2), "optimizer.momentum_decay", "got 2, allowed: at most 1"),
    (
        with_optimizer("NAdam", decoupled_weight_decay="x"), "optimizer.decoupled_weight_decay",
        "got 'x', allowed: true or false",
    ),
    (with_optimizer("RAdam", betas=[0.9, 2]), "optimizer.betas.1", "got 2, allowed: below 1"),
    (with_optimizer("RAdam", eps=0), "optimizer.eps", "got 0, allowed: above 0"),
    (
        with_optimizer("RAdam", decoupled_weight_decay="x"), "optimizer.decoupled_weight_decay",
        "got 'x', allowed: true or false",
    ),
    (with_optimizer("ASGD", lambd=2), "optimizer.lambd", "got 2, allowed: at most 1"),
    (with_optimizer("ASGD", alpha=-1), "optimizer.alpha", "got -1, allowed: at least 0"),
    (with_optimizer("ASGD", t0=-1), "optimizer.t0", "got -1, allowed: at least 0"),
    (with_optimizer("Adafactor", beta2_decay=0.8), "optimizer.beta2_decay", "got 0.8, allowed: at most 0"),
    (with_optimizer("Adafactor", d=0.5), "optimizer.d", "got 0.5, allowed: at least 1"),
    (with_optimizer("Rprop", lr=0), "optimizer.lr", "got 0, allowed: above 0"),
    (with_optimizer("Rprop", etas=[0.5, 0.9]), "optimizer.etas.1", "got 0.9, allowed: above 1"),
    (with_optimizer("Rprop", step_sizes=[0, 50]), "optimizer.step_sizes.0", "got 0, allowed: above 0"),
    (with_optimizer("Rprop", weight_decay=0.1), "optimizer.weight_decay", "is not a known setting (got 0.1)"),
    ({"accumulate": 0}, "accumulate", "got 0, allowed: at least 1"),
    ({"accumulate": 1025}, "accumulate", "got 1025, allowed: at most 1,024"),
    ({"model": {"name": "small_cnn", "dropout": 1}}, "model.dropout", "got 1, allowed: below 1"),
    (
        {"model": {"name": "resnet18", "dropout": 0.5}}, "model.dropout",
        "got 0.5; resnet18 has no dropout, so leave it out",
    ),
    ({"model": {"batch_norm": "x"}}, "model.batch_norm", "got 'x', allowed: true or false"),
    (
        {"model": {"name": "vit_b_16", "batch_norm": True}}, "model.batch_norm",
        "got True; vit_b_16 is built one way only, so leave it out",
    ),
    ({"model": {"name": "vgg16"}, "image_size": 24}, "image_size", "got 24, allowed with vgg16: at least 32"),
    (
        {"model": {"name": "vit_b_16"}, "image_size": 40}, "image_size",
        "got 40, allowed with vit_b_16: at least 32, a multiple of 16",
    ),
    (
        {"model": {"name": "vit_b_16"}, "pretrained": "finetune"}, "image_size",
        "got 64, allowed with the weights of vit_b_16: 224",
    ),
    (
        {"init": "zeros"}, "init",
        "got 'zeros', allowed: 'default', 'xavier_uniform', 'xavier_normal', 'kaiming_uniform' or 'kaiming_normal'",
    ),
    (
        {"model": {"name": "resnet18"}, "pretrained": "frozen", "init": "xavier_normal"}, "init",
        "got xavier_normal, allowed with pretrained weights: default",
    ),
    ({"pretrained": True}, "pretrained", "got True, allowed: 'none', 'frozen' or 'finetune'"),
    (
        {"pretrained": "frozen"}, "pretrained",
        f"got frozen, but small_cnn has no weights; {', '.join(WITH_WEIGHTS)} have",
    ),
    (
        {"model": {"name": "vgg16", "batch_norm": True}, "pretrained": "frozen"}, "model.batch_norm",
        "got True; pretrained weights fit the model as it is, so leave it out",
    ),
    (
        {"param_groups": {"by": "layer"}}, "param_groups.by",
        "got 'layer', allowed: 'none', 'head', 'depth' or 'pattern'",
    ),
    ({"param_groups": {"multiplier": 0}}, "param_groups.multiplier", "got 0, allowed: above 0"),
    ({"param_groups": {"decay": 1.5}}, "param_groups.decay", "got 1.5, allowed: at most 1"),
    (
        {"param_groups": {"by": "pattern"}}, "param_groups.groups",
        "got none; by pattern needs at least one, with a name, a pattern and a multiplier or lr",
    ),
    (group(), "param_groups.groups.0", "group a: got neither, allowed: either a multiplier or an lr"),
    (
        group(name="a b", lr=1), "param_groups.groups.0.name",
        "got 'a b', allowed: letters, digits, _ . and -, beginning with a letter or digit",
    ),
    (group(lr=1, multiplier=2), "param_groups.groups.0", "group a: got both, allowed: either a multiplier or an lr"),
    (
        group(name="rest", lr=1), "param_groups.groups",
        "got the name 'rest' twice, allowed: a name for each (rest is taken)",
    ),
    (group(lr=0), "param_groups.groups.0.lr", "got 0, allowed: above 0"),
    (
        {"model": {"name": "resnet18"}, "pretrained": "frozen", "param_groups": {"by": "head"}}, "param_groups.by",
        "got head with a frozen backbone, of which nothing is trained; allowed: none, or pretrained finetune",
    ),
    (
        {"plateau_metric": "loss"}, "plateau_metric",
        "got 'loss', allowed: 'auto', 'val_loss', 'val_accuracy', 'train_loss' or 'train_accuracy'",
    ),
    (
        {"plateau_metric": "val_accuracy", "schedule": {"scheduler": {"name": "ReduceLROnPlateau"}}}, "plateau_metric",
        "got val_accuracy with mode min; it calls for mode max",
    ),
    (
        {**with_optimizer("Adagrad"), "schedule": ONE_CYCLE}, "schedule",
        "got OneCycleLR with cycle_momentum, but Adagrad has no momentum; set cycle_momentum to false",
    ),
    ({"regularization": {"l1": -1}}, "regularization.l1", "got -1, allowed: at least 0"),
    ({"regularization": {"l2": 11}}, "regularization.l2", "got 11, allowed: at most 10"),
    ({"regularization": {"label_smoothing": 1}}, "regularization.label_smoothing", "got 1, allowed: below 1"),
    (
        {"regularization": {"class_weights": "auto"}}, "regularization.class_weights",
        "got 'auto', allowed: 'none' or 'balanced'",
    ),
    ({"clip": {"by": "size"}}, "clip.by", "got 'size', allowed: 'none', 'norm' or 'value'"),
    ({"clip": {"limit": 0}}, "clip.limit", "got 0, allowed: above 0"),
    ({"grad_norm": "x"}, "grad_norm", "got 'x', allowed: true or false"),
    ({"augment": {"crop": "zoom"}}, "augment.crop", "got 'zoom', allowed: 'none', 'shift' or 'resized'"),
    ({"augment": {"scale": 0}}, "augment.scale", "got 0, allowed: above 0"),
    ({"augment": {"horizontal_flip": 2}}, "augment.horizontal_flip", "got 2, allowed: at most 1"),
    ({"augment": {"vertical_flip": -1}}, "augment.vertical_flip", "got -1, allowed: at least 0"),
    ({"augment": {"rotation": 181}}, "augment.rotation", "got 181, allowed: at most 180"),
    ({"augment": {"brightness": 2}}, "augment.brightness", "got 2, allowed: at most 1"),
    ({"augment": {"contrast": 2}}, "augment.contrast", "got 2, allowed: at most 1"),
    ({"augment": {"saturation": 2}}, "augment.saturation", "got 2, allowed: at most 1"),
    ({"augment": {"hue": 0.6}}, "augment.hue", "got 0.6, allowed: at most 0.5"),
    ({"augment": {"erasing": 2}}, "augment.erasing", "got 2, allowed: at most 1"),
    ({"augment": {"mixup": 11}}, "augment.mixup", "got 11, allowed: at most 10"),
    ({"augment": {"cutmix": math.inf}}, "augment.cutmix", "got inf, allowed: a finite number"),
    (
        {"augment": {"normalization": "none"}}, "augment.normalization",
        "got 'none', allowed: 'auto', 'centred', 'plain', 'dataset' or 'imagenet'",
    ),
    (
        {"early_stopping": {"monitor": "loss"}}, "early_stopping.monitor",
        "got 'loss', allowed: 'none', 'val_loss' or 'val_accuracy'",
    ),
    ({"early_stopping": {"patience": 0}}, "early_stopping.patience", "got 0, allowed: at least 1"),
    ({"early_stopping": {"min_delta": -1}}, "early_stopping.min_delta", "got -1, allowed: at least 0"),
    ({"early_stopping": {"start_from_epoch": -1}}, "early_stopping.start_from_epoch", "got -1, allowed: at least 0"),
    ({"precision": "half"}, "precision", "got 'half', allowed: 'auto', 'float32', 'bfloat16' or 'float16'"),
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
    for part, kind in PARTS.items():
        assert {f"{part}.{field}" for field in kind.model_fields} <= {
            ".".join(field.split(".")[:2]) for field in reached
        }
    for name in OPTIMIZERS:
        tried = {
            field.split(".")[1] if "." in field else "nesterov"
            for changes, field, _ in CASES
            if isinstance(changes.get("optimizer"), dict) and changes["optimizer"].get("name") == name
        }
        own = set(getattr(lrlab.experiments, name).model_fields) - {"name"}
        shared = {"lr", "weight_decay"} if name not in ("SGD", "Adam", "AdamW") else set()
        assert own - shared <= tried, name


def test_what_goes_together() -> None:
    plateau = {"scheduler": {"name": "ReduceLROnPlateau", "mode": "max"}}
    made = Experiment.model_validate({"dataset": "coffee", "schedule": plateau, "accumulate": 4, "batch_size": 8})
    assert (made.watched, made.images_per_update) == ("val_accuracy", 32)
    assert made.model_copy(update={"plateau_metric": "train_accuracy"}).watched == "train_accuracy"
    assert Experiment(dataset="coffee").watched == ""
    quiet = {**ONE_CYCLE, "scheduler": {**ONE_CYCLE["scheduler"], "cycle_momentum": False}}  # type: ignore[dict-item]
    Experiment.model_validate({"dataset": "coffee", **with_optimizer("Adagrad"), "schedule": quiet})
    Experiment.model_validate(
        {"dataset": "coffee", "model": {"name": "vit_b_16"}, "image_size": 224, "pretrained": "frozen"}
    )


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
