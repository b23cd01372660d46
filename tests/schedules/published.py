"""What the recipes' sources define, written out from them one update at a time: the oracle of the recipes.

Every function takes the update (or epoch) `k` from 0, the run's number of them `n`, the base LR, and the values.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lrlab.schedules import RECIPES


def keras_exponential(k: int, n: int, lr: float, decay_steps: int, decay_rate: float, staircase: bool) -> float:
    exponent = k / decay_steps
    return lr * decay_rate ** (math.floor(exponent) if staircase else exponent)


def keras_cosine(k: int, n: int, lr: float, decay_steps: int, alpha: float) -> float:
    cosine = 0.5 * (1 + math.cos(math.pi * min(k, decay_steps) / decay_steps))
    return lr * ((1 - alpha) * cosine + alpha)


def keras_restarts(k: int, n: int, lr: float, first_decay_steps: int, t_mul: int, m_mul: float, alpha: float) -> float:
    """The cycles counted one by one, not with Keras' logarithm, whose rounding may miss a cycle's first step."""
    start, length, height = 0, first_decay_steps, 1.0
    while k >= start + length:
        start, length, height = start + length, length * t_mul, height * m_mul
    cosine = 0.5 * height * (1 + math.cos(math.pi * (k - start) / length))
    return lr * ((1 - alpha) * cosine + alpha)


def keras_piecewise(k: int, n: int, lr: float, boundaries: tuple[int, ...], factor: float) -> float:
    values = [lr * factor**place for place in range(len(boundaries) + 1)]
    for boundary, value in zip(boundaries, values, strict=False):
        if k <= boundary:
            return value
    return values[-1]


def keras_inverse_time(k: int, n: int, lr: float, decay_steps: int, decay_rate: float, staircase: bool) -> float:
    passed = k / decay_steps
    return lr / (1 + decay_rate * (math.floor(passed) if staircase else passed))


def step_decay(k: int, n: int, lr: float, epochs_drop: int, drop: float) -> float:
    return lr * math.pow(drop, math.floor((1 + k) / epochs_drop))


def straight_rise(k: int, lr: float, warmup: int, start_factor: float = 0.0) -> float:
    return lr * (start_factor + (1 - start_factor) * k / max(1, warmup))


def warmup_cosine(k: int, n: int, lr: float, warmup: int, start_factor: float, final_lr: float) -> float:
    """transformers' get_cosine_with_min_lr_schedule_with_warmup, whose warm-up may also start above 0."""
    if k < warmup:
        return straight_rise(k, lr, warmup, start_factor)
    progress = (k - warmup) / max(1, n - warmup)
    rate = final_lr / lr
    return lr * (0.5 * (1 + math.cos(math.pi * progress)) * (1 - rate) + rate)


def warmup_polynomial(
    k: int, n: int, lr: float, warmup: int, start_factor: float, power: float, final_lr: float
) -> float:
    """transformers' get_polynomial_decay_schedule_with_warmup, whose warm-up may also start above 0."""
    if k < warmup:
        return straight_rise(k, lr, warmup, start_factor)
    remaining = 1 - (k - warmup) / (n - warmup)
    return (lr - final_lr) * remaining**power + final_lr


def timm_cosine(
    k: int, n: int, lr: float, warmup_epochs: int, warmup_factor: float, min_lr: float, warmup_prefix: bool
) -> float:
    """timm's CosineLRScheduler with t_initial so long that the cosine ends with the run, and cycle_limit 1."""
    t_initial = max(n - warmup_epochs, 1) if warmup_prefix else n
    if k < warmup_epochs:
        warmup_lr = lr * warmup_factor
        return warmup_lr + k * (lr - warmup_lr) / warmup_epochs
    t = k - warmup_epochs if warmup_prefix else k
    return min_lr + 0.5 * (lr - min_lr) * (1 + math.cos(math.pi * t / t_initial)) if t < t_initial else min_lr


def fastai_combined_cos(position: float, pct: float, start: float, middle: float, end: float) -> float:
    """fastai's combined_cos(pct, start, middle, end) at a position from 0 to 1 in the run."""
    limits = (0.0, pct, 1.0)
    phase = min(max(place for place, limit in enumerate(limits) if position >= limit), 1)
    share = (position - limits[phase]) / (limits[phase + 1] - limits[phase])
    low, high = ((start, middle), (middle, end))[phase]
    return low + (1 + math.cos(math.pi * (1 - share))) * (high - low) / 2


def flat_cosine(k: int, n: int, lr: float, pct_start: float, div_final: float) -> float:
    return fastai_combined_cos(k / n, pct_start, lr, lr, lr / div_final)


def one_cycle(k: int, n: int, lr: float, pct_start: float, div: float, div_final: float) -> float:
    return fastai_combined_cos(k / n, pct_start, lr / div, lr, lr / div_final)


def transformers_linear(k: int, n: int, lr: float, warmup: int) -> float:
    if k < warmup:
        return straight_rise(k, lr, warmup)
    return lr * max(0.0, (n - k) / max(1, n - warmup))


def bert_linear(k: int, n: int, lr: float, warmup_proportion: float) -> float:
    warmup = int(n * warmup_proportion)
    return lr * k / warmup if k < warmup else lr * (1 - min(k, n) / n)


def warmup_stable_decay(
    k: int, n: int, lr: float, warmup: float, start_factor: float, decay: float, shape: str, final_factor: float
) -> float:
    """transformers' get_wsd_schedule (there start_factor is final_factor); lengths are shares of the run.

    Where both shares round up to more than the run, the decay is the shorter.
    """
    num_warmup = round(warmup * n)
    num_decay = min(round(decay * n), n - num_warmup)
    stable = n - num_warmup - num_decay
    if k < num_warmup:
        return straight_rise(k, lr, num_warmup, start_factor)
    if k < num_warmup + stable:
        return lr
    progress = (k - num_warmup - stable) / max(1, num_decay)
    height = {
        "linear": 1 - progress,
        "cosine": 0.5 * (1 + math.cos(math.pi * progress)),
        "1-sqrt": 1 - math.sqrt(progress),
    }[shape]
    return lr * (height * (1 - final_factor) + final_factor)


def inverse_sqrt(k: int, n: int, lr: float, warmup: int, timescale: int | None) -> float:
    if k < warmup:
        return straight_rise(k, lr, warmup)
    timescale = timescale or warmup or 10_000
    return lr / math.sqrt((k + timescale - warmup) / timescale)


def noam(k: int, n: int, lr: float, d_model: int, warmup: int) -> float:
    step = k + 1
    return lr * d_model**-0.5 * min(step**-0.5, step * warmup**-1.5)


DEFINITIONS: dict[str, Any] = {
    "keras-exponential-decay": keras_exponential,
    "keras-cosine-decay": keras_cosine,
    "keras-cosine-restarts": keras_restarts,
    "keras-piecewise-constant": keras_piecewise,
    "keras-inverse-time-decay": keras_inverse_time,
    "step-decay": step_decay,
    "warmup-cosine": warmup_cosine,
    "warmup-polynomial": warmup_polynomial,
    "timm-cosine": timm_cosine,
    "flat-cosine": flat_cosine,
    "fastai-one-cycle": one_cycle,
    "transformers-linear": transformers_linear,
    "bert-linear": bert_linear,
    "warmup-stable-decay": warmup_stable_decay,
    "inverse-sqrt": inverse_sqrt,
    "noam": noam,
}


RUNS = [(1, 1), (1, 7), (2, 1), (23, 1), (7, 13), (10, 10), (20, 30), (1, 601)]
"""Epochs, and updates of an epoch: the runs in which recipes are compared with their definitions."""


def published(name: str, values: dict[str, Any], epochs: int, steps: int, lr: float) -> np.ndarray:
    """The LR of every update, by the published definition."""
    calls = epochs if RECIPES[name].interval == "epoch" else epochs * steps
    every = [DEFINITIONS[name](k, calls, lr, **values) for k in range(calls)]
    return np.repeat(every, steps if RECIPES[name].interval == "epoch" else 1)
