"""The optimisers of torch that take an LR and plain numbers, one frozen class each, spelled as torch spells them.

Left out: LBFGS (wants the loss as a function), SparseAdam (sparse gradients only), Muon (matrices only).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lrlab.experiments.values import LearningRate, Part, Penalty, Positive, ShareBelowOne

Betas = tuple[ShareBelowOne, ShareBelowOne]


class _Optimizer(Part):
    lr: LearningRate = 0.001
    weight_decay: Penalty = 0.0


class SGD(_Optimizer):
    """Stochastic gradient descent with momentum."""

    name: Literal["SGD"] = "SGD"
    momentum: ShareBelowOne = 0.9
    dampening: ShareBelowOne = 0.0
    nesterov: bool = False

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> SGD:
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0 (got momentum 0)")
        if self.nesterov and self.dampening:
            raise ValueError(f"nesterov allows no dampening (got dampening {self.dampening:g})")
        return self


class Adam(_Optimizer):
    """Adam."""

    name: Literal["Adam"] = "Adam"
    betas: Betas = (0.9, 0.999)
    eps: Positive = 1e-8
    amsgrad: bool = False


class AdamW(_Optimizer):
    """Adam with decoupled weight decay."""

    name: Literal["AdamW"] = "AdamW"
    weight_decay: Penalty = 0.01
    betas: Betas = (0.9, 0.999)
    eps: Positive = 1e-8
    amsgrad: bool = False


class RMSprop(_Optimizer):
    """Steps scaled by a running mean of the squared gradient."""

    name: Literal["RMSprop"] = "RMSprop"
    lr: LearningRate = 0.01
    alpha: ShareBelowOne = 0.99
    eps: Positive = 1e-8
    momentum: ShareBelowOne = 0.0
    centered: bool = False


class Adagrad(_Optimizer):
    """Steps scaled by the sum of all squared gradients so far."""

    name: Literal["Adagrad"] = "Adagrad"
    lr: LearningRate = 0.01
    lr_decay: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.0
    initial_accumulator_value: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 0.0
    eps: Positive = 1e-10


class Adadelta(_Optimizer):
    """Steps scaled by running means of squared gradients and of squared steps."""

    name: Literal["Adadelta"] = "Adadelta"
    lr: LearningRate = 1.0
    rho: ShareBelowOne = 0.9
    eps: Positive = 1e-6


class Adamax(_Optimizer):
    """Adam with the largest gradient in place of the mean square."""

    name: Literal["Adamax"] = "Adamax"
    lr: LearningRate = 0.002
    betas: Betas = (0.9, 0.999)
    eps: Positive = 1e-8


class NAdam(_Optimizer):
    """Adam with Nesterov's momentum."""

    name: Literal["NAdam"] = "NAdam"
    lr: LearningRate = 0.002
    betas: Betas = (0.9, 0.999)
    eps: Positive = 1e-8
    momentum_decay: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.004
    decoupled_weight_decay: bool = False


class RAdam(_Optimizer):
    """Adam with a rectified start."""

    name: Literal["RAdam"] = "RAdam"
    betas: Betas = (0.9, 0.999)
    eps: Positive = 1e-8
    decoupled_weight_decay: bool = False


class ASGD(_Optimizer):
    """Averaged stochastic gradient descent."""

    name: Literal["ASGD"] = "ASGD"
    lr: LearningRate = 0.01
    lambd: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1e-4
    alpha: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] = 0.75
    t0: Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)] = 1e6


class Adafactor(_Optimizer):
    """Adam's scaling kept in factors, which takes little memory."""

    name: Literal["Adafactor"] = "Adafactor"
    lr: LearningRate = 0.01
    beta2_decay: Annotated[float, Field(ge=-10, le=0, allow_inf_nan=False)] = -0.8
    d: Annotated[float, Field(ge=1, le=1000, allow_inf_nan=False)] = 1.0


class Rprop(Part):
    """Steps by the sign of the gradient alone."""

    name: Literal["Rprop"] = "Rprop"
    lr: LearningRate = 0.01
    etas: tuple[
        Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)],
        Annotated[float, Field(gt=1, le=10, allow_inf_nan=False)],
    ] = (0.5, 1.2)
    step_sizes: tuple[Positive, Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]] = (1e-6, 50.0)


Optimizer = Annotated[
    SGD | Adam | AdamW | RMSprop | Adagrad | Adadelta | Adamax | NAdam | RAdam | ASGD | Adafactor | Rprop,
    Field(discriminator="name"),
]
