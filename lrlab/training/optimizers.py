"""From the Experiment's optimiser to torch's."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from lrlab.experiments import Experiment
from lrlab.training.groups import parameter_groups


def build_optimizer(experiment: Experiment, model: nn.Module) -> torch.optim.Optimizer:
    """torch's optimiser of the experiment's name on the parameters of `model` that learn, in their groups.

    The settings bear torch's names and are passed on as they are. `defaults["lr"]` is the base LR, that of a group with
    the multiplier 1. LabError (field "param_groups.groups") where a group's pattern finds no parameter.
    """
    settings = experiment.optimizer
    build: Callable[..., torch.optim.Optimizer] = getattr(torch.optim, settings.name)
    return build(parameter_groups(experiment, model), **settings.model_dump(exclude={"name"}))
