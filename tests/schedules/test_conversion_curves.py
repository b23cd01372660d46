"""The other interval keeps the shape: the same LRs at the borders of epochs, or, counted in epochs, ones close by."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from lrlab.errors import LabError
from lrlab.schedules import CATALOGUE, Composition, Curve, ScheduleSpec, curve, starting
from lrlab.schedules.conversion import with_interval
from lrlab.schedules.formula import parse_formula
from tests.schedules.converting import CYCLIC, ONE_CYCLE, WARM, spec_of
from tests.schedules.strategies import PARAMETERS

COUNTED = [name for name in CATALOGUE if name != "ReduceLROnPlateau"]


@settings(deadline=None)
@given(data=st.data(), epochs=st.integers(1, 12), steps_per_epoch=st.integers(2, 9))
@pytest.mark.parametrize("name", sorted({*PARAMETERS} - {"OneCycleLR"}))
def test_epochs_counted_in_steps_have_the_same_lr_at_every_border(
    name: str, data: st.DataObject, epochs: int, steps_per_epoch: int
) -> None:
    spec = spec_of("epoch", {"name": name, **data.draw(PARAMETERS[name])})
    # MultiplicativeLR's factor by t changes within the epoch.
    assume(name != "MultiplicativeLR" or "t" not in parse_formula(spec.scheduler.formula).names)  # type: ignore[union-attr]
    assert_same_at_borders(spec, epochs, steps_per_epoch)


single = st.sampled_from(["StepLR", "MultiStepLR", "ExponentialLR", "CosineAnnealingLR", "LinearLR", "LambdaLR"])
leaves = single.flatmap(lambda name: PARAMETERS[name].map(lambda values: {"name": name, **values}))


@settings(deadline=None)
@given(phases=st.lists(leaves, min_size=2, max_size=3), lengths=st.lists(st.integers(1, 5), min_size=2, max_size=2))
def test_phases_have_the_same_lr_at_every_border(phases: list[dict[str, Any]], lengths: list[int]) -> None:
    milestones = np.cumsum(lengths)[: len(phases) - 1].tolist()
    spec = spec_of("epoch", {"name": "SequentialLR", "milestones": milestones, "schedulers": phases})
    assert_same_at_borders(spec, 12, 5)


def assert_same_at_borders(spec: ScheduleSpec, epochs: int, steps_per_epoch: int) -> None:
    """Whatever the curve of `spec` does within an epoch, its first update has the LR that it had."""
    try:
        counted = with_interval(spec, "step", steps_per_epoch)
        before, after = (curve(each, 0.1, epochs, steps_per_epoch) for each in (spec, counted))
    except LabError:
        reject()
    borders = slice(None, None, steps_per_epoch)
    assert_allclose(after.lr[borders], before.lr[borders], rtol=1e-9, atol=1e-9 * before.lr.max())
    if before.momentum is not None and after.momentum is not None:
        assert_allclose(after.momentum[borders], before.momentum[borders], rtol=1e-9)


CLOSE: dict[str, dict[str, Any]] = {
    "one cycle": ONE_CYCLE | {"total_steps": 600},
    "one cycle in straight lines": ONE_CYCLE | {"total_steps": 600, "anneal_strategy": "linear"},
    "cycles": CYCLIC | {"step_size_up": 90, "step_size_down": 210},
    "cycles that shrink": CYCLIC | {"step_size_up": 90, "mode": "exp_range", "gamma": 0.998},
    "restarts": {"name": "CosineAnnealingWarmRestarts", "T_0": 90, "T_mult": 2, "eta_min": 1e-4},
    "a decay": {"name": "ExponentialLR", "gamma": 0.995},
    "a drop every third of an epoch": {"name": "StepLR", "step_size": 10, "gamma": 0.95},
    "a formula": {"name": "LambdaLR", "formula": "1 / (1 + 0.01 * epoch)"},
    "a formula with steps": {"name": "LambdaLR", "formula": "min(1, (step + 1) / 100) * 0.999 ** epoch"},
    "factors": {"name": "MultiplicativeLR", "formula": "0.995"},
    "factors that fall": {"name": "MultiplicativeLR", "formula": "1 - 1e-5 * epoch"},
    "a table": {"name": "LambdaLR", "table": {"points": [[0, 0.1], [100, 1], [400, 1], [600, 0.01]]}},
    "phases": {
        "name": "SequentialLR", "milestones": [100, 400],
        "schedulers": [WARM | {"total_iters": 100}, {"name": "Fixed"}, {"name": "CosineAnnealingLR", "T_max": 200}],
    },
    "several at once": {
        "name": "ChainedScheduler",
        "schedulers": [{"name": "ConstantLR", "total_iters": 100}, {"name": "ExponentialLR", "gamma": 0.997}],
    },
}  # fmt: skip


@pytest.mark.parametrize("case", CLOSE)
def test_steps_counted_in_epochs_stay_close(case: str) -> None:
    """20 epochs of 30 steps: an epoch's LR is, give or take half an epoch and one in twenty, the one it had."""
    before = spec_of("step", CLOSE[case])
    assert_close(curve(before, 0.1, 20, 30), curve(with_interval(before, "epoch", 30), 0.1, 20, 30))


def assert_close(fine: Curve, coarse: Curve) -> None:
    """Every LR of `coarse` lies, within a twentieth of the highest, among those of `fine` an epoch around it."""
    reach, slack = fine.steps_per_epoch, 0.05 * fine.lr.max()
    for update in range(0, len(fine.lr), fine.steps_per_epoch):
        around = fine.lr[max(update - reach, 0) : update + reach + 1]
        assert around.min() - slack <= coarse.lr[update] <= around.max() + slack, update


@pytest.mark.parametrize(("epochs", "steps_per_epoch"), [(1, 1), (1, 30), (20, 30), (200, 3)])
@pytest.mark.parametrize("interval", ["epoch", "step"])
@pytest.mark.parametrize("name", COUNTED)
def test_every_start_can_be_counted_otherwise(name: str, interval: Any, epochs: int, steps_per_epoch: int) -> None:
    start = ScheduleSpec(interval=interval, scheduler=starting(name, interval, epochs, steps_per_epoch))
    composition = Composition(epochs=epochs, steps_per_epoch=steps_per_epoch, schedule=start)
    there = composition.with_interval("step" if interval == "epoch" else "epoch")
    assert len(there.curve().lr) == epochs * steps_per_epoch
    assert_close(*(one.curve() for one in (composition, there)[:: 1 if interval == "step" else -1]))


@pytest.mark.parametrize("warmup", [7, 29, 30, 31, 100, 599, 600])
def test_one_cycle_never_becomes_too_short_for_the_run(warmup: int) -> None:
    """With total_steps shorter than the calls torch raises; rounding must not bring that about."""
    spec = spec_of("step", ONE_CYCLE | {"total_steps": max(600 - warmup, 1)}, warmup={"length": warmup, "unit": "step"})
    assert len(curve(spec, 0.1, 20, 30).lr) == len(curve(with_interval(spec, "epoch", 30), 0.1, 20, 30).lr)
