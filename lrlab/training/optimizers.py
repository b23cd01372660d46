"""From the Experiment's optimiser to torch's."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from lrlab.experiments import Experiment
from lrlab.training.groups import parameter_groups

FUSED = {"cpu": {"Adam", "AdamW", "SGD", "Adagrad"}, "cuda": {"Adam", "AdamW", "SGD"}}
"""What updates all values of a parameter in one pass over memory, by device: two to four times faster on a CPU, and the
same but for the last rounding. torch's own default is a pass for every term of the formula."""


def build_optimizer(experiment: Experiment, model: nn.Module) -> torch.optim.Optimizer:
    """torch's optimiser of the experiment's name on the parameters of `model` that learn, in their groups.

    The settings bear torch's names and are passed on as they are. `defaults["lr"]` is the base LR, that of a group with
    the multiplier 1. LabError (field "param_groups.groups") where a group's pattern finds no parameter.
    """
    settings = experiment.optimizer
    build: Callable[..., torch.optim.Optimizer] = getattr(torch.optim, settings.name)
    groups = parameter_groups(experiment, model)
    fused = settings.name in FUSED.get(next(model.parameters()).device.type, ())
    return build(groups, **settings.model_dump(exclude={"name"}), **({"fused": True} if fused else {}))
