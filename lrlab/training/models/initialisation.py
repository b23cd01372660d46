"""How weights begin, by torch.nn.init."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import nn

_RULES: Mapping[str, Callable[..., Any]] = {
    "xavier_uniform": nn.init.xavier_uniform_,
    "xavier_normal": nn.init.xavier_normal_,
    "kaiming_uniform": partial(nn.init.kaiming_uniform_, nonlinearity="relu"),
    "kaiming_normal": partial(nn.init.kaiming_normal_, nonlinearity="relu"),
}


def initialise(model: nn.Module, rule: str) -> None:
    """Draws the weights of all convolutions and linear layers anew by `rule`, an Experiment's `init`, and sets their
    biases to 0. "default" leaves everything as the model was built, and draws nothing."""
    if rule == "default":
        return
    draw = _RULES[rule]
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            draw(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
