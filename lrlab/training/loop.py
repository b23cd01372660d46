"""The training loop, and what may watch it. It trains and validates, nothing else; all that is told, kept or asked
meanwhile is an observer's."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from lrlab.training.batches import EvalBatches, TrainBatches
from lrlab.training.devices import Device
from lrlab.training.schedulers import Driver, momentum_of


@dataclass(frozen=True)
class Score:
    """How a model did on a part of the images: the mean loss, and the share (0 to 1) of images it named right."""

    loss: float
    accuracy: float


class Observer:
    """Watches a loop; each method is called with it, and does nothing unless a subclass says so."""

    def after_update(self, loop: Loop) -> None:
        """An update was made: `epoch`, `step`, `lr`, `loss` and `right` are those of its batch."""

    def after_training(self, loop: Loop) -> None:
        """The last update of the epoch was made; validation comes next."""

    def after_eval_batch(self, loop: Loop) -> None:
        """A batch was passed forward only: the `eval_batch`-th (from 1) of `eval_batches`, for `evaluating`."""

    def after_epoch(self, loop: Loop) -> None:
        """The epoch was validated: `score` is the validation's."""


class Loop:
    """Everything that trains one model, and where it stands; observers read its attributes. Counts start at 0."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        schedule: Driver,
        train: TrainBatches,
        val: EvalBatches,
        device: Device,
        observers: Sequence[Observer] = (),
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.schedule = schedule
        self.train = train
        self.val = val
        self.device = device
        self.observers = observers
        self.epoch = 0
        self.step = 0
        self.lr = 0.0
        """The LR that the last update used (of the first parameter group)."""
        self.momentum = math.nan
        """The momentum that the last update used; NaN where the optimiser has none."""
        self.loss = torch.zeros(())
        """The mean loss over the last batch: one value, on the device."""
        self.right = torch.zeros(())
        """How many images of the last batch were named right: one integer, on the device."""
        self.score: Score | None = None
        """The validation of the epoch under way; None until it was made."""
        self.began = 0.0
        """When the epoch began, on the clock of `time.perf_counter`."""
        self.evaluating = ""
        self.eval_batch, self.eval_batches = 0, 0

    def fit(self, epochs: int) -> None:
        """Trains and validates `epochs` times. What an observer raises ends it."""
        for self.epoch in range(epochs):
            self.began, self.score = time.perf_counter(), None
            self.model.train()
            for images, labels in self.train.epoch(self.epoch):
                self._update(images, labels)
                for observer in self.observers:
                    observer.after_update(self)
                self.step += 1
            for observer in self.observers:
                observer.after_training(self)
            self.score = self.evaluate(self.val, "validating")
            for observer in self.observers:
                observer.after_epoch(self)
            self.schedule.after_epoch(self.score.loss, self.score.accuracy)

    def _update(self, images: Tensor, labels: Tensor) -> None:
        group = self.optimizer.param_groups[0]
        self.lr, self.momentum = float(group["lr"]), momentum_of(group)
        with self.device.autocast():
            scores = self.model(images)  # (B, num_classes)
            loss = cross_entropy(scores, labels)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimizer.step()
        self.schedule.after_update()
        self.loss, self.right = loss.detach(), (scores.detach().argmax(1) == labels).sum()

    def evaluate(self, batches: EvalBatches, what: str) -> Score:
        """The model on `batches`, in evaluation mode; `what` is being done, in words."""
        self.evaluating, self.eval_batches = what, len(batches)
        losses, right = [], []
        self.model.eval()
        for self.eval_batch, (images, labels) in enumerate(batches, start=1):
            with torch.inference_mode(), self.device.autocast():
                scores = self.model(images)
                losses.append(cross_entropy(scores, labels, reduction="sum"))
                right.append((scores.argmax(1) == labels).sum())
            for observer in self.observers:
                observer.after_eval_batch(self)
        count = len(batches.rows)
        return Score(_total(losses) / count, _total(right) / count)


def _total(values: Iterable[Tensor]) -> float:
    """The sum of single values; they leave the device together, after the last batch."""
    return float(torch.stack(list(values)).cpu().double().sum())
