"""docs/SCHEDULES.md is true: what it shows can be read, and it leaves nothing out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lrlab.schedules import CATALOGUE, PRESETS, RECIPES, Composition, ScheduleSpec, from_link, to_link
from lrlab.schedules.checks import RULES
from lrlab.schedules.formula import CONSTANTS, FUNCTIONS, VARIABLES

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "SCHEDULES.md").read_text(encoding="utf-8")
SPECS = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("spec", SPECS, ids=lambda text: json.loads(text)["scheduler"]["name"])
def test_a_schedule_that_it_shows_has_a_curve(spec):
    schedule = ScheduleSpec.model_validate_json(spec)
    assert len(Composition(schedule=schedule).curve().lr) == 600


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_scheduler_is_in_it(name):
    assert re.search(rf"[|,] {name}(,| \|)", TEXT)


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("Formulas", (*VARIABLES, *FUNCTIONS, *CONSTANTS)),
        ("Recipes and presets", tuple(RECIPES)),
        ("Checks", tuple(rule.name for rule in RULES)),
    ],
)
def test_every_name_is_in_its_table_and_no_other(part, names):
    section = TEXT.partition(f"## {part}\n")[2].partition("\n## ")[0]
    rows = "\n".join(line for line in section.splitlines() if line.startswith("|"))
    assert sorted(re.findall(r"`([a-z0-9-]+)(?:\([^`]*\))?`", rows)) == sorted(names)


def test_its_link_is_the_preset_it_names():
    (link,) = re.findall(r"\?schedule=(\S+\w)", TEXT.partition("```text")[2])
    preset = next(preset for preset in PRESETS if preset.name == "resnet50-imagenet")
    assert from_link(link) == preset.composition
    assert to_link(preset.composition) == link
