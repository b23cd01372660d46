"""Parameter groups: every parameter that learns in exactly one, with the LR that the settings give."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from lrlab.errors import LabError
from lrlab.experiments import MODELS, Experiment, group_rates
from lrlab.training.groups import parameter_groups
from lrlab.training.models import build_model
from lrlab.training.optimizers import build_optimizer

BIASES = {"name": "biases", "pattern": "*.bias", "multiplier": 2.0}
HEAD = {"name": "end", "pattern": "head.*", "lr": 0.5}
HEAVY = ("vgg16", "vgg16_by_hand", "vit_b_16")
"""Hundreds of megabytes of weights; they are built on the meta device, which holds none."""


def asked(model: str = "small_cnn", **groups: Any) -> Experiment:
    size = max(64, MODELS[model].least)
    return Experiment.model_validate(
        {"dataset": "d", "model": {"name": model}, "image_size": size, "param_groups": groups}
    )


def built(experiment: Experiment) -> nn.Module:
    import torch

    with torch.device("meta"):
        return build_model(experiment.model, 4, experiment.image_size)


def names(model: nn.Module, params: list[nn.Parameter]) -> list[str]:
    by_identity = {id(parameter): name for name, parameter in model.named_parameters()}
    return [by_identity[id(parameter)] for parameter in params]


@pytest.mark.parametrize("by", ["none", "head", "depth", "pattern"])
@pytest.mark.parametrize("model_name", MODELS)
def test_every_parameter_is_in_exactly_one_group(model_name: str, by: str) -> None:
    experiment = asked(model_name, by=by, groups=[BIASES] if by == "pattern" else [])
    model = built(experiment)
    groups = parameter_groups(experiment, model)
    found = [name for group in groups for name in names(model, group["params"])]
    assert sorted(found) == sorted(name for name, _ in model.named_parameters())
    expected = {
        "none": [""],
        "head": ["backbone", "head"],
        "depth": [*(f"stage{number + 1}" for number in range(MODELS[model_name].stages)), "head"],
        "pattern": ["biases", "rest"],
    }[by]
    assert (
        [group.get("group_name", "") for group in groups] == expected == [name for name, _ in group_rates(experiment)]
    )
    assert all(group["params"] for group in groups)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("model_name", ["small_cnn", "vgg_light", "vgg16", "vgg16_by_hand"])
def test_depth_follows_the_blocks_with_and_without_batch_norm(model_name: str, batch_norm: bool) -> None:
    experiment = asked(model_name, by="depth")
    settings = experiment.model.model_copy(update={"batch_norm": batch_norm})
    experiment = experiment.model_copy(update={"model": settings})
    model = built(experiment)
    convolutions = [
        sum(parameter.dim() == 4 for parameter in group["params"]) for group in parameter_groups(experiment, model)
    ]
    assert convolutions == ([1, 1, 1, 1, 1, 0] if model_name == "small_cnn" else [2, 2, 3, 3, 3, 0])


def test_the_last_stage_is_next_to_the_head() -> None:
    model = built(experiment := asked("resnet18", by="depth"))
    first, *_, last, head = parameter_groups(experiment, model)
    assert names(model, first["params"]) == ["conv1.weight", "bn1.weight", "bn1.bias"]
    assert all(name.startswith("layer4.") for name in names(model, last["params"]))
    assert names(model, head["params"]) == ["fc.weight", "fc.bias"]


@pytest.mark.parametrize(
    ("groups", "rates"),
    [
        ({}, [("", 0.001)]),
        ({"by": "head", "multiplier": 0.2}, [("backbone", 0.0002), ("head", 0.001)]),
        (
            {"by": "depth", "decay": 0.5},
            [("stage1", 0.001 / 32), ("stage2", 0.001 / 16), ("stage3", 0.001 / 8), ("stage4", 0.001 / 4),
             ("stage5", 0.001 / 2), ("head", 0.001)],
        ),
        ({"by": "pattern", "groups": [BIASES, HEAD]}, [("biases", 0.002), ("end", 0.5), ("rest", 0.001)]),
    ],
)  # fmt: skip
def test_rates_worked_by_hand(groups: dict[str, Any], rates: list[tuple[str, float]]) -> None:
    experiment = asked(**groups)
    found = group_rates(experiment)
    assert [name for name, _ in found] == [name for name, _ in rates]
    assert [lr for _, lr in found] == pytest.approx([lr for _, lr in rates], rel=1e-15)
    optimizer = build_optimizer(experiment, build_model(experiment.model, 4, 64))
    assert [group["lr"] for group in optimizer.param_groups] == [lr for _, lr in found]
    assert optimizer.defaults["lr"] == 0.001


def test_the_first_pattern_that_fits_takes_a_parameter() -> None:
    experiment = asked(by="pattern", groups=[BIASES, HEAD])
    model = built(experiment)
    biases, head, _ = parameter_groups(experiment, model)
    assert "head.bias" in names(model, biases["params"])
    assert names(model, head["params"]) == ["head.weight"]


def test_a_rest_that_is_empty_is_no_group() -> None:
    experiment = asked(by="pattern", groups=[{"name": "all", "pattern": "*", "multiplier": 1}])
    assert [group["group_name"] for group in parameter_groups(experiment, built(experiment))] == ["all"]


@pytest.mark.parametrize(
    ("groups", "reason"),
    [
        ([{"name": "a", "pattern": "fc.*", "lr": 0.1}], "fits no parameter that learns; they are called features.0"),
        ([{"name": "a", "pattern": "HEAD.*", "lr": 0.1}], "fits no parameter that learns"),
        ([{**HEAD, "pattern": "*"}, {**BIASES, "name": "b"}], "groups before it take all that it fits"),
    ],
)  # fmt: skip
def test_a_pattern_without_a_parameter_is_refused(groups: list[dict[str, Any]], reason: str) -> None:
    experiment = asked(by="pattern", groups=groups)
    with pytest.raises(LabError, match=reason) as caught:
        parameter_groups(experiment, built(experiment))
    assert caught.value.field == "param_groups.groups"
