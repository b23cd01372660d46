"""What the texts of the catalogue tell of torch is so: traps, refusals, overwritten momenta, numbers."""

from __future__ import annotations

import re
import warnings
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

from lrlab.schedules import CATALOGUE, SYNTHETIC, Synthetic

# Traps that the texts tell, with the words that must stand in the help of the parameter concerned.
TOLD = [
    ("StepLR", "step_size", "never drops"),
    ("MultiStepLR", "milestones", "Keras"),
    ("ExponentialLR", "gamma", "far too small for steps"),
    ("CosineAnnealingLR", "T_max", "climbs again"),
    ("CosineAnnealingLR", "T_max", "cannot be stretched"),
    ("CosineAnnealingLR", "eta_min", "not a share"),
    ("CosineAnnealingWarmRestarts", "T_0", "stays above eta_min"),
    ("CosineAnnealingWarmRestarts", "T_0", "refuses 2.0"),
    ("LinearLR", "start_factor", "before a saved optimiser is loaded"),
    ("ConstantLR", "factor", "divides by it"),
    ("PolynomialLR", "total_iters", "0 never changes it"),
    ("OneCycleLR", "max_lr", "replaces the base LR"),
    ("OneCycleLR", "total_steps", "call N + 1 is an error"),
    ("OneCycleLR", "pct_start", "divides by zero"),
    ("OneCycleLR", "cycle_momentum", "0 becomes 0.95"),
    ("OneCycleLR", "cycle_momentum", "Adagrad"),
    ("OneCycleLR", "three_phase", "never reached"),
    ("OneCycleLR", "final_div_factor", "fastai"),
    ("CyclicLR", "base_lr", "replaces the base LR"),
    ("CyclicLR", "gamma", "the other modes ignore it"),
    ("CyclicLR", "cycle_momentum", "0 becomes 0.9 "),
    ("ReduceLROnPlateau", "mode", "cut again and again"),
    ("ReduceLROnPlateau", "patience", "Keras cuts one epoch sooner"),
    ("ReduceLROnPlateau", "threshold", "NaN never counts"),
    ("ReduceLROnPlateau", "threshold", "min_delta"),
    ("ReduceLROnPlateau", "threshold_mode", "negative best"),
    ("ReduceLROnPlateau", "eps", "left out"),
    ("LambdaLR", "formula", "lost at the next call"),
    ("LambdaLR", "formula", "holds no lambda"),
    ("SequentialLR", "milestones", "makes the LR jump"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "parameter", "words"), TOLD)
def test_traps_are_told_where_they_are_set(name: str, parameter: str, words: str) -> None:
    (found,) = [one for one in CATALOGUE[name].parameters if one.name == parameter]
    assert words in found.help


def optimizer(kind: Any = torch.optim.SGD, lr: float = 0.1) -> torch.optim.Optimizer:
    return kind([torch.zeros(1, requires_grad=True)], lr=lr)


@pytest.mark.parametrize(
    ("build", "error"),
    [
        # "refuses 2.0", "a whole number"
        (lambda: lr_scheduler.CosineAnnealingWarmRestarts(optimizer(), 2.0), ValueError),  # type: ignore[arg-type]
        (lambda: lr_scheduler.CosineAnnealingWarmRestarts(optimizer(), 2, 1.5), ValueError),  # type: ignore[arg-type]
        # "refuses the whole numbers 0 and 1"
        (lambda: lr_scheduler.OneCycleLR(optimizer(), 0.1, 10, pct_start=0), ValueError),
        (lambda: lr_scheduler.OneCycleLR(optimizer(), 0.1, 10, pct_start=1), ValueError),
        # "0.5 of 2, 0.05 of 20"
        (lambda: lr_scheduler.OneCycleLR(optimizer(), 0.1, 2, pct_start=0.5), ZeroDivisionError),
        (lambda: lr_scheduler.OneCycleLR(optimizer(), 0.1, 20, pct_start=0.05), ZeroDivisionError),
        # "An optimiser without momentum, such as Adagrad, is refused"
        (lambda: lr_scheduler.OneCycleLR(optimizer(torch.optim.Adagrad), 0.1, 10), ValueError),
        (lambda: lr_scheduler.CyclicLR(optimizer(torch.optim.Adagrad), 0.1, 1), ValueError),
        # "above 0"
        (lambda: lr_scheduler.LinearLR(optimizer(), start_factor=0.0), ValueError),
        # "torch takes no ReduceLROnPlateau here"
        (lambda: sequential(lr_scheduler.ReduceLROnPlateau), (ValueError, TypeError)),
    ],
)
def test_what_is_told_to_be_refused_is(build: Any, error: Any) -> None:
    with pytest.raises(error):
        build()


def sequential(second: Any) -> lr_scheduler.SequentialLR:
    shared = optimizer()
    return lr_scheduler.SequentialLR(shared, [lr_scheduler.ConstantLR(shared), second(shared)], [3])


@pytest.mark.parametrize(
    ("kind", "build", "expected"),
    [
        (torch.optim.SGD, lambda one: lr_scheduler.OneCycleLR(one, 0.1, 10), 0.95),
        (torch.optim.RMSprop, lambda one: lr_scheduler.OneCycleLR(one, 0.1, 10), 0.95),
        (torch.optim.Adam, lambda one: lr_scheduler.OneCycleLR(one, 0.1, 10), 0.95),
        (torch.optim.SGD, lambda one: lr_scheduler.CyclicLR(one, 0.01, 0.1), 0.9),
        (torch.optim.RMSprop, lambda one: lr_scheduler.CyclicLR(one, 0.01, 0.1), 0.9),
        (torch.optim.Adam, lambda one: lr_scheduler.CyclicLR(one, 0.01, 0.1), 0.9),
    ],
)
def test_the_momentum_that_is_told_to_be_overwritten_is(kind: Any, build: Any, expected: float) -> None:
    one = optimizer(kind)
    build(one)
    (group,) = one.param_groups
    assert (group["betas"][0] if "betas" in group else group["momentum"]) == expected


def test_what_is_told_of_saved_states_is_so() -> None:
    """LambdaLR's holds no lambda; SequentialLR goes on from its saved state, and not from last_epoch."""
    assert lr_scheduler.LambdaLR(optimizer(), lambda epoch: 0.9**epoch).state_dict()["lr_lambdas"] == [None]

    def phases(last_epoch: int = -1, state: Any = None) -> tuple[torch.optim.Optimizer, Any]:
        one = optimizer()
        one.param_groups[0]["initial_lr"] = 0.1
        inner = [lr_scheduler.LinearLR(one, 0.1, total_iters=4), lr_scheduler.ExponentialLR(one, 0.5)]
        scheduler = lr_scheduler.SequentialLR(one, inner, [4], last_epoch=last_epoch)
        if state:
            one.load_state_dict(state[0])
            scheduler.load_state_dict(state[1])
        return one, scheduler

    one, scheduler = phases()
    for _ in range(6):
        one.step()
        scheduler.step()
    assert one.param_groups[0]["lr"] == pytest.approx(0.025)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert phases(last_epoch=6)[0].param_groups[0]["lr"] != pytest.approx(0.025)
    loaded, _ = phases(state=(one.state_dict(), scheduler.state_dict()))
    assert loaded.param_groups[0]["lr"] == pytest.approx(0.025)


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (lambda one: lr_scheduler.ExponentialLR(one, 0.5), 0.1),
        (lambda one: lr_scheduler.LambdaLR(one, lambda epoch: 0.5**epoch), 0.1),
        (lambda one: lr_scheduler.CosineAnnealingLR(one, 5), 0.1),
        (lambda one: lr_scheduler.MultiplicativeLR(one, lambda epoch: 0.5), 0.005),
        (lambda one: lr_scheduler.CyclicLR(one, 0.02, 0.2), 0.02),
    ],
)
def test_where_the_second_phase_is_told_to_start(second: Any, expected: float) -> None:
    """A first phase with a tenth of 0.1, then the second one."""
    one = optimizer()
    phases = [lr_scheduler.ConstantLR(one, 0.1, total_iters=100), second(one)]
    scheduler = lr_scheduler.SequentialLR(one, phases, [3])
    for _ in range(3):
        one.step()
        scheduler.step()
    assert one.param_groups[0]["lr"] == pytest.approx(expected)


def told(name: str, parameter: str = "") -> str:
    """The text of a scheduler, or of one of its parameters."""
    entry = CATALOGUE[name]
    return {one.name: one.help for one in entry.parameters}[parameter] if parameter else entry.when


def numbers(text: str, pattern: str) -> list[float]:
    """What `pattern` finds of numbers in a text that is to hold it once."""
    (found,) = re.findall(pattern, text)
    return [float(number.replace(",", "")) for number in ([found] if isinstance(found, str) else found)]


def test_numbers_that_are_told() -> None:
    """What the texts say that is left, beside what torch's own scheduler leaves."""
    for text, pattern in (
        (told("ExponentialLR"), r"([\d.]+) leaves (\d+) % after (\d+) calls"),
        (told("ExponentialLR", "gamma"), r"([\d.]+) leaves (\d+) % after (\d+) steps"),
    ):
        gamma, percent, calls = numbers(text, pattern)
        assert round(100 * lr_after(calls, lr_scheduler.ExponentialLR, gamma=gamma)) == percent
    (calls,) = numbers(told("ExponentialLR"), r"nothing to speak of after (\d+)")
    assert lr_after(calls, lr_scheduler.ExponentialLR, gamma=gamma) < 1e-4

    (share,) = numbers(told("OneCycleLR", "final_div_factor"), r"max_lr / ([\d,]+) with both defaults")
    assert lr_after(9, lr_scheduler.OneCycleLR, max_lr=1.0, total_steps=10) == pytest.approx(1 / share)

    (flat,) = numbers(told("PolynomialLR", "power"), r"([\d.]+) not at all")
    assert lr_after(4, lr_scheduler.PolynomialLR, total_iters=5, power=flat) == 1

    (speed,) = [parameter for parameter in SYNTHETIC if parameter.name == "speed"]
    rate, percent = numbers(speed.help, r"([\d.]+) leaves (\d+) % of the way after ten epochs")
    begun, *_, ended = Synthetic(start=1, floor=0, speed=rate, noise=0).values(11)
    assert round(100 * ended / begun) == percent


def lr_after(calls: float, scheduler: Any, **settings: float) -> float:
    """The LR of torch's scheduler after so many calls, on a base of 1."""
    one = optimizer(lr=1.0)
    driven = scheduler(one, **settings)
    for _ in range(int(calls)):
        one.step()
        driven.step()
    return float(one.param_groups[0]["lr"])
