"""Weights that torchvision trained on ImageNet: found, loaded and frozen."""

from __future__ import annotations

import pickle

import torch
from torch import nn

from lrlab.datasets import Progress
from lrlab.errors import LabError
from lrlab.experiments import weights_path
from lrlab.experiments.weights import fetch_weights
from lrlab.training.models.registry import NETWORKS, Prefixes, within


def ensure_weights(name: str, progress: Progress = lambda what, done, total: None) -> dict[str, torch.Tensor]:
    """torchvision's weights for the network `name`, by the names of its state dict; fetched where they are not yet in
    torch's cache. LabError (field "pretrained") where they can be neither read nor fetched."""
    fetch_weights(name, progress)
    try:
        weights: dict[str, torch.Tensor] = torch.load(weights_path(name), map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise _unfit(name, "holds no weights") from error
    return weights


def load_pretrained(model: nn.Module, name: str, progress: Progress) -> None:
    """Gives `model`, a network `name`, torchvision's weights. Its last layer has other classes and keeps its own.

    LabError (field "pretrained") as `ensure_weights`, and where the file holds another network's.
    """
    last = NETWORKS[name].last
    weights = {key: value for key, value in ensure_weights(name, progress).items() if not within(key, (last,))}
    own = {key: value for key, value in model.state_dict().items() if within(key, (last,))}
    try:
        model.load_state_dict({**weights, **own})
    except RuntimeError as error:
        raise _unfit(name, "holds the weights of another network") from error


def _unfit(name: str, what: str) -> LabError:
    sentence = f"pretrained: {weights_path(name)} {what}, where those of {name} should be"
    return LabError(f"{sentence}; delete it, so that it is fetched anew", "pretrained")


class StillBatchNorm2d(nn.BatchNorm2d):
    """Batch norm that keeps the statistics it was given: it stays in evaluation mode while other layers train."""

    def train(self, mode: bool = True) -> StillBatchNorm2d:
        return super().train(False)


def freeze(model: nn.Module, head: Prefixes) -> None:
    """Lets only `head` learn. The rest always computes as in evaluation: its batch norm keeps its statistics, and
    nothing in it is dropped."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(within(name, head))
    for name, module in list(model.named_modules()):
        if within(name, head):
            continue
        if isinstance(module, nn.BatchNorm2d):
            model.set_submodule(name, _still(module))
        elif hasattr(module, "p"):  # dropout and stochastic depth
            module.p = 0.0


def _still(module: nn.BatchNorm2d) -> StillBatchNorm2d:
    still = StillBatchNorm2d(module.num_features, eps=module.eps, momentum=module.momentum)
    still.load_state_dict(module.state_dict(), assign=True)  # also where there is no memory behind it
    return still.requires_grad_(False).eval()
