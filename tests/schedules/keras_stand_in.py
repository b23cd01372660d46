"""A stand-in for Keras 3 in float64: its schedules and callbacks as its documentation gives them, and fit() without a
model. What a script asks of it is recorded: the LR of every update."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest


class LearningRateSchedule:
    pass


class ExponentialDecay(LearningRateSchedule):
    def __init__(self, initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False):
        assert decay_steps > 0
        self.values = initial_learning_rate, decay_steps, decay_rate, staircase

    def __call__(self, step: int) -> float:
        initial, steps, rate, staircase = self.values
        return initial * rate ** (step // steps if staircase else step / steps)


class PiecewiseConstantDecay(LearningRateSchedule):
    def __init__(self, boundaries: list[int], values: list[float]):
        assert len(boundaries) == len(values) - 1 > 0
        assert sorted(set(boundaries)) == boundaries
        self.boundaries, self.values = boundaries, values

    def __call__(self, step: int) -> float:
        return self.values[sum(step > boundary for boundary in self.boundaries)]


class PolynomialDecay(LearningRateSchedule):
    def __init__(
        self, initial_learning_rate: float, decay_steps: int, end_learning_rate: float = 0.0001, power: float = 1.0
    ):
        assert decay_steps > 0
        self.values = initial_learning_rate, decay_steps, end_learning_rate, power

    def __call__(self, step: int) -> float:
        initial, steps, end, power = self.values
        return float((initial - end) * (1 - min(step, steps) / steps) ** power + end)


class CosineDecay(LearningRateSchedule):
    def __init__(
        self, initial_learning_rate: float, decay_steps: int, alpha: float = 0.0,
        warmup_target: float | None = None, warmup_steps: int = 0,
    ):  # fmt: skip
        assert decay_steps > 0
        self.initial, self.steps, self.alpha = initial_learning_rate, decay_steps, alpha
        self.target, self.warm = warmup_target, warmup_steps

    def __call__(self, step: int) -> float:
        target = self.initial
        if self.target is not None:
            if step < self.warm:
                return self.initial + (self.target - self.initial) * step / self.warm
            target, step = self.target, step - self.warm
        cosine = (1 + math.cos(math.pi * min(step, self.steps) / self.steps)) / 2
        return target * ((1 - self.alpha) * cosine + self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    def __init__(
        self, initial_learning_rate: float, first_decay_steps: int, t_mul: float = 2.0, m_mul: float = 1.0,
        alpha: float = 0.0,
    ):  # fmt: skip
        assert t_mul == m_mul == 1.0  # the only way in which it is exact in float32
        self.cosine = CosineDecay(initial_learning_rate, first_decay_steps, alpha)

    def __call__(self, step: int) -> float:
        return self.cosine(step % self.cosine.steps)


class LearningRateScheduler:
    """Asks once an epoch, with the LR of the moment or without it."""

    def __init__(self, schedule: Callable[..., float]):
        self.schedule = schedule

    def on_epoch_begin(self, epoch: int, optimizer: Any) -> None:
        try:
            rate = self.schedule(epoch, optimizer.learning_rate)
        except TypeError:
            rate = self.schedule(epoch)
        assert isinstance(rate, float)  # Keras takes nothing else
        optimizer.learning_rate = rate

    def on_epoch_end(self, logs: dict[str, float], optimizer: Any) -> None:
        pass


class ReduceLROnPlateau:
    def __init__(
        self, monitor: str, factor: float, patience: int, mode: str, min_delta: float, cooldown: int, min_lr: float
    ):
        self.monitor, self.factor, self.patience, self.mode = monitor, factor, patience, mode
        self.min_delta, self.cooldown, self.min_lr = min_delta, cooldown, min_lr
        self.best = math.inf if mode == "min" else -math.inf
        self.wait = self.resting = 0

    def on_epoch_begin(self, epoch: int, optimizer: Any) -> None:
        pass

    def on_epoch_end(self, logs: dict[str, float], optimizer: Any) -> None:
        current = logs[self.monitor]
        if self.resting:
            self.resting, self.wait = self.resting - 1, 0
        if current < self.best - self.min_delta if self.mode == "min" else current > self.best + self.min_delta:
            self.best, self.wait = current, 0
        elif not self.resting:
            self.wait += 1
            if self.wait >= self.patience and optimizer.learning_rate > self.min_lr:
                optimizer.learning_rate = max(optimizer.learning_rate * self.factor, self.min_lr)
                self.resting, self.wait = self.cooldown, 0


class Sequential:
    metrics: Sequence[float] = ()
    used: list[float]

    def __init__(self, layers: list[Any]):
        type(self).used = []

    def compile(self, optimizer: Any, loss: str, metrics: Sequence[str] = ()) -> None:
        self.optimizer, self.names = optimizer, metrics

    def fit(
        self, images: Any, labels: Any, batch_size: int, epochs: int, callbacks: Sequence[Any] = (),
        validation_data: Any = None,
    ) -> None:  # fmt: skip
        steps = len(images) // batch_size
        for epoch in range(epochs):
            for callback in callbacks:
                callback.on_epoch_begin(epoch, self.optimizer)
            for step in range(steps):
                rate = self.optimizer.learning_rate
                self.used.append(float(rate(epoch * steps + step) if callable(rate) else rate))
            if validation_data is None:
                continue
            known = ("val_loss", "val_accuracy") if "accuracy" in self.names else ("val_loss",)
            for callback in callbacks:
                callback.on_epoch_end(dict.fromkeys(known, self.metrics[epoch]), self.optimizer)


def run(code: str, metrics: Sequence[float] = ()) -> list[float]:
    """The LR of every update of the script `code`; `metrics`: what is measured after each epoch."""
    keras, ops = ModuleType("keras"), ModuleType("keras.ops")
    schedules = SimpleNamespace(
        **{
            one.__name__: one
            for one in (
                LearningRateSchedule, ExponentialDecay, PiecewiseConstantDecay, PolynomialDecay, CosineDecay,
                CosineDecayRestarts,
            )
        }
    )  # fmt: skip
    for name, value in {
        "optimizers": SimpleNamespace(Adam=SimpleNamespace, schedules=schedules),
        "callbacks": SimpleNamespace(LearningRateScheduler=LearningRateScheduler, ReduceLROnPlateau=ReduceLROnPlateau),
        "saving": SimpleNamespace(register_keras_serializable=lambda: lambda decorated: decorated),
        "layers": SimpleNamespace(Dense=lambda units, activation: None),
        "Sequential": type("Model", (Sequential,), {"metrics": metrics}),
        "ops": ops,
    }.items():
        setattr(keras, name, value)
    for name, value in {
        "cast": lambda value, kind: int(value) if kind == "int32" else float(value),
        "where": lambda condition, one, other: one if condition else other,
        "maximum": max,
        "minimum": min,
        "clip": lambda value, low, high: min(max(value, low), high),
        "convert_to_tensor": lambda values, kind: np.array(values, dtype=float),
        "take": lambda values, at: values[at],
    }.items():
        setattr(ops, name, value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "keras", keras)
        patch.setitem(sys.modules, "keras.ops", ops)
        exec(compile(code, "the code shown", "exec"), {"__name__": "__main__"})
    return keras.Sequential.used  # type: ignore[no-any-return]
