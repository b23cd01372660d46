"""What a scheduler starts with: its values for any run make a curve that falls as it should, after any warm-up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrlab.errors import LabError
from lrlab.schedules import CATALOGUE, TABLE, Composition, ScheduleSpec, Table, Warmup, form_of, starting
from tests.schedules.ways import COUNTED, WAYS

RUNS = [(1, 1), (1, 7), (2, 1), (7, 13), (20, 30), (200, 1), (50, 400)]


@pytest.mark.parametrize(
    ("name", "interval", "expected"),
    [
        ("StepLR", "epoch", {"step_size": 5, "gamma": 0.5}),
        ("StepLR", "step", {"step_size": 150, "gamma": 0.5}),
        ("MultiStepLR", "epoch", {"milestones": (10, 15), "gamma": 0.1}),
        ("MultiStepLR", "step", {"milestones": (300, 450), "gamma": 0.1}),
        ("CosineAnnealingLR", "epoch", {"T_max": 20, "eta_min": 1e-5}),
        ("CosineAnnealingLR", "step", {"T_max": 600, "eta_min": 1e-5}),
        # cycles of 3, 6 and 12 epochs; 86, 172 and 344 steps
        ("CosineAnnealingWarmRestarts", "epoch", {"T_0": 3, "T_mult": 2, "eta_min": 1e-5}),
        ("CosineAnnealingWarmRestarts", "step", {"T_0": 86, "T_mult": 2, "eta_min": 1e-5}),
        ("PolynomialLR", "epoch", {"total_iters": 20, "power": 2.0}),
        ("LinearLR", "epoch", {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 20}),
        ("ConstantLR", "epoch", {"factor": 0.3, "total_iters": 5}),
        ("Fixed", "step", {}),
        ("LambdaLR", "epoch", {"formula": "0.851 ** epoch", "table": None}),
        ("MultiplicativeLR", "step", {"formula": "0.9946"}),
    ],
)
def test_starting_values_for_20_epochs_of_30_steps(name: str, interval: Any, expected: dict[str, Any]) -> None:
    assert starting(name, interval, 20, 30).model_dump(exclude={"name"}) == expected


@pytest.mark.parametrize(
    ("name", "interval", "expected"),
    [
        ("OneCycleLR", "step", {"max_lr": 0.5, "total_steps": 600, "pct_start": 0.3, "cycle_momentum": True}),
        ("CyclicLR", "step", {"base_lr": 0.05, "max_lr": 0.5, "step_size_up": 75, "step_size_down": None}),
        ("ReduceLROnPlateau", "epoch", {"mode": "min", "factor": 0.5, "patience": 2, "cooldown": 0, "min_lr": 0.0}),
    ],
)
def test_starting_values_that_depend_on_the_lr(name: str, interval: Any, expected: dict[str, Any]) -> None:
    assert expected.items() <= starting(name, interval, 20, 30, lr=0.05).model_dump().items()


def test_several_schedulers_start_as_torchs_documentation_shows_them() -> None:
    phases = starting("SequentialLR", "epoch", 20, 30, lr=0.1).model_dump()
    assert phases["milestones"] == (3,)
    assert phases["schedulers"] == (
        {"name": "LinearLR", "start_factor": 0.1, "end_factor": 1.0, "total_iters": 3},
        {"name": "CosineAnnealingLR", "T_max": 17, "eta_min": 0.001},
    )
    chained = starting("ChainedScheduler", "epoch", 20, 30).model_dump()
    assert chained["schedulers"] == (
        {"name": "ConstantLR", "factor": 0.3, "total_iters": 5},
        {"name": "ExponentialLR", "gamma": 0.851},
    )


@pytest.mark.parametrize(
    ("run", "places"),
    [((20, 30), [0, 3, 12, 20]), ((10, 1), [0, 2, 6, 10]), ((2, 1), [0, 0.3, 1.2, 2]), ((1, 1), [0, 0.15, 0.6, 1])],
)
def test_a_table_starts_as_a_rise_a_hold_and_a_fall(run: tuple[int, int], places: list[float]) -> None:
    scheduler = starting("LambdaLR", "epoch", *run, form="table")
    assert scheduler.name == "LambdaLR"
    assert scheduler.table is not None
    assert [call for call, _ in scheduler.table.points] == pytest.approx(places)
    assert [height for _, height in scheduler.table.points] == [0.1, 1.0, 1.0, 0.01]
    for interpolation, _ in TABLE[1].choices:
        for scale, _ in TABLE[2].choices:  # no choice makes it illegal
            Table.model_validate({**scheduler.table.model_dump(), "interpolation": interpolation, "scale": scale})


@pytest.mark.parametrize(("name", "form"), WAYS)
def test_the_form_of_a_scheduler_is_found_again(name: str, form: str) -> None:
    assert form_of(starting(name, "epoch", 20, 30, form=form)) == form


@pytest.mark.parametrize(
    ("warmup", "interval", "expected"),
    [
        (Warmup(length=3, unit="epoch"), "epoch", 17),
        (Warmup(length=3, unit="epoch"), "step", 510),
        (Warmup(length=10, unit="step"), "epoch", 20),  # it ends within epoch 0, which the scheduler shares
        (Warmup(length=10, unit="step"), "step", 590),
        (Warmup(length=20, unit="epoch"), "epoch", 1),  # nothing is left: still a legal scheduler
    ],
)
def test_a_warm_up_shortens_what_follows(warmup: Warmup, interval: Any, expected: int) -> None:
    assert starting("CosineAnnealingLR", interval, 20, 30, warmup).model_dump()["T_max"] == expected
    assert starting("OneCycleLR", interval, 20, 30, warmup).model_dump()["total_steps"] == expected


@pytest.mark.parametrize(("epochs", "steps_per_epoch"), RUNS)
@pytest.mark.parametrize(("name", "form", "interval"), COUNTED)
def test_every_start_makes_a_curve_of_any_run(
    name: str, form: str, interval: Any, epochs: int, steps_per_epoch: int
) -> None:
    spec = ScheduleSpec(interval=interval, scheduler=starting(name, interval, epochs, steps_per_epoch, form=form))
    drawn = Composition(epochs=epochs, steps_per_epoch=steps_per_epoch, schedule=spec).curve()
    lr, calls = drawn.lr, epochs if interval == "epoch" else epochs * steps_per_epoch
    assert (drawn.momentum is not None) == (name in ("OneCycleLR", "CyclicLR"))
    if name == "Fixed":
        assert (lr == 0.001).all()
    elif name in ("OneCycleLR", "CyclicLR"):
        assert lr.max() < 0.01 + 1e-12
        assert calls < 20 or lr.max() > 0.009
    elif name == "ConstantLR":
        assert calls < 3 or lr[0] < lr[-1] == 0.001
    elif name == "ChainedScheduler":
        assert lr[0] == pytest.approx(0.0003)
    elif name in ("SequentialLR", "LambdaLR") and form != "formula":
        assert lr[0] == pytest.approx(0.0001)
        assert calls < 4 or lr.max() == pytest.approx(0.001)
    else:
        assert lr.max() == 0.001
    if calls >= 20 and name not in ("Fixed", "ConstantLR", "CyclicLR", "ReduceLROnPlateau"):
        assert 0 < lr[-1] < 0.2 * lr.max()


warmups = st.none() | st.builds(
    Warmup, length=st.integers(1, 2000), unit=st.sampled_from(["epoch", "step"]), start_factor=st.floats(0, 1)
)


@settings(deadline=None)
@given(
    way=st.sampled_from(COUNTED), epochs=st.integers(1, 200), steps_per_epoch=st.integers(1, 1000), warmup=warmups,
    lr=st.floats(-6, 1).map(lambda exponent: 10**exponent),
)  # fmt: skip
def test_every_start_makes_a_curve(
    way: tuple[str, str, Any], epochs: int, steps_per_epoch: int, warmup: Warmup | None, lr: float
) -> None:
    name, form, interval = way
    spec = ScheduleSpec(
        interval=interval,
        scheduler=starting(name, interval, epochs, steps_per_epoch, warmup, lr, form),
        warmup=warmup,
    )
    drawn = Composition(lr=lr, epochs=epochs, steps_per_epoch=steps_per_epoch, schedule=spec).curve()
    assert np.isfinite(drawn.lr).all()
    assert (drawn.lr >= 0).all()


def test_what_measures_once_an_epoch_does_not_count_steps() -> None:
    with pytest.raises(LabError, match="interval: got 'step' with ReduceLROnPlateau, allowed: 'epoch'") as caught:
        starting("ReduceLROnPlateau", "step", 20, 30)
    assert caught.value.field == "interval"
    assert [name for name, entry in CATALOGUE.items() if entry.intervals != ("epoch", "step")] == ["ReduceLROnPlateau"]
