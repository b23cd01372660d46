"""What a person asks for: one frozen value that holds every setting of a run. No torch, no Streamlit.

Names are those that the form shows, the CLI takes and run.json stores. Every field but `dataset` has a default.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from lrlab.schedules import LR_CAP, ScheduleSpec, label

Probability = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
LearningRate = Annotated[float, Field(gt=0, le=LR_CAP, allow_inf_nan=False)]


def _plain(text: str) -> str:
    if any(not character.isprintable() for character in text):
        raise ValueError("holds a control character; allowed: printable text")
    return text.strip()


Name = Annotated[str, Field(max_length=120), AfterValidator(_plain)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Validation(_Part):
    """The part of the training images held out where the data set brings no val/ of its own."""

    fraction: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] = 0.2
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 123


class Model(_Part):
    """The network, by its name in the catalogue of models."""

    name: Literal["small_cnn", "resnet18"] = "small_cnn"


class _Optimizer(_Part):
    lr: LearningRate = 0.001
    weight_decay: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] = 0.0


class SGD(_Optimizer):
    """Stochastic gradient descent with momentum."""

    name: Literal["SGD"] = "SGD"
    momentum: Probability = 0.9
    nesterov: bool = False

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> SGD:
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0 (got momentum 0)")
        return self


class Adam(_Optimizer):
    """Adam."""

    name: Literal["Adam"] = "Adam"
    betas: tuple[Probability, Probability] = (0.9, 0.999)
    eps: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 1e-8


class AdamW(_Optimizer):
    """Adam with decoupled weight decay."""

    name: Literal["AdamW"] = "AdamW"
    weight_decay: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] = 0.01
    betas: tuple[Probability, Probability] = (0.9, 0.999)
    eps: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 1e-8


Optimizer = Annotated[SGD | Adam | AdamW, Field(discriminator="name")]


class Experiment(_Part):
    """Everything that decides a run. `dataset` is the name (or id) of a data set of the lab."""

    name: Name = ""
    dataset: Annotated[str, Field(min_length=1, max_length=120)]
    image_size: Annotated[int, Field(ge=16, le=512)] = 64
    """Side of the square that the model sees, in pixels."""
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 32
    """Images per optimiser update."""
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 20
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Of the weights, the order of the images and the augmentation."""
    validation: Validation = Validation()
    model: Model = Model()
    optimizer: Optimizer = Adam()
    schedule: ScheduleSpec = ScheduleSpec()
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"

    @property
    def title(self) -> str:
        """The name, or what the schedule is where no name was given."""
        return self.name or label(self.schedule)
