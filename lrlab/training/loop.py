"""The training loop, and what may watch it. It trains and validates, nothing else; all that is told, kept or asked
meanwhile is an observer's."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from lrlab.training.batches import Batch, EvalBatches, TrainBatches
from lrlab.training.devices import Device
from lrlab.training.gradient import Gradient
from lrlab.training.loss import Loss, count_right
from lrlab.training.memory import as_many_as_fit
from lrlab.training.rates import Rates
from lrlab.training.schedulers import Driver, momentum_of


@dataclass(frozen=True)
class Score:
    """How a model did on a part of the images: the mean loss, and the share (0 to 1) of images it named right."""

    loss: float
    accuracy: float


class Observer:
    """Watches a loop; each method is called with it, and does nothing unless a subclass says so.

    What an observer must know to go on after an interruption it gives as `state_dict()`: plain numbers and texts.
    """

    def after_batch(self, loop: Loop) -> None:
        """A batch of an update was passed forward and back, and more of its batches are to come."""

    def after_update(self, loop: Loop) -> None:
        """An update was made: `epoch`, `step`, `lr`, `loss` and `right` are those of its images."""

    def after_training(self, loop: Loop) -> None:
        """The last update of the epoch was made; validation comes next."""

    def after_eval_batch(self, loop: Loop) -> None:
        """A batch was passed forward only: the `eval_batch`-th (from 1) of `eval_batches`, for `evaluating`."""

    def after_epoch(self, loop: Loop) -> None:
        """The epoch was validated: `score` is the validation's, and the schedule has been told."""

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to go on from here."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where `state` was taken."""


@dataclass(frozen=True)
class Update:
    """How an update is made of batches: `accumulate` of them, whose gradients are averaged and then treated."""

    loss: Loss
    gradient: Gradient
    accumulate: int = 1


class Loop:
    """Everything that trains one model, and where it stands; observers read its attributes. Counts start at 0.

    `train` brings batches of which every `update.accumulate` make one update; a rest too short for one is left out.
    `watched`: the column of the epochs' log that the schedule is given (`plateau_metric`).
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        schedule: Driver,
        train: TrainBatches,
        val: EvalBatches,
        device: Device,
        observers: Sequence[Observer] = (),
        update: Update | None = None,
        rates: Rates | None = None,
        watched: str = "val_loss",
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.schedule = schedule
        self.train = train
        self.val = val
        self.device = device
        self.observers = observers
        self.update = update or Update(Loss(), Gradient(model))
        self.rates = rates or Rates(optimizer)
        self.watched = watched
        self.scaler = device.gradient_scaler()
        self.updates_per_epoch = len(train) // self.update.accumulate
        self.epoch = 0
        """The epoch under way, or the last one while `score` is there."""
        self.step = -1
        """The number of the last update in the run; -1 before the first."""
        self.done = 0
        """The updates made in this epoch."""
        self.lr = 0.0
        """The LR that the last update used: the run's own course."""
        self.lrs: tuple[float, ...] = ()
        """The LR of each parameter group in the last update."""
        self.momentum = math.nan
        """The momentum that the last update used; NaN where the optimiser has none."""
        self.loss = torch.zeros(())
        """The mean loss over the last update's images, without penalties: one value, on the device."""
        self.right = torch.zeros(())
        """How many images of the last update were named right: one integer, on the device."""
        self.trained: Score | None = None
        """The mean over the epoch's updates, once an observer has summed them up."""
        self.score: Score | None = None
        """The validation of the epoch; None until it was made."""
        self.began = 0.0
        """When the epoch began, on the clock of `time.perf_counter`; time between two attempts is not counted."""
        self.batch_began = 0.0
        """When the newest batch, training or validation, began, on the same clock."""
        self.evaluating = ""
        self.eval_batch, self.eval_batches = 0, 0
        self.ended = False
        """Set by an observer that ends the run after this epoch."""
        self._spent = 0.0

    def fit(self, epochs: int) -> None:
        """Trains and validates until `epochs` epochs are over, from where the loop stands. What an observer raises
        ends it, as `ended` does after an epoch."""
        while not self.ended and (self.score is None or self.epoch + 1 < epochs):
            if self.score is not None:
                self.epoch, self.done, self.score, self.trained, self._spent = self.epoch + 1, 0, None, None, 0.0
            self.began = time.perf_counter() - self._spent
            self._train()
            for observer in self.observers:
                observer.after_training(self)
            self.score = self.evaluate(self.val, "validating")
            self.schedule.after_epoch(self.metrics().get(self.watched, math.nan))
            for observer in self.observers:
                observer.after_epoch(self)

    def _train(self) -> None:
        """The updates of the epoch that were not made yet."""
        self.model.train()
        together = self.update.accumulate
        batches = self.train.epoch(self.epoch, self.done * together) if self.done else self.train.epoch(self.epoch)
        while self.done < self.updates_per_epoch:
            self._update(islice(batches, together))
            self.step, self.done = self.step + 1, self.done + 1
            for observer in self.observers:
                observer.after_update(self)

    def _update(self, batches: Iterator[Batch]) -> None:
        self.lr, self.lrs, self.momentum = (
            self.rates.lr,
            self.rates.of_groups,
            momentum_of(self.optimizer.param_groups[0]),
        )
        self.batch_began = time.perf_counter()
        self.optimizer.zero_grad(set_to_none=True)
        losses, right = [], []
        for images, targets in batches:
            with self.device.autocast():
                scores = self.model(images)  # (B, num_classes)
                loss = self.update.loss(scores, targets)
            share = loss / self.update.accumulate if self.update.accumulate > 1 else loss
            torch.autograd.backward(self.scaler.scale(share) if self.scaler else share)
            losses.append(loss.detach())
            right.append(count_right(scores.detach(), targets))
            if len(losses) < self.update.accumulate:
                for observer in self.observers:
                    observer.after_batch(self)
                self.batch_began = time.perf_counter()
        if self.scaler:
            self.scaler.unscale_(self.optimizer)
        self.update.gradient.treat()
        if self.scaler:
            self.scaler.step(self.optimizer)
            self.scaler.update()
        else:
            self.optimizer.step()
        self.schedule.after_update()
        self.loss, self.right = _mean(losses), torch.stack(right).sum() if len(right) > 1 else right[0]

    def metrics(self) -> dict[str, float]:
        """The columns of the epochs' log that a schedule may watch, as far as they are known."""
        known = {"train": self.trained, "val": self.score}
        return {
            f"{part}_{name}": value
            for part, score in known.items()
            if score is not None
            for name, value in asdict(score).items()
        }

    def evaluate(self, batches: EvalBatches, what: str) -> Score:
        """The model on `batches`, in evaluation mode, by plain cross entropy; `what` is being done, in words."""
        self.model.eval()
        self.evaluating = what
        return as_many_as_fit(batches, self._evaluate)

    def _evaluate(self, batches: EvalBatches) -> Score:
        self.eval_batches = len(batches)
        losses, right = [], []
        self.batch_began = time.perf_counter()
        for self.eval_batch, (images, labels) in enumerate(batches, start=1):
            with torch.inference_mode(), self.device.autocast():
                scores = self.model(images)
                losses.append(cross_entropy(scores.float(), labels, reduction="sum"))
                right.append(count_right(scores, labels))
            for observer in self.observers:
                observer.after_eval_batch(self)
            self.batch_began = time.perf_counter()
        if batches.rows is self.val.rows:
            self.val = batches  # so many at a time as fitted
        count = len(batches.rows)
        return Score(_total(losses) / count, _total(right) / count)

    def state_dict(self) -> dict[str, Any]:
        """Where the loop stands between two updates, or after an epoch: plain numbers. What its model, optimiser and
        schedule hold they tell themselves."""
        return {
            "epoch": self.epoch,
            "step": self.step,
            "done": self.done,
            "lr": self.lr,
            "lrs": list(self.lrs),
            "momentum": self.momentum,
            "score": asdict(self.score) if self.score else None,
            "spent": time.perf_counter() - self.began,
            "ended": self.ended,
            "scaler": self.scaler.state_dict() if self.scaler else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Stands where `state` was taken; `fit` goes on with the update after it."""
        self.epoch, self.step, self.done = state["epoch"], state["step"], state["done"]
        self.lr, self.lrs, self.momentum = state["lr"], tuple(state["lrs"]), state["momentum"]
        self.score = Score(**state["score"]) if state["score"] else None
        self._spent, self.ended = state["spent"], state["ended"]
        if self.scaler and state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])


def _mean(values: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(values)).mean() if len(values) > 1 else values[0]


def _total(values: Iterable[Tensor]) -> float:
    """The sum of single values; they leave the device together, after the last batch."""
    return float(torch.stack(list(values)).cpu().double().sum())
