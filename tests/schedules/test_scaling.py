"""with_peak: another highest LR, the same shape. The oracle is the curve itself, computed anew."""

from __future__ import annotations

import numpy as np
import pytest

from lrlab.errors import LabError
from lrlab.schedules import CATALOGUE, Composition, ParameterGroup, ScheduleSpec, starting, with_peak

SEQUENCE = {
    "name": "SequentialLR",
    "milestones": [5],
    "schedulers": [
        {"name": "LinearLR", "start_factor": 0.1, "total_iters": 5},
        {"name": "CosineAnnealingLR", "T_max": 15, "eta_min": 1e-5},
    ],
}
ONE_CYCLE = {"name": "OneCycleLR", "max_lr": 0.02, "total_steps": 600}


def composition(scheduler: dict[str, object], **more: object) -> Composition:
    interval = "step" if scheduler["name"] == "OneCycleLR" else "epoch"
    spec = ScheduleSpec.model_validate({"interval": interval, "scheduler": scheduler})
    return Composition(schedule=spec, **more)


@pytest.mark.parametrize("lr", [2.5e-4, 0.037])
@pytest.mark.parametrize("name", [name for name in CATALOGUE if name != "ReduceLROnPlateau"])
def test_every_schedule_keeps_its_shape(name: str, lr: float) -> None:
    interval = CATALOGUE[name].intervals[0]
    scheduler = starting(name, interval, 20, 30)
    before = Composition(schedule=ScheduleSpec(interval=interval, scheduler=scheduler))
    after = with_peak(before, lr)
    was, now = before.curve().lr, after.curve().lr
    assert now.max() == pytest.approx(lr, rel=1e-12)
    np.testing.assert_allclose(now / now.max(), was / was.max(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("scheduler", [{"name": "StepLR", "step_size": 5, "gamma": 0.5}, SEQUENCE])
def test_a_decay_gets_the_very_number_as_its_base_lr(scheduler: dict[str, object]) -> None:
    assert with_peak(composition(scheduler), 0.0123).lr == 0.0123


def test_one_cycle_gets_it_as_max_lr() -> None:
    after = with_peak(composition(ONE_CYCLE), 0.0123)
    assert after.schedule.scheduler.max_lr == 0.0123
    assert after.lr == pytest.approx(0.001 * 0.0123 / 0.02)


def test_a_plateau_and_its_floor_go_along() -> None:
    after = with_peak(composition({"name": "ReduceLROnPlateau", "min_lr": 1e-5}), 0.01)
    assert (after.lr, after.schedule.scheduler.min_lr) == (0.01, pytest.approx(1e-4))


def test_groups_keep_their_ratios() -> None:
    groups = (ParameterGroup(name="head", multiplier=1.0), ParameterGroup(name="backbone", lr=1e-4))
    after = with_peak(composition({"name": "Fixed"}, groups=groups), 0.01)
    assert [group.rate(after.lr) for group in after.groups] == pytest.approx([0.01, 0.001])


@pytest.mark.parametrize(
    ("scheduler", "lr", "field"),
    [
        pytest.param({"name": "Fixed"}, 0.0, "lr", id="no LR"),
        pytest.param({"name": "Fixed"}, 2000.0, "lr", id="above every LR"),
        pytest.param({"name": "LambdaLR", "formula": "0"}, 0.1, "schedule", id="a schedule of zeros"),
    ],
)
def test_what_cannot_be_scaled_is_refused(scheduler: dict[str, object], lr: float, field: str) -> None:
    with pytest.raises(LabError) as error:
        with_peak(composition(scheduler), lr)
    assert error.value.field == field
