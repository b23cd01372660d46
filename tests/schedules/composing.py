"""Compositions in few words, for the tests of the checks: 20 epochs of 6 updates at LR 0.1 unless told otherwise."""

from __future__ import annotations

from typing import Any

from lrlab.schedules import Composition

STEPS = 6
"""Updates of an epoch in these runs, whose 20 epochs so have 120."""


def composed(scheduler: dict[str, Any], lr: float = 0.1, epochs: int = 20, steps: int = STEPS, **more: Any) -> Any:
    run = {"lr": lr, "epochs": epochs, "steps_per_epoch": steps}
    run |= {key: more.pop(key) for key in ("groups", "metric") if key in more}
    return Composition.model_validate({**run, "schedule": {"scheduler": scheduler, **more}})


def named(name: str, **parameters: Any) -> dict[str, Any]:
    return {"name": name, **parameters}


FIXED = named("Fixed")


def step(size: int, gamma: float = 0.5) -> dict[str, Any]:
    return named("StepLR", step_size=size, gamma=gamma)


def multi(*milestones: int, gamma: float = 0.1) -> dict[str, Any]:
    return named("MultiStepLR", milestones=milestones, gamma=gamma)


def exponential(gamma: float) -> dict[str, Any]:
    return named("ExponentialLR", gamma=gamma)


def linear(length: int, start: float = 0.1, end: float = 1.0) -> dict[str, Any]:
    return named("LinearLR", start_factor=start, end_factor=end, total_iters=length)


def constant(length: int, factor: float = 0.1) -> dict[str, Any]:
    return named("ConstantLR", factor=factor, total_iters=length)


def poly(length: int) -> dict[str, Any]:
    return named("PolynomialLR", total_iters=length)


def cosine(length: int, eta_min: float = 0.0) -> dict[str, Any]:
    return named("CosineAnnealingLR", T_max=length, eta_min=eta_min)


def restarts(length: int, times: int = 1) -> dict[str, Any]:
    return named("CosineAnnealingWarmRestarts", T_0=length, T_mult=times)


def one_cycle(length: int, **more: Any) -> dict[str, Any]:
    return named("OneCycleLR", **{"max_lr": 1.0, "total_steps": length, **more})


def cyclic(up: int, **more: Any) -> dict[str, Any]:
    return named("CyclicLR", **{"base_lr": 0.1, "max_lr": 0.2, "step_size_up": up, "cycle_momentum": False, **more})


def formula(text: str) -> dict[str, Any]:
    return named("LambdaLR", formula=text)


def table(*points: tuple[float, float]) -> dict[str, Any]:
    return named("LambdaLR", table={"points": points})


def plateau(**more: Any) -> dict[str, Any]:
    return named("ReduceLROnPlateau", **more)


def sequence(schedulers: list[dict[str, Any]], *milestones: int) -> dict[str, Any]:
    return named("SequentialLR", schedulers=schedulers, milestones=milestones)


def chain(*schedulers: dict[str, Any]) -> dict[str, Any]:
    return named("ChainedScheduler", schedulers=schedulers)


def warmup(length: int, unit: str = "epoch") -> dict[str, Any]:
    return {"length": length, "unit": unit, "start_factor": 0.1}


def metric(start: float, floor: float, noise: float = 0.0) -> dict[str, Any]:
    return {"kind": "synthetic", "start": start, "floor": floor, "noise": noise}
