"""The settings of the LR finder: ranges, the catalogue that describes them, and the LR of each update."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from lrlab.errors import explain
from lrlab.experiments import FINDER_FIELDS, Finder


def test_the_catalogue_names_every_setting_with_its_default() -> None:
    assert {name: field.start for name, field in FINDER_FIELDS.items()} == Finder().model_dump()


@pytest.mark.parametrize("name", FINDER_FIELDS)
def test_a_control_gives_only_what_is_legal(name: str) -> None:
    field = FINDER_FIELDS[name]
    values = [value for value, _ in field.choices] or [field.min, field.max]
    for value in values:
        # The other bound goes along where this one passes it.
        apart = {"lowest": {"highest": 1000.0}, "highest": {"lowest": 1e-12}}.get(name, {})
        given = int(value) if field.kind == "int" else value
        assert getattr(Finder(**{**apart, name: given}), name) == given


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"lowest": 0}, "lowest"),
        ({"lowest": float("nan")}, "lowest"),
        ({"highest": 1001}, "highest"),
        ({"lowest": 0.1, "highest": 0.1}, "highest"),
        ({"lowest": 1, "highest": 0.1}, "highest"),
        ({"steps": 9}, "steps"),
        ({"steps": 10_001}, "steps"),
        ({"growth": "cubic"}, "growth"),
        ({"seeds": 0}, "seeds"),
        ({"seeds": 11}, "seeds"),
        ({"diverged": 1}, "diverged"),
        ({"min_lr": 1}, "min_lr"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_field(settings: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError) as error:
        Finder.model_validate(settings)
    assert [name for name, _ in explain(error.value)] == [field]


@pytest.mark.parametrize(
    ("growth", "expected"),
    [("exponential", np.geomspace(1e-6, 1, 25)), ("linear", np.linspace(1e-6, 1, 25))],
)
def test_the_lr_grows_from_lowest_to_highest(growth: str, expected: np.ndarray) -> None:
    finder = Finder(lowest=1e-6, highest=1, steps=25, growth=growth)
    np.testing.assert_allclose([finder.lr(step) for step in range(25)], expected, rtol=1e-12)


def test_updates_count_every_seed() -> None:
    assert Finder(steps=50, seeds=3).updates == 150
