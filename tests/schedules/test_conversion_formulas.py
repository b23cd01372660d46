"""Formulas in the other counter: their text is worked by hand, and any formula means there what it meant here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from lrlab.errors import LabError
from lrlab.schedules import ScheduleSpec
from lrlab.schedules.conversion import with_interval
from lrlab.schedules.formula import parse_formula
from tests.schedules.converting import converted, spec_of

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
