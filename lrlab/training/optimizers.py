"""From the Experiment's optimiser to torch's."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import nn

from lrlab.experiments import Optimizer


def build_optimizer(settings: Optimizer, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """torch's optimiser of that name on `parameters`; the settings bear torch's names and are passed on as they are."""
    build: Callable[..., torch.optim.Optimizer] = getattr(torch.optim, settings.name)
    return build(parameters, **settings.model_dump(exclude={"name"}))
