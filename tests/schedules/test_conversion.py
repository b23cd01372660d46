"""The other interval keeps the shape: the same LRs at the borders of epochs, and back again what was there before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pydantic import ValidationError

from lrlab.errors import LabError
from lrlab.schedules import CATALOGUE, Composition, Curve, ScheduleSpec, curve, starting
from lrlab.schedules.conversion import with_interval
from lrlab.schedules.formula import parse_formula
from tests.schedules.strategies import PARAMETERS

COUNTED = [name for name in CATALOGUE if name != "ReduceLROnPlateau"]


def spec_of(interval: str, scheduler: dict[str, Any], **others: Any) -> ScheduleSpec:
    return ScheduleSpec.model_validate({"interval": interval, "scheduler": scheduler, **others})


def converted(scheduler: dict[str, Any], interval: Any, steps_per_epoch: int) -> dict[str, Any]:
    """`scheduler`, counted in the other interval before, in `interval`."""
    other = "step" if interval == "epoch" else "epoch"
    return with_interval(spec_of(other, scheduler), interval, steps_per_epoch).scheduler.model_dump(exclude_none=True)


WARM = {"name": "LinearLR", "start_factor": 0.1, "end_factor": 1.0, "total_iters": 3}
ONE_CYCLE = {"name": "OneCycleLR", "max_lr": 0.1}
CYCLIC = {"name": "CyclicLR", "base_lr": 0.01, "max_lr": 0.1}

# What a scheduler counted in epochs of 30 steps is in steps, worked by hand.
IN_STEPS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"name": "StepLR", "step_size": 5, "gamma": 0.5}, {"step_size": 150, "gamma": 0.5}),
    ({"name": "MultiStepLR", "milestones": [0, 3, 3, 7]}, {"milestones": (0, 90, 90, 210), "gamma": 0.1}),
    ({"name": "ExponentialLR", "gamma": 0.9}, {"gamma": 0.9 ** (1 / 30)}),
    ({"name": "CosineAnnealingLR", "T_max": 20, "eta_min": 1e-5}, {"T_max": 600, "eta_min": 1e-5}),
    ({"name": "CosineAnnealingWarmRestarts", "T_0": 3, "T_mult": 2}, {"T_0": 90, "T_mult": 2}),
    ({"name": "PolynomialLR", "total_iters": 20, "power": 0.9}, {"total_iters": 600, "power": 0.9}),
    ({"name": "PolynomialLR", "total_iters": 0}, {"total_iters": 0}),
    (WARM, {"total_iters": 90, "start_factor": 0.1}),
    ({"name": "ConstantLR", "factor": 0.5, "total_iters": 0}, {"total_iters": 0}),
    (CYCLIC | {"step_size_up": 2}, {"step_size_up": 60, "gamma": 1.0, "max_lr": 0.1}),
    (CYCLIC | {"step_size_up": 2, "step_size_down": 0}, {"step_size_up": 60, "step_size_down": 0}),
    (CYCLIC | {"step_size_up": 2, "mode": "exp_range", "gamma": 0.9}, {"gamma": 0.9 ** (1 / 30)}),
    (ONE_CYCLE | {"total_steps": 20}, {"total_steps": 600, "max_lr": 0.1}),
    (ONE_CYCLE | {"epochs": 4, "steps_per_epoch": 5}, {"total_steps": 600}),
    (
        {"name": "LambdaLR", "table": {"points": [[0, 1], [2.5, 0.5], [20, 0]], "interpolation": "step"}},
        {"table": {"points": ((0.0, 1.0), (75.0, 0.5), (600.0, 0.0)), "interpolation": "step", "scale": "linear"}},
    ),
    (
        {"name": "SequentialLR", "milestones": [3], "schedulers": [WARM, {"name": "ExponentialLR", "gamma": 0.9}]},
        {
            "milestones": (90,),
            "schedulers": (WARM | {"total_iters": 90}, {"name": "ExponentialLR", "gamma": 0.9 ** (1 / 30)}),
        },
    ),
    ({"name": "ChainedScheduler", "schedulers": [WARM]}, {"schedulers": (WARM | {"total_iters": 90},)}),
    ({"name": "Fixed"}, {}),
]


@pytest.mark.parametrize(("scheduler", "expected"), IN_STEPS)
def test_epochs_as_steps_and_back(scheduler: dict[str, Any], expected: dict[str, Any]) -> None:
    in_steps = converted(scheduler, "step", 30)
    assert {name: in_steps[name] for name in expected} == expected
    before = spec_of("epoch", scheduler).scheduler
    if "epochs" not in scheduler:
        assert converted(in_steps, "epoch", 30) == before.model_dump(exclude_none=True)
    assert converted(scheduler, "step", 1) == before.model_dump(exclude_none=True)


# What a scheduler counted in steps is in epochs of 30: lengths are rounded, and never to nothing.
IN_EPOCHS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"name": "CosineAnnealingLR", "T_max": 44}, {"T_max": 1}),
    ({"name": "CosineAnnealingLR", "T_max": 45}, {"T_max": 2}),
    ({"name": "CosineAnnealingLR", "T_max": 1}, {"T_max": 1}),
    ({"name": "StepLR", "step_size": 100, "gamma": 0.5}, {"step_size": 3, "gamma": 0.5}),
    ({"name": "StepLR", "step_size": 10, "gamma": 0.5}, {"step_size": 1, "gamma": 0.125}),  # three drops an epoch
    ({"name": "MultiStepLR", "milestones": [0, 1, 10, 44, 46]}, {"milestones": (0, 1, 1, 1, 2)}),
    ({"name": "ExponentialLR", "gamma": 0.99}, {"gamma": pytest.approx(0.99**30, rel=1e-11)}),
    ({"name": "ExponentialLR", "gamma": 0.0}, {"gamma": 0.0}),
    (CYCLIC | {"step_size_up": 75}, {"step_size_up": 3, "step_size_down": 2}),  # a cycle takes 5 epochs
    (CYCLIC | {"step_size_up": 90}, {"step_size_up": 3}),
    (CYCLIC | {"step_size_up": 90, "step_size_down": 10}, {"step_size_up": 3, "step_size_down": 0}),
    (CYCLIC | {"step_size_up": 10, "step_size_down": 90}, {"step_size_up": 1, "step_size_down": 2}),
    (CYCLIC | {"step_size_up": 1}, {"step_size_up": 1}),
    (ONE_CYCLE | {"total_steps": 601}, {"total_steps": 21}),  # never shorter than the run
    (ONE_CYCLE | {"epochs": 20, "steps_per_epoch": 30}, {"total_steps": 20}),
    ({"name": "LambdaLR", "table": {"points": [[0, 1], [100, 0]]}}, {"table": ((0.0, 1.0), (3.33333333333, 0.0))}),
]


@pytest.mark.parametrize(("scheduler", "expected"), IN_EPOCHS)
def test_steps_as_epochs(scheduler: dict[str, Any], expected: dict[str, Any]) -> None:
    in_epochs = converted(scheduler, "epoch", 30)
    if "table" in in_epochs:
        in_epochs["table"] = in_epochs["table"]["points"]
    assert {name: in_epochs[name] for name in expected} == expected


FORMULAS = [
    # counted in epochs, and in steps: 30 an epoch
    ("0.65 ** epoch", "0.65 ** (epoch / 30)"),
    ("epoch", "epoch / 30"),
    ("1 - epoch", "1 - epoch / 30"),
    ("1 / (1 + epoch)", "1 / (1 + epoch / 30)"),
    ("2 * epoch", "2 * (epoch / 30)"),
    ("epoch * 2", "epoch / 30 * 2"),
    ("epoch ** 2", "(epoch / 30) ** 2"),
    ("2 ** -epoch", "2 ** -(epoch / 30)"),
    ("0.5 ** (epoch // 5)", "0.5 ** (epoch / 30 // 5)"),
    ("0.99 if epoch % 7 < 5 else 1.01", "0.99 if epoch / 30 % 7 < 5 else 1.01"),
    ("min(1, (epoch + 1) / total)", "min(1, (epoch / 30 + 1) / (total / 30))"),
    ("exp(-epoch / 4)", "exp(-(epoch / 30) / 4)"),
    ("pow(epoch, 2)", "pow(epoch / 30, 2)"),
    ("1 if epoch == 3 else 0.1", "1 if floor(epoch / 30) == 3 else 0.1"),  # all steps of epoch 3
    ("0.1 if epoch else 1", "0.1 if floor(epoch / 30) else 1"),
    ("max(0.1, 1 - step / 300)", "max(0.1, 1 - step / 300)"),
    ("(1 + cos(pi * t)) / 2", "(1 + cos(pi * t)) / 2"),
    ("0.5", "0.5"),
]


@pytest.mark.parametrize(("in_epochs", "in_steps"), FORMULAS)
def test_a_formula_in_the_other_counter(in_epochs: str, in_steps: str) -> None:
    lambdas = [{"name": "LambdaLR", "formula": formula} for formula in (in_epochs, in_steps)]
    assert converted(lambdas[0], "step", 30) == lambdas[1]
    assert converted(lambdas[1], "epoch", 30) == lambdas[0]


@pytest.mark.parametrize(
    ("before", "interval", "after"),
    [
        ("lambda e: 0.65 ** e", "step", "0.65 ** (epoch / 30)"),
        ("0.65**(epoch)", "step", "0.65**(epoch / 30)"),
        ("math.exp(-0.1*float(epoch))", "step", "math.exp(-0.1*float(epoch / 30))"),
        ("0.65 ** epoch", "epoch", "0.65 ** (epoch * 30)"),
        ("0.65 ** (epoch / 30)", "epoch", "0.65 ** epoch"),
        ("0.65 ** ( epoch/30.0 )", "epoch", "0.65 ** epoch"),
        ("(epoch) + (epoch)", "step", "epoch / 30 + epoch / 30"),
        ("1 - step / (total * 2)", "epoch", "1 - step / (total * 30 * 2)"),
    ],
)
def test_a_formula_keeps_its_spelling(before: str, interval: Any, after: str) -> None:
    assert converted({"name": "LambdaLR", "formula": before}, interval, 30)["formula"] == after


MULTIPLIED = [
    ("0.95", "0.95 ** (1 / 30)"),
    ("1 - 0.05", "(1 - 0.05) ** (1 / 30)"),
    ("1 - 0.01 * epoch", "(1 - 0.01 * ceil(epoch / 30)) ** (1 / 30)"),
    ("0.9 if epoch < 5 else 1", "(0.9 if ceil(epoch / 30) < 5 else 1) ** (1 / 30)"),
    ("exp(-0.1)", "exp(-0.1) ** (1 / 30)"),
    ("0.9 if step < 90 else 1", "(0.9 if ceil(step / 30) * 30 < 90 else 1) ** (1 / 30)"),
]


@pytest.mark.parametrize(("in_epochs", "in_steps"), MULTIPLIED)
def test_factors_are_shared_out_among_the_steps(in_epochs: str, in_steps: str) -> None:
    factors = [{"name": "MultiplicativeLR", "formula": formula} for formula in (in_epochs, in_steps)]
    assert converted(factors[0], "step", 30) == factors[1]
    assert converted(factors[1], "epoch", 30) == factors[0]


@pytest.mark.parametrize(
    ("in_steps", "in_epochs"),
    [
        ("0.999", "0.999 ** 30"),
        ("1 - 1e-5 * epoch", "(1 - 1e-5 * max(epoch * 30 - 14.5, 0)) ** 30"),
        ("1 if step < 100 else 0.99", "(1 if max(step - 14.5, 0) < 100 else 0.99) ** 30"),
    ],
)
def test_factors_of_steps_are_gathered_in_the_epoch(in_steps: str, in_epochs: str) -> None:
    factors = [{"name": "MultiplicativeLR", "formula": formula} for formula in (in_steps, in_epochs)]
    assert converted(factors[0], "epoch", 30) == factors[1]
    assert converted(factors[1], "step", 30) == factors[0]


atoms = st.sampled_from(["epoch", "step", "t", "total", "2", "0.5", "pi", "( epoch )", "+epoch", "(total)"])
expressions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", " * ", "/", " // ", "%", "**"]), inner).map("".join),
        st.tuples(inner, st.sampled_from([" < ", " == ", " != ", ">="]), inner).map(
            lambda parts: f"({''.join(parts)})"
        ),
        st.tuples(inner, inner, inner).map(lambda parts: "({} if {} else {})".format(*parts)),
        inner.map("({})".format),
        inner.map("-{}".format),
        inner.map("float({})".format),
        st.tuples(inner, inner).map(lambda parts: "min({}, {})".format(*parts)),
        st.tuples(inner, inner).map(lambda parts: "pow({},{})".format(*parts)),
    ),
    max_leaves=8,
)


def accepted(interval: str, name: str, text: str, other: Any, steps_per_epoch: int) -> ScheduleSpec:
    """The formula in the other counter; cases in which it is no formula, here or there, are left out."""
    try:
        return with_interval(spec_of(interval, {"name": name, "formula": text}), other, steps_per_epoch)
    except (LabError, ValidationError):
        reject()


@settings(deadline=None)
@given(text=expressions, interval=st.sampled_from(["epoch", "step"]))
def test_any_formula_means_the_same_in_the_other_counter(text: str, interval: Any) -> None:
    """Old and new formula agree at the border of an epoch, whatever stands around the counter."""
    other: Any = "step" if interval == "epoch" else "epoch"
    after = accepted(interval, "LambdaLR", text, other, 4).scheduler.formula  # type: ignore[union-attr]
    # Epoch 3 of 5 with 4 steps each: counter 3 of 5 calls, or 12 of 20.
    seen = {"epoch": {"epoch": 3.0, "total": 5.0}, "step": {"epoch": 12.0, "total": 20.0}}
    values = []
    for formula, counted in ((text, interval), (after, other)):
        try:
            values.append(float(parse_formula(formula)({**seen[counted], "step": 12.0, "t": 0.6})[0]))
        except LabError:
            values.append(np.nan)
    assert values[0] == pytest.approx(values[1], rel=1e-9, nan_ok=True)


@settings(deadline=None)
@given(
    text=expressions,
    interval=st.sampled_from(["epoch", "step"]),
    name=st.sampled_from(["LambdaLR", "MultiplicativeLR"]),
)
def test_a_formula_there_and_back_means_what_it_meant(text: str, interval: Any, name: str) -> None:
    other: Any = "step" if interval == "epoch" else "epoch"
    there = accepted(interval, name, text, other, 7)
    back = with_interval(there, interval, 7)
    assert meaning(back) == parse_formula(text).python()
    assert meaning(with_interval(back, other, 7)) == meaning(there)


def meaning(spec: ScheduleSpec) -> str:
    """The formula without what differs in spelling alone."""
    return parse_formula(spec.scheduler.formula).python()  # type: ignore[union-attr, arg-type]


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


@settings(deadline=None)
@given(data=st.data(), steps_per_epoch=st.integers(1, 1000))
@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_there_and_back_is_what_was_there(name: str, data: st.DataObject, steps_per_epoch: int) -> None:
    before = spec_of("epoch", {"name": name, **data.draw(PARAMETERS[name])})
    try:
        there = with_interval(before, "step", steps_per_epoch)
    except LabError:
        reject()
    back = with_interval(there, "epoch", steps_per_epoch)
    assert there.scheduler.name == back.scheduler.name == name
    expected, found = (spec.scheduler.model_dump() for spec in (before, back))
    if "gamma" in expected:
        expected["gamma"] = pytest.approx(expected["gamma"], rel=1e-9)
    if expected.get("table"):
        expected["table"]["points"] = pytest.approx(np.array(expected["table"]["points"]), rel=1e-9)
        found["table"]["points"] = np.array(found["table"]["points"])
    if name == "OneCycleLR":
        expected |= {"total_steps": before.scheduler.length}  # type: ignore[union-attr]
    assert found == expected


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


@pytest.mark.parametrize("interval", ["epoch", "step"])
def test_the_same_interval_changes_nothing(interval: Any) -> None:
    spec = spec_of(interval, {"name": "ExponentialLR", "gamma": 0.9})
    assert with_interval(spec, interval, 30) is spec


def test_the_warm_up_keeps_its_own_unit() -> None:
    spec = spec_of("epoch", {"name": "Fixed"}, warmup={"length": 3, "unit": "epoch"})
    assert with_interval(spec, "step", 30).warmup == spec.warmup


@pytest.mark.parametrize(
    ("scheduler", "interval", "steps", "reason"),
    [
        ({"name": "ReduceLROnPlateau"}, "step", 30, "interval: got 'step' with ReduceLROnPlateau, allowed: 'epoch'"),
        ({"name": "ReduceLROnPlateau"}, "step", 1, "interval: got 'step' with ReduceLROnPlateau, allowed: 'epoch'"),
        (
            {"name": "StepLR", "step_size": 20_000}, "step", 1000,
            "not legal: scheduler.step_size: got 20000000, allowed: at most 10,000,000",
        ),
        (
            {"name": "ExponentialLR", "gamma": 1.1}, "epoch", 1000,
            r"counted in epochs the schedule is not legal: scheduler.gamma: got 2.4.*e\+41, allowed: at most 100",
        ),
        ({"name": "ExponentialLR", "gamma": 2.0}, "epoch", 10_000, "gamma: got inf, allowed: a finite number"),
        (
            {"name": "LambdaLR", "formula": "+".join(["epoch"] * 80)}, "step", 30,
            "counted in steps the schedule is not legal: .*formula: .*allowed: at most 500",
        ),
        (
            {"name": "MultiplicativeLR", "formula": "+".join(["epoch"] * 80)}, "step", 30,
            "counted in steps the schedule is not legal: .*formula: .*allowed: at most",
        ),
        (
            {"name": "ChainedScheduler", "schedulers": [{"name": "CosineAnnealingLR", "T_max": 20_000}]}, "step", 1000,
            "scheduler.schedulers.0.T_max: got 20000000",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_counted_otherwise_is_refused(
    scheduler: dict[str, Any], interval: Any, steps: int, reason: str
) -> None:
    other = "step" if interval == "epoch" else "epoch"
    with pytest.raises(LabError, match=reason) as caught:
        with_interval(spec_of(other, scheduler), interval, steps)
    assert caught.value.field == "interval"
    assert str(caught.value).startswith("interval: ")
