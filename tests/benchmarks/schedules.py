"""The preview against torch's own stepping, side by side, for every class and for nests.

    python tests/benchmarks/schedules.py [--updates 1000 100000 1000000] [--repeat 5]

For each schedule: how long torch takes to step an optimiser of nothing through all updates (once per length; it does
not depend on the machine's caches), how long `curve` takes (the best of several), and their ratio. "recurrence" marks
the nests for which there is no closed form.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
import warnings
from typing import Any

import numpy as np
import torch

from lrlab.schedules import ScheduleSpec, curve, example_metrics
from lrlab.training.schedulers import Driver

LR = 0.1


def schedules(updates: int) -> dict[str, dict[str, Any]]:
    """The scheduler of each row; lengths fit a run of `updates` updates."""
    quarter, half, tenth = updates // 4, updates // 2, updates // 10
    linear = {"name": "LinearLR", "start_factor": 0.1, "total_iters": tenth}
    cosine = {"name": "CosineAnnealingLR", "T_max": updates - tenth, "eta_min": 1e-5}
    exponential = {"name": "ExponentialLR", "gamma": 0.01 ** (1 / updates)}
    return {
        "StepLR": {"name": "StepLR", "step_size": quarter, "gamma": 0.5},
        "StepLR, many drops": {"name": "StepLR", "step_size": 30, "gamma": 0.999},
        "MultiStepLR": {"name": "MultiStepLR", "milestones": [half, half + quarter], "gamma": 0.1},
        "ConstantLR": {"name": "ConstantLR", "factor": 0.3, "total_iters": quarter},
        "LinearLR": {"name": "LinearLR", "start_factor": 1.0, "end_factor": 0.0, "total_iters": updates},
        "ExponentialLR": exponential,
        "PolynomialLR": {"name": "PolynomialLR", "total_iters": updates, "power": 0.9},
        "CosineAnnealingLR": {"name": "CosineAnnealingLR", "T_max": updates, "eta_min": 1e-5},
        "CosineAnnealingLR, ten periods": {"name": "CosineAnnealingLR", "T_max": tenth, "eta_min": 0.0},
        "LambdaLR, formula": {"name": "LambdaLR", "formula": "0.5 * (1 + cos(pi * t))"},
        "LambdaLR, points": {"name": "LambdaLR", "table": {"points": [[0, 0.1], [tenth, 1], [updates, 0.01]]}},
        "MultiplicativeLR": {"name": "MultiplicativeLR", "formula": "0.9999 if epoch % 2 else 1"},
        "WarmRestarts": {"name": "CosineAnnealingWarmRestarts", "T_0": tenth, "T_mult": 2, "eta_min": 1e-5},
        "CyclicLR": {"name": "CyclicLR", "base_lr": 0.01, "max_lr": 0.1, "step_size_up": tenth},
        "CyclicLR, exp_range": {
            "name": "CyclicLR", "base_lr": 0.01, "max_lr": 0.1, "step_size_up": tenth, "mode": "exp_range",
            "gamma": 0.99999,
        },
        "OneCycleLR": {"name": "OneCycleLR", "max_lr": 0.1, "total_steps": updates},
        "OneCycleLR, three phases": {"name": "OneCycleLR", "max_lr": 0.1, "total_steps": updates, "three_phase": True},
        "Sequential(Linear, Cosine)": {
            "name": "SequentialLR", "milestones": [tenth], "schedulers": [linear, cosine],
        },
        "Sequential of 20 phases": {
            "name": "SequentialLR",
            "milestones": [updates * place // 20 for place in range(1, 20)],
            "schedulers": [exponential, cosine] * 10,
        },
        "Chained(Linear, Exponential)": {"name": "ChainedScheduler", "schedulers": [linear, exponential]},
        "Chained(Linear, Cosine)": {"name": "ChainedScheduler", "schedulers": [linear, cosine]},
        "Sequential(Chained, Step)": {
            "name": "SequentialLR",
            "milestones": [half],
            "schedulers": [
                {"name": "ChainedScheduler", "schedulers": [linear, exponential]},
                {"name": "StepLR", "step_size": tenth, "gamma": 0.5},
            ],
        },
        "recurrence: Chained(Exponential, Cosine above 0)": {
            "name": "ChainedScheduler", "schedulers": [exponential, {**cosine, "T_max": updates}],
        },
    }  # fmt: skip


def torch_seconds(spec: ScheduleSpec, updates: int) -> float:
    """How long torch takes, with the driver that the training loop uses taken off: step() alone, once per update."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=LR, momentum=0.9)
    scheduler: Any = Driver(spec, optimizer, 1, updates)._scheduler
    optimizer.step()
    step = scheduler.step
    began = time.perf_counter()
    for _ in range(updates):
        step()
    return time.perf_counter() - began


def ours_seconds(spec: ScheduleSpec, updates: int, repeat: int) -> float:
    took = []
    for _ in range(repeat):
        began = time.perf_counter()
        curve(spec, LR, 1, updates, example_metrics(spec, 1))
        took.append(time.perf_counter() - began)
    return min(took)


def main() -> None:
    parser = argparse.ArgumentParser(description="The preview against torch's own stepping.")
    parser.add_argument("--updates", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--repeat", type=int, default=7)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, NumPy {np.__version__}, Python {platform.python_version()}, ", end="")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for updates in given.updates:
        print(f"\n| {updates:,} updates | torch ms | us an update | curve ms | times faster |")
        print("| --- | --- | --- | --- | --- |")
        for name, scheduler in schedules(updates).items():
            spec = ScheduleSpec.model_validate({"interval": "step", "scheduler": scheduler})
            ours = ours_seconds(spec, updates, given.repeat)
            torchs = torch_seconds(spec, updates)
            each = torchs / updates * 1e6
            print(f"| {name} | {torchs * 1e3:.1f} | {each:.1f} | {ours * 1e3:.2f} | {torchs / ours:.0f} |", flush=True)


if __name__ == "__main__":
    main()
