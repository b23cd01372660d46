"""docs/EXPERIMENT.md is what the catalogues make of it, and its ranges are those that an Experiment keeps."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from lrlab.experiments import EXPERIMENT_PRESETS, FIELDS, MODELS, OPTIMIZERS, Experiment
from lrlab.experiments.document import allowed, document

PATH = Path(__file__).resolve().parents[1] / "docs" / "EXPERIMENT.md"
AGAIN = "write it anew: python -m lrlab.experiments.document > docs/EXPERIMENT.md"


def test_the_file_is_current():
    assert PATH.read_text(encoding="utf-8") == document(), AGAIN


def test_its_example_is_an_experiment():
    (example,) = re.findall(r"```json\n(.*?)```", document(), re.DOTALL)
    assert Experiment.model_validate(json.loads(example)).model.name == "resnet18"


def test_it_names_every_setting_and_choice():
    names = re.findall(r"^\| `([^`]+)`", document(), re.MULTILINE)
    own = [f"optimizer.{field.name}" for entry in OPTIMIZERS.values() for field in entry.parameters]
    assert names == [*FIELDS, *MODELS, *own, *EXPERIMENT_PRESETS]


@pytest.mark.parametrize(
    ("name", "text", "inside", "outside"),
    [
        ("epochs", "whole number, 1 to 10,000", [1, 10_000], [0, 10_001, 1.5]),
        ("validation.fraction", "above 0 to below 1", [0.001, 0.999], [0, 1]),
        ("augment.hue", "0 to 0.5", [0, 0.5], [-0.1, 0.51]),
        ("clip.limit", "above 0 to 1,000,000", [1e-9, 1e6], [0, 1.1e6]),
        ("grad_norm", "`true`, `false`", [True, False], ["perhaps"]),
        ("clip.by", "`none`, `norm`, `value`", ["none", "norm", "value"], ["both"]),
        ("model.batch_norm", "`true`, `false` or `null`", [True, False, None], ["perhaps"]),
        ("name", "text of at most 120 characters", ["x" * 120], ["x" * 121]),
    ],
)
def test_a_range_in_words_is_the_range_that_is_kept(name, text, inside, outside):
    assert allowed(name) == text
    part, _, inner = name.partition(".")
    for value in [*inside, *outside]:
        raw = {"dataset": "any", part: {inner: value} if inner else value}
        if value in inside:
            Experiment.model_validate(raw)
        else:
            with pytest.raises(ValidationError):
                Experiment.model_validate(raw)
