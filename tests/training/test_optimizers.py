"""Every optimiser of the catalogue makes the updates that torch's own makes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lrlab.experiments import OPTIMIZERS, Experiment
from lrlab.training.models import build_model
from lrlab.training.optimizers import FUSED, build_optimizer

CASES: dict[str, dict[str, Any]] = {
    "SGD": {"lr": 0.05, "momentum": 0.8, "weight_decay": 0.01, "nesterov": True},
    "Adam": {"lr": 0.002, "weight_decay": 0.001, "betas": (0.8, 0.99), "eps": 1e-6, "amsgrad": True},
    "AdamW": {"lr": 0.003, "weight_decay": 0.02, "betas": (0.7, 0.95), "eps": 1e-7, "amsgrad": True},
    "RMSprop": {"lr": 0.004, "alpha": 0.9, "eps": 1e-6, "momentum": 0.5, "centered": True, "weight_decay": 0.01},
    "Adagrad": {"lr": 0.02, "lr_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-8, "weight_decay": 0.01},
    "Adadelta": {"lr": 0.5, "rho": 0.8, "eps": 1e-5, "weight_decay": 0.01},
    "Adamax": {"lr": 0.003, "betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.01},
    "NAdam": {
        "lr": 0.003,
        "betas": (0.8, 0.99),
        "eps": 1e-6,
        "momentum_decay": 0.01,
        "decoupled_weight_decay": True,
        "weight_decay": 0.01,
    },
    "RAdam": {"lr": 0.003, "betas": (0.8, 0.9), "eps": 1e-6, "decoupled_weight_decay": True, "weight_decay": 0.01},
    "ASGD": {"lr": 0.02, "lambd": 0.001, "alpha": 0.5, "t0": 2.0, "weight_decay": 0.01},
    "Adafactor": {"lr": 0.02, "beta2_decay": -0.5, "d": 2.0, "weight_decay": 0.01},
    "Rprop": {"lr": 0.02, "etas": (0.4, 1.3), "step_sizes": (1e-5, 10.0)},
}
UPDATES = 6


def experiment(**settings: Any) -> Experiment:
    return Experiment.model_validate({"dataset": "colours", **settings})


def test_every_optimizer_and_every_parameter_of_it_is_tried() -> None:
    tried = {name: set(settings) for name, settings in CASES.items()}
    known = {name: {parameter.name for parameter in entry.parameters} for name, entry in OPTIMIZERS.items()}
    known["SGD"].remove("dampening")  # goes with no Nesterov; it has a case of its own below
    assert tried == known


@pytest.mark.parametrize(
    ("name", "settings"),
    [*CASES.items(), *((name, {}) for name in CASES), ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3})],
    ids=lambda value: value if isinstance(value, str) else ("set" if value else "untouched"),
)
def test_updates_are_those_of_torchs_own_class(name: str, settings: dict[str, Any]) -> None:
    asked = experiment(optimizer={"name": name, **settings})
    lr = OPTIMIZERS[name].parameters[0].start
    own = dict(settings) if settings else {"lr": lr}
    if name == "SGD" and not settings:
        own["momentum"] = 0.9  # the one start that the catalogue chooses apart from torch
    torch.manual_seed(0)
    net = nn.Linear(6, 4)
    other = nn.Linear(6, 4)
    other.load_state_dict(net.state_dict())
    model = nn.ModuleDict({"head": net})
    ours = build_optimizer(asked, model)
    torchs = getattr(torch.optim, name)(other.parameters(), **own)
    assert type(ours) is type(torchs)
    for _ in range(UPDATES):
        images = torch.randn(8, 6)
        for layer, optimizer in ((net, ours), (other, torchs)):
            optimizer.zero_grad()
            layer(images).square().mean().backward()
            optimizer.step()
    # One pass over memory rounds otherwise than torch's own default of many.
    rtol, atol = (1e-5, 1e-7) if name in FUSED["cpu"] else (0.0, 0.0)
    assert all(bool(group.get("fused")) == (name in FUSED["cpu"]) for group in ours.param_groups)
    torch.testing.assert_close(net.weight, other.weight, rtol=rtol, atol=atol)
    torch.testing.assert_close(net.bias, other.bias, rtol=rtol, atol=atol)
    assert not torch.equal(net.weight, nn.Linear(6, 4).weight)


def test_frozen_parameters_are_left_out() -> None:
    asked = experiment()
    model = build_model(asked.model, 3, 32)
    for parameter in model.get_submodule("features").parameters():
        parameter.requires_grad_(False)
    (group,) = build_optimizer(asked, model).param_groups
    assert [parameter.shape for parameter in group["params"]] == [(3, 192), (3,)]
