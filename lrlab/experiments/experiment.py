"""What a person asks for: one frozen value that holds every setting of a run. No torch, no Streamlit.

Names are those that the form shows, the CLI takes and run.json stores. Every field but `dataset` has a default.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lrlab.errors import LabError
from lrlab.experiments.optimizers import Adam, Optimizer
from lrlab.experiments.parts import Augment, Clip, EarlyStopping, Model, ParamGroups, Regularization, Validation
from lrlab.experiments.texts_models import MODELS
from lrlab.experiments.values import Name, Part, Seed
from lrlab.schedules import CyclicLR, OneCycleLR, ReduceLROnPlateau, ScheduleSpec, label, walk

MOVING = ("momentum", "betas")
"""An optimiser's parameters that CyclicLR and OneCycleLR can move."""


class Experiment(Part):
    """Everything that decides a run. `dataset` is the name (or id) of a data set of the lab."""

    name: Name = ""
    dataset: Annotated[str, Field(min_length=1, max_length=120)]
    image_size: Annotated[int, Field(ge=16, le=512)] = 64
    """Side of the square that the model sees, in pixels."""
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 32
    """Images that pass forward and backward together."""
    accumulate: Annotated[int, Field(ge=1, le=1024)] = 1
    """Batches whose gradients are averaged into one optimiser update."""
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 20
    seed: Seed = 0
    """Of the weights, the order of the images and the augmentation."""
    validation: Validation = Validation()
    model: Model = Model()
    init: Literal["default", "xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal"] = "default"
    """How the weights of convolutions and linear layers begin, by torch.nn.init; "default" is the model's own."""
    pretrained: Literal["none", "frozen", "finetune"] = "none"
    """Begin with torchvision's weights, trained on ImageNet: "frozen" trains the head alone, "finetune" everything."""
    optimizer: Optimizer = Adam()
    param_groups: ParamGroups = ParamGroups()
    schedule: ScheduleSpec = ScheduleSpec()
    plateau_metric: Literal["auto", "val_loss", "val_accuracy", "train_loss", "train_accuracy"] = "auto"
    """What ReduceLROnPlateau watches; "auto" is val_loss with mode "min" and val_accuracy with mode "max"."""
    regularization: Regularization = Regularization()
    clip: Clip = Clip()
    grad_norm: bool = False
    """Whether the gradient's norm is logged at each update; clipping logs it anyway."""
    augment: Augment = Augment()
    early_stopping: EarlyStopping = EarlyStopping()
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """What the forward pass computes in; "auto" is bfloat16 where device and model gain by it, else float32."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"

    @property
    def title(self) -> str:
        """The name, or what the schedule is where no name was given."""
        return self.name or label(self.schedule)

    @property
    def images_per_update(self) -> int:
        """Images whose gradients make one optimiser update."""
        return self.batch_size * self.accumulate

    @property
    def normalization(self) -> Literal["centred", "plain", "dataset", "imagenet"]:
        """How images are normalised, "auto" being decided."""
        if self.augment.normalization == "auto":
            return "centred" if self.pretrained == "none" else "imagenet"
        return self.augment.normalization

    @property
    def watched(self) -> str:
        """The column of the epochs' log that ReduceLROnPlateau is given; empty for every other schedule."""
        plateau = self.schedule.scheduler
        if not isinstance(plateau, ReduceLROnPlateau):
            return ""
        if self.plateau_metric == "auto":
            return "val_loss" if plateau.mode == "min" else "val_accuracy"
        return self.plateau_metric

    @model_validator(mode="after")
    def _fits_the_model(self) -> Experiment:
        entry = MODELS[self.model.name]
        if self.image_size < entry.least or self.image_size % entry.multiple:
            rule = f"at least {entry.least}" + (f", a multiple of {entry.multiple}" if entry.multiple > 1 else "")
            raise LabError(f"got {self.image_size}, allowed with {entry.name}: {rule}", "image_size")
        if self.pretrained == "none":
            return self
        if not entry.weights:
            with_weights = ", ".join(name for name, other in MODELS.items() if other.weights)
            raise LabError(f"got {self.pretrained}, but {entry.name} has no weights; {with_weights} have", "pretrained")
        if self.init != "default":
            raise LabError(f"got {self.init}, allowed with pretrained weights: default", "init")
        if self.model.batch_norm is not None and self.model.batch_norm != entry.batch_norm:
            raise LabError(
                f"got {self.model.batch_norm}; pretrained weights fit the model as it is, so leave it out",
                "model.batch_norm",
            )
        if entry.pretrained_size and self.image_size != entry.pretrained_size:
            raise LabError(
                f"got {self.image_size}, allowed with the weights of {entry.name}: {entry.pretrained_size}",
                "image_size",
            )
        return self

    @model_validator(mode="after")
    def _groups_are_left(self) -> Experiment:
        if self.pretrained == "frozen" and self.param_groups.by in ("head", "depth"):
            raise LabError(
                f"got {self.param_groups.by} with a frozen backbone, of which nothing is trained; "
                "allowed: none, or pretrained finetune",
                "param_groups.by",
            )
        return self

    @model_validator(mode="after")
    def _watches_what_it_can(self) -> Experiment:
        plateau = self.schedule.scheduler
        if self.plateau_metric != "auto" and isinstance(plateau, ReduceLROnPlateau):
            better = "max" if self.plateau_metric.endswith("accuracy") else "min"
            if plateau.mode != better:
                raise LabError(
                    f"got {self.plateau_metric} with mode {plateau.mode}; it calls for mode {better}", "plateau_metric"
                )
        return self

    @model_validator(mode="after")
    def _has_momentum_to_move(self) -> Experiment:
        if any(name in type(self.optimizer).model_fields for name in MOVING):
            return self
        for _, scheduler in walk(self.schedule.scheduler):
            if isinstance(scheduler, CyclicLR | OneCycleLR) and scheduler.cycle_momentum:
                raise LabError(
                    f"got {scheduler.name} with cycle_momentum, but {self.optimizer.name} has no momentum; "
                    "set cycle_momentum to false",
                    "schedule",
                )
        return self
