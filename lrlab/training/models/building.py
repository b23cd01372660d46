"""From a person's settings to a network that is ready to be trained."""

from __future__ import annotations

import torch
from torch import nn

from lrlab.datasets import Progress
from lrlab.errors import LabError
from lrlab.experiments import Experiment, Model
from lrlab.training.models.initialisation import initialise
from lrlab.training.models.pretrained import freeze, load_pretrained
from lrlab.training.models.registry import NETWORKS, choices


def build_model(
    settings: Model,
    num_classes: int,
    image_size: int,
    *,
    init: str = "default",
    pretrained: str = "none",
    progress: Progress = lambda what, done, total: None,
) -> nn.Module:
    """The network of `settings` for RGB pictures of `image_size` px.

    It takes float32 of shape (B, 3, S, S), channels last and normalised as `batches` does; it gives scores of shape
    (B, num_classes). What is random is drawn from torch's generator. `init` and `pretrained` are the Experiment's
    fields of these names. `progress` hears of weights that are fetched. LabError (field "pretrained") where they are
    not to be had.
    """
    network = NETWORKS[settings.name]
    model = network.build(num_classes, image_size, **choices(settings))
    initialise(model, init)
    if pretrained != "none":
        load_pretrained(model, settings.name, progress)
    if pretrained == "frozen":
        freeze(model, network.head)
    return model.to(memory_format=torch.channels_last)


def check_batch(experiment: Experiment) -> None:
    """LabError (field "batch_size") where batch norm would see one value per channel, of which it takes no spread."""
    stride = NETWORKS[experiment.model.name].stride
    normalised = choices(experiment.model).get("batch_norm", True) and experiment.pretrained != "frozen"
    if normalised and experiment.batch_size == 1 and experiment.image_size <= stride:
        raise LabError(
            f"batch_size: got 1, allowed: at least 2 with {experiment.model.name} on pictures of "
            f"{experiment.image_size} px, or pictures above {stride} px",
            field="batch_size",
        )
