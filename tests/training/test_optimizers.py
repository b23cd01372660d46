"""Every setting of an optimiser reaches torch's."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lrlab.experiments import OPTIMIZERS, Experiment
from lrlab.training.optimizers import build_optimizer

CASES: dict[str, dict[str, Any]] = {
    "SGD": {"lr": 0.05, "momentum": 0.8, "weight_decay": 0.01, "nesterov": True},
    "Adam": {"lr": 0.002, "weight_decay": 0.001, "betas": (0.8, 0.99), "eps": 1e-6},
    "AdamW": {"lr": 0.003, "weight_decay": 0.02, "betas": (0.7, 0.95), "eps": 1e-7},
}


def test_every_optimizer_of_the_catalogue_is_tried() -> None:
    assert set(CASES) == set(OPTIMIZERS)


@pytest.mark.parametrize("name", CASES)
def test_settings_reach_torch(name: str) -> None:
    settings = CASES[name]
    experiment = Experiment.model_validate({"dataset": "colours", "optimizer": {"name": name, **settings}})
    optimizer = build_optimizer(experiment.optimizer, [torch.nn.Parameter(torch.zeros(1))])
    assert type(optimizer) is getattr(torch.optim, name)
    (group,) = optimizer.param_groups
    assert {key: group[key] for key in settings} == settings
