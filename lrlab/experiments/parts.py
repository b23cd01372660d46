"""The parts of an Experiment beside optimiser and schedule: what is trained, on what, with what care."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from lrlab.errors import LabError
from lrlab.experiments.texts_models import MODELS
from lrlab.experiments.values import LearningRate, Part, Penalty, Seed, Share, ShareBelowOne, ShareBetween

MAX_GROUPS = 20


class Validation(Part):
    """The part of the training images held out where the data set brings no val/ of its own."""

    fraction: ShareBetween = 0.2
    seed: Seed = 123


def _known(name: str) -> str:
    if name not in MODELS:
        raise ValueError(f"got {name[:40]!r}, allowed: {', '.join(MODELS)}")
    return name


class Model(Part):
    """The network, by its name in the catalogue of models.

    `dropout`: the probability with which an activation before the last layers is dropped; None is the model's own.
    `batch_norm`: whether convolutions are followed by batch norm; None is the model's own. Both are refused where the
    model has no such choice.
    """

    name: Annotated[str, AfterValidator(_known)] = "small_cnn"
    dropout: ShareBelowOne | None = None
    batch_norm: bool | None = None

    @model_validator(mode="after")
    def _allowed(self) -> Model:
        entry = MODELS[self.name]
        if self.dropout is not None and entry.dropout is None:
            raise LabError(f"got {self.dropout:g}; {self.name} has no dropout, so leave it out", "dropout")
        if self.batch_norm is not None and entry.batch_norm is None:
            raise LabError(f"got {self.batch_norm}; {self.name} is built one way only, so leave it out", "batch_norm")
        return self


class Regularization(Part):
    """What keeps the weights small and the answers modest. The optimiser's weight_decay comes on top.

    `l1`, `l2`: the loss gets l1 x sum |w| + l2 x sum w^2 over the weights of convolutions and linear layers (both: an
    elastic net). `label_smoothing` spreads that share of each label over all classes. `class_weights`: "balanced"
    weighs each class by N / (classes x its images), with the training images' counts.
    """

    l1: Penalty = 0.0
    l2: Penalty = 0.0
    label_smoothing: ShareBelowOne = 0.0
    class_weights: Literal["none", "balanced"] = "none"


class Clip(Part):
    """Gradient clipping before each update: by the norm of all gradients together, or each value by itself."""

    by: Literal["none", "norm", "value"] = "none"
    limit: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] = 1.0


class Augment(Part):
    """How a training image is changed each time it is seen, and how every image is normalised.

    `crop`: "shift" cuts the square out of one an eighth larger at a random place; "resized" cuts out a random part of
    `scale` to 1 of the area, of 3:4 to 4:3, and resizes it; "none" cuts out the middle. `horizontal_flip`,
    `vertical_flip`, `erasing`: probabilities. `rotation`: up to so many degrees either way. `brightness`, `contrast`,
    `saturation`: factors from 1 - x to 1 + x. `hue`: a turn of up to x of the colour circle. `mixup`, `cutmix`: the
    alpha of the Beta distribution, 0 is off; with both on, each batch takes one of them by chance.
    `normalization`: "centred" gives (value / 255 - 0.5) / 0.25, "plain" value / 255, "dataset" uses mean and deviation
    of the training images, "imagenet" ImageNet's; "auto" is "imagenet" for pretrained weights and else "centred".
    """

    crop: Literal["none", "shift", "resized"] = "shift"
    scale: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.5
    horizontal_flip: Share = 0.5
    vertical_flip: Share = 0.0
    rotation: Annotated[float, Field(ge=0, le=180, allow_inf_nan=False)] = 0.0
    brightness: Share = 0.0
    contrast: Share = 0.0
    saturation: Share = 0.0
    hue: Annotated[float, Field(ge=0, le=0.5, allow_inf_nan=False)] = 0.0
    erasing: Share = 0.0
    mixup: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] = 0.0
    cutmix: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] = 0.0
    normalization: Literal["auto", "centred", "plain", "dataset", "imagenet"] = "auto"


class EarlyStopping(Part):
    """Ends a run that gets no better. `monitor` "none" is off.

    The run ends after `patience` epochs in a row without an improvement of more than `min_delta`; epochs before
    `start_from_epoch` (from 0) are not looked at. The best model is what is tested and kept.
    """

    monitor: Literal["none", "val_loss", "val_accuracy"] = "none"
    patience: Annotated[int, Field(ge=1, le=10_000)] = 5
    min_delta: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] = 0.0
    start_from_epoch: Annotated[int, Field(ge=0, le=10_000)] = 0


def _plain_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name, re.ASCII):
        raise ValueError(f"got {name[:40]!r}, allowed: letters, digits, _ . and -, beginning with a letter or digit")
    return name


class Group(Part):
    """Parameters whose names match `pattern` (* and ? stand for any characters, as in file names) have their own LR:
    `multiplier` times the optimiser's, or `lr`; exactly one is given."""

    name: Annotated[str, Field(min_length=1, max_length=40), AfterValidator(_plain_name)]
    pattern: Annotated[str, Field(min_length=1, max_length=200)]
    multiplier: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] | None = None
    lr: LearningRate | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Group:
        if (self.multiplier is None) == (self.lr is None):
            got = "neither" if self.lr is None else "both"
            raise ValueError(f"group {self.name}: got {got}, allowed: either a multiplier or an lr")
        return self


class ParamGroups(Part):
    """Which parameters have LRs of their own; the schedule moves them all in proportion.

    `by` "none": one group. "head": the last layers learn at the LR, the backbone at `multiplier` times it. "depth":
    each stage of the network learns at `decay` times the LR of the stage after it, the head at the LR. "pattern":
    `groups`, of which a parameter joins the first that matches; what matches none is the group "rest", at the LR.
    """

    by: Literal["none", "head", "depth", "pattern"] = "none"
    multiplier: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 0.1
    decay: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.7
    groups: Annotated[tuple[Group, ...], Field(max_length=MAX_GROUPS)] = ()

    @model_validator(mode="after")
    def _named_once(self) -> ParamGroups:
        if self.by == "pattern" and not self.groups:
            raise LabError(
                "got none; by pattern needs at least one, with a name, a pattern and a multiplier or lr", "groups"
            )
        names = [group.name for group in self.groups]
        for name in names:
            if names.count(name) > 1 or name == "rest":
                raise LabError(f"got the name {name!r} twice, allowed: a name for each (rest is taken)", "groups")
        return self
