"""A loop of a handful of images that needs no run, and a log that keeps its rows."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from lrlab.experiments import Augment, Clip, Regularization
from lrlab.schedules import ScheduleSpec
from lrlab.training.batches import EvalBatches, Pictures, TrainBatches
from lrlab.training.devices import Device
from lrlab.training.gradient import Gradient
from lrlab.training.loop import Loop, Observer, Update
from lrlab.training.loss import build_loss
from lrlab.training.observers import Recorder
from lrlab.training.rates import Rates
from lrlab.training.schedulers import Driver

N, SIDE, CLASSES = 32, 6, 3
TRAIN, VAL = np.arange(24), np.arange(24, N)
LABELS = np.random.default_rng(1).integers(0, CLASSES, N)
CPU = Device(torch.device("cpu"), "CPU", 1)


def pictures(device: Device = CPU) -> Pictures:
    images = np.random.default_rng(2).integers(0, 256, (N, SIDE + 1, SIDE + 1, 3), dtype=np.uint8)
    return Pictures(images, LABELS, SIDE, device.device)


def network(dropout: float = 0.0) -> nn.Module:
    """Without batch norm, so that a batch's images do not depend on each other."""
    torch.manual_seed(5)
    layers = [nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Dropout(dropout), nn.Flatten(), nn.Linear(4 * (SIDE - 2) ** 2, CLASSES)]
    return nn.Sequential(*layers)


class Log:
    """Keeps the rows that it is told, but for their times."""

    def __init__(self) -> None:
        self.steps: list[dict[str, float]] = []
        self.epochs: list[dict[str, float]] = []

    def step(self, *, time: float, **row: float) -> None:
        self.steps.append(row)

    def epoch(self, *, seconds: float, images_per_second: float, **row: float) -> None:
        self.epochs.append(row)


class Plain(Driver):
    """The LR falls by a tenth after each update, and what the loop tells of an epoch is kept."""

    def __init__(self, optimizer: torch.optim.Optimizer, steps: int = 100) -> None:
        spec = {"interval": "step", "scheduler": {"name": "ExponentialLR", "gamma": 0.9}}
        super().__init__(ScheduleSpec.model_validate(spec), optimizer, 10, steps)
        self.told: list[float] = []

    def after_epoch(self, *metric: float) -> None:
        self.told.append(metric[0])


def make_loop(
    batch_size: int = 4,
    accumulate: int = 1,
    *,
    device: Device = CPU,
    log: Log | None = None,
    model: nn.Module | None = None,
    regularization: Regularization | None = None,
    clip: Clip | None = None,
    augment: Augment | None = None,
    watched: str = "val_loss",
    observers: tuple[Observer, ...] = (),
    rows: np.ndarray = TRAIN,
) -> Loop:
    net = (model or network()).to(device.device)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    rates, schedule = Rates(optimizer), Plain(optimizer)
    there = pictures(device)
    gradient = Gradient(net, regularization, clip)
    loss = build_loss(regularization or Regularization(), LABELS[TRAIN], CLASSES).to(device.device)
    columns = ("grad_norm", "clipped") if clip else ()
    logged = (Recorder(log, batch_size * accumulate, columns),) if log else ()  # type: ignore[arg-type]
    return Loop(
        net,
        optimizer,
        schedule,
        TrainBatches(there, rows, batch_size, 7, augment or Augment()),
        EvalBatches(there, VAL, 4),
        device,
        (*logged, *observers),
        Update(loss, gradient, accumulate),
        rates,
        watched,
    )


def weights(loop: Loop) -> Tensor:
    return torch.cat([one.detach().flatten() for one in loop.model.parameters()])


ALL_ON = Regularization(l1=0.003, l2=0.002, label_smoothing=0.1, class_weights="balanced")
