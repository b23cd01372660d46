"""What is drawn of a curve: few updates, and among them every jump and every extreme, at its own height."""

import numpy as np
import pytest

from lrlab.charts.sampling import MOST, drawn_rows
from lrlab.schedules import ScheduleSpec, curve


def lr_of(scheduler, *, interval="step", epochs=100, steps=200, warmup=None):
    spec = ScheduleSpec.model_validate({"interval": interval, "scheduler": scheduler, "warmup": warmup})
    return curve(spec, lr=0.1, epochs=epochs, steps_per_epoch=steps).lr


def extremes(lr):
    """The updates higher or lower than both neighbours by what an eye could ever see, found one by one."""
    rise = [(lr[u] - lr[u - 1], lr[u] - lr[u + 1]) for u in range(1, len(lr) - 1)]
    return [u for u, (left, right) in enumerate(rise, 1) if left * right > 0 and min(abs(left), abs(right)) > 1e-9]


SMOOTH = {
    "cosine": {"name": "CosineAnnealingLR", "T_max": 3000},
    "restarts": {"name": "CosineAnnealingWarmRestarts", "T_0": 700, "T_mult": 2},
    "triangles": {"name": "CyclicLR", "base_lr": 0.001, "max_lr": 0.1, "step_size_up": 50},
    "shrinking triangles": {
        "name": "CyclicLR", "base_lr": 0.001, "max_lr": 0.1, "step_size_up": 90, "step_size_down": 31,
        "mode": "triangular2",
    },
    "one cycle": {"name": "OneCycleLR", "max_lr": 0.1, "total_steps": 20_000, "three_phase": True},
    "a jump on the way down": {
        "name": "SequentialLR", "milestones": [7777],
        "schedulers": [
            {"name": "CosineAnnealingLR", "T_max": 20_000}, {"name": "PolynomialLR", "total_iters": 20_000, "power": 3},
        ],
    },
}  # fmt: skip


@pytest.mark.parametrize("name", SMOOTH)
def test_every_extreme_of_a_smooth_curve_is_drawn(name):
    lr = lr_of(SMOOTH[name])
    rows = drawn_rows(lr)
    assert len(rows) <= 1.2 * MOST
    assert {0, len(lr) - 1, *extremes(lr)} <= set(rows.tolist())


def test_both_sides_of_a_jump_are_drawn():
    lr = lr_of(SMOOTH["a jump on the way down"])
    at = int(np.abs(np.diff(lr)).argmax())
    assert at == 7776
    assert {at, at + 1} <= set(drawn_rows(lr).tolist())


@pytest.mark.parametrize("corners", [3, 400, 999])
def test_every_corner_of_a_staircase_is_drawn(corners):
    lr = lr_of({"name": "StepLR", "step_size": 20_000 // (corners + 1), "gamma": 0.99})
    steps = np.flatnonzero(np.diff(lr)) + 1
    assert len(steps) >= corners
    rows = drawn_rows(lr)
    assert set(steps.tolist()) <= set(rows.tolist())
    assert len(rows) <= 1.2 * MOST


def test_of_thousands_of_triangles_every_column_keeps_its_lowest_and_its_highest():
    lr = lr_of(
        {"name": "CyclicLR", "base_lr": 0.001, "max_lr": 0.1, "step_size_up": 3, "mode": "exp_range", "gamma": 0.9999}
    )
    assert len(extremes(lr)) > 5000
    rows = drawn_rows(lr)
    assert len(rows) <= MOST + 2
    for column in range(MOST // 2):
        first, end = column * len(lr) // (MOST // 2), (column + 1) * len(lr) // (MOST // 2)
        inside = rows[(rows >= first) & (rows < end)]
        assert lr[inside].max() == lr[first:end].max()
        assert lr[inside].min() == lr[first:end].min()


def test_a_few_updates_are_all_drawn():
    assert drawn_rows(np.sin(np.arange(MOST))).tolist() == list(range(MOST))


def test_a_flat_top_keeps_both_ends():
    lr = np.concatenate([np.linspace(0, 1, 5000), np.ones(3000), np.linspace(1, 0, 5000)])
    assert {4999, 8000} <= set(drawn_rows(lr).tolist())
