"""Each check fires where its trap is, stays silent on a good schedule, says what torch does, and repairs it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from lrlab.schedules import PRESETS, RECIPES, Check, Composition, check
from lrlab.schedules.checks import RULES
from tests.schedules.check_cases import CASES
from tests.schedules.composing import (
    FIXED,
    chain,
    composed,
    constant,
    cosine,
    cyclic,
    exponential,
    formula,
    linear,
    multi,
    one_cycle,
    plateau,
    poly,
    restarts,
    sequence,
    step,
    table,
    warmup,
)
from tests.schedules.oracle import TORCH_RAISES, torch_values

LOGGED_ALONE = {"plateau-negative-metric", "plateau-metric-nan"}
"""An invented metric is neither negative nor NaN: these two are shown on logged values, below."""

SEVERITY = {rule.name: rule.severity for rule in RULES}
HONEST = {"base-lr-without-effect", "momentum-overwritten"}
"""Notes that even a good one-cycle schedule gets."""


def names(composition: Composition, logged: list[float] | None = None) -> set[str]:
    return {found.name for found in check(composition, logged=logged)}


def found_in(composition: Composition, name: str, logged: list[float] | None = None) -> Check:
    (found,) = [found for found in check(composition, logged=logged) if found.name == name]
    return found


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """The leaves of a JSON document by their dotted paths, the schedule's without its own name."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        return {path.removeprefix("schedule."): value}
    return {place: leaf for key, one in items for place, leaf in flat(one, f"{path}.{key}".lstrip(".")).items()}


def differences(before: Composition, after: Composition) -> set[str]:
    old, new = (flat(json.loads(one.model_dump_json())) for one in (before, after))
    return {place for place in old.keys() | new.keys() if old.get(place) != new.get(place)}


def test_every_check_has_its_case_and_its_reason() -> None:
    assert [rule.name for rule in RULES if rule.name not in LOGGED_ALONE] == [
        rule.name for rule in RULES if rule.name in CASES
    ]
    assert CASES.keys() | LOGGED_ALONE == {rule.name for rule in RULES}
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(len(rule.why) > 30 for rule in RULES)


def test_what_silences_a_check_exists() -> None:
    for rule in RULES:
        assert set(rule.unless) <= SEVERITY.keys() - {rule.name}


@pytest.mark.parametrize("name", CASES)
def test_fires(name: str) -> None:
    case = CASES[name]
    found = found_in(case.composition, name)
    assert found.path == case.path
    assert found.severity == SEVERITY[name]
    for part in case.says:
        assert part in found.sentence
    assert (found.repair.label if found.repair else None) == case.label


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.label])
def test_its_repair_lifts_it_and_changes_nothing_else(name: str) -> None:
    case = CASES[name]
    found = found_in(case.composition, name)
    assert found.repair
    repaired = found.repair.composition
    assert Composition.model_validate_json(repaired.model_dump_json()) == repaired
    repaired.curve()
    assert (name, found.path) not in {(other.name, other.path) for other in check(repaired)}
    changed = differences(case.composition, repaired)
    if case.differs is None:
        assert changed
        assert all(place.startswith("scheduler") for place in changed)
    else:
        expected = {
            place for place in changed if any(place == one or place.startswith(f"{one}.") for one in case.differs)
        }
        assert changed == expected
        assert {one for one in case.differs if any(place.startswith(one) for place in changed)} == set(case.differs)


@pytest.mark.parametrize("name", CASES)
def test_stays_silent(name: str) -> None:
    case = CASES[name]
    case.silent.curve()
    assert name not in names(case.silent)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.torch])
def test_torch_does_what_the_sentence_says(name: str) -> None:
    case = CASES[name]
    assert case.torch
    assert case.torch(torch_lrs(case.composition))


NOT_BY_TORCH = {"lr-out-of-range", "group-out-of-range", "metric-missing"}


@pytest.mark.parametrize("name", [name for name in CASES if SEVERITY[name] == "refused" and name not in NOT_BY_TORCH])
def test_torch_refuses_what_is_refused(name: str) -> None:
    with pytest.raises(TORCH_RAISES):
        torch_lrs(CASES[name].composition)


def torch_lrs(composition: Composition) -> np.ndarray:
    metrics = composition.metrics()
    run = (composition.schedule, composition.lr, composition.epochs, composition.steps_per_epoch)
    return torch_values(*run, list(metrics) if metrics is not None else None)[0]


GOOD = {
    "the first thing a visitor sees": Composition(),
    "fixed": composed(FIXED),
    "drops": composed(step(5)),
    "drops at milestones": composed(multi(10, 15)),
    "exponential": composed(exponential(0.85)),
    "cosine": composed(cosine(20, 1e-5)),
    "cosine in steps": composed(cosine(120), interval="step"),
    "warm-up and cosine": composed(cosine(17), warmup=warmup(3)),
    "warm-up in steps and cosine": composed(cosine(20), warmup=warmup(4, "step")),
    "warm-up and cosine in torch's way": composed(sequence([linear(3), cosine(17)], 3)),
    "warm-up of one epoch": composed(sequence([linear(1), cosine(19)], 1)),
    "warm-up, stable, decay": composed(sequence([linear(3), FIXED, linear(5, 1, 0)], 3, 15)),
    "flat, then cosine": composed(sequence([FIXED, cosine(6)], 14)),
    "linear to zero": composed(linear(20, 1, 0)),
    "polynomial to zero": composed(poly(20)),
    "reduced at first": composed(constant(5)),
    "restarts": composed(restarts(3, 2)),
    "restarts by hand": composed(sequence([cosine(10), cosine(10)], 10)),
    "cycles": composed(cyclic(5)),
    "drops and a slow decay at once": composed(chain(step(5), exponential(0.95))),
    "formula": composed(formula("0.65 ** epoch")),
    "drawn by hand": composed(table((0, 0.1), (4, 1), (20, 0))),
    "plateau": composed(plateau(patience=2)),
    "warm-up and plateau": composed(plateau(patience=2), warmup=warmup(3)),
    "groups": composed(cosine(20, 1e-5), groups=[{"name": "a", "multiplier": 1}, {"name": "b", "multiplier": 0.1}]),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_schedules_are_left_in_peace(name: str) -> None:
    assert check(GOOD[name]) == []


def test_a_good_one_cycle_gets_honest_notes_alone() -> None:
    assert names(composed(one_cycle(120), interval="step")) == HONEST
    agreeing = composed(one_cycle(120, cycle_momentum=False), lr=0.04, interval="step")
    assert names(agreeing) == set()


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize(("epochs", "steps", "lr"), [(20, 30, 0.001), (90, 50, 0.1)])
def test_recipes_as_they_start(name: str, epochs: int, steps: int, lr: float) -> None:
    recipe = RECIPES[name]
    values = {parameter.name: parameter.start for parameter in recipe.fitted(epochs, steps, lr)}
    spec = recipe.expand(values, epochs, steps, lr)
    assert names(Composition(lr=lr, epochs=epochs, steps_per_epoch=steps, schedule=spec)) <= HONEST


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_presets(preset: Any) -> None:
    assert names(preset.composition) <= HONEST
