"""The PyTorch code of a schedule is run as it stands; every update of its optimiser must use the curve's LR."""

from __future__ import annotations

import ast
import warnings
from typing import Any

import pytest
import torch
from numpy.testing import assert_allclose
from torch.optim.optimizer import register_optimizer_step_pre_hook

from lrlab.errors import LabError
from lrlab.schedules import CATALOGUE, ScheduleSpec, Warmup, curve, pytorch_code, starting

EPOCHS, STEPS = 5, 3
WARMUPS = {
    "no warm-up": None,
    "warm-up of whole epochs": Warmup(length=2, unit="epoch", start_factor=0.1),
    "warm-up that ends within an epoch": Warmup(length=7, unit="step", start_factor=0.0),
    "warm-up longer than the run": Warmup(length=100, unit="epoch", start_factor=0.5),
}


def run(code: str) -> list[float]:
    """The LR of every optimiser update that `code` makes; a warning of torch is a failure."""
    used: list[float] = []
    hook = register_optimizer_step_pre_hook(
        lambda optimizer, _args, _kwargs: used.append(optimizer.param_groups[0]["lr"])
    )
    torch.manual_seed(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            exec(compile(code, "the code shown", "exec"), {"__name__": "__main__"})
    finally:
        hook.remove()
    return used


@pytest.mark.parametrize("warmup", WARMUPS)
@pytest.mark.parametrize("interval", ["epoch", "step"])
@pytest.mark.parametrize("name", CATALOGUE)
def test_every_scheduler(name: str, interval: Any, warmup: str) -> None:
    scheduler = starting(name, interval, EPOCHS, STEPS)
    spec = ScheduleSpec(interval=interval, scheduler=scheduler, warmup=WARMUPS[warmup])
    used = run(pytorch_code(spec, 0.1, EPOCHS, STEPS, optimizer="SGD"))
    assert_allclose(used, curve(spec, 0.1, EPOCHS, STEPS).lr, rtol=1e-9, atol=1e-17)


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "AdamW"])
def test_every_optimiser(optimizer: str) -> None:
    spec = ScheduleSpec.model_validate({"scheduler": {"name": "StepLR", "step_size": 1, "gamma": 0.5}})
    code = pytorch_code(spec, 0.004, 3, 2, optimizer=optimizer)
    assert f"torch.optim.{optimizer}(" in code
    assert_allclose(run(code), [0.004, 0.004, 0.002, 0.002, 0.001, 0.001])


def test_only_what_is_needed_is_written() -> None:
    plain = pytorch_code(ScheduleSpec(), 0.1, 2, 2)
    assert "scheduler" not in plain
    assert "warmup" not in plain
    ast.parse(plain)


def test_another_optimiser_is_refused() -> None:
    with pytest.raises(LabError, match=r"optimizer: got 'Adam\(\)', allowed: SGD, Adam, AdamW"):
        pytorch_code(ScheduleSpec(), 0.1, 2, 2, optimizer="Adam()")
