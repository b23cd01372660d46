"""Settings out of their range, from a terminal: refused before a run is made, naming field, value and what is allowed.

The tables are those of tests/experiments and tests/schedules, whose own tests see that no field is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lrlab.cli import main
from lrlab.datasets import add_dataset
from lrlab.home import Home
from lrlab.jobs import Queue
from tests.experiments.test_experiment import CASES as OF_EXPERIMENTS
from tests.schedules.test_bad_specs import CASES as OF_SCHEDULERS

# What only the images decide: settings, field, what is said. The data set has 3 images to train on.
OF_IMAGES: list[tuple[dict[str, Any], str, str]] = [
    ({"dataset": "nothing"}, "dataset", "there is no data set 'nothing'; there are: single, few"),
    ({"dataset": "../few"}, "dataset", "there is no data set '../few'"),
    ({"batch_size": 4}, "batch_size", "got 4, allowed: at most 3, the number of training images"),
    ({"batch_size": 2, "accumulate": 2}, "accumulate", "got 2, allowed: at most 1"),
    ({"dataset": "single"}, "dataset", "single has no class of 2 images or more"),
    (
        {"optimizer": {"name": "SGD", "lr": 1000}, "schedule": {"scheduler": {"name": "LambdaLR", "formula": "2"}}},
        "schedule", "1000",
    ),
    (
        {"schedule": {"scheduler": {"name": "LambdaLR", "formula": "1/(epoch-5)**2"}}}, "formula",
        "divides by zero at epoch 5",
    ),
]  # fmt: skip


@pytest.fixture
def lab(home: Home, contents, make_zip) -> Home:
    """A lab with two small data sets; a run that was made would call for a supervisor, which fails a test."""
    add_dataset(home, make_zip(contents("A/1.png A/2.png B/1.png B/2.png C/1.png")), "few")
    add_dataset(home, make_zip(contents("A/1.png B/1.png")), "single")
    return home


def cases() -> list[tuple[dict[str, Any], str, str]]:
    nested = [
        ({"schedule": {"scheduler": scheduler}}, f"schedule.scheduler.{field}".rstrip("."), sentence)
        for scheduler, field, sentence in OF_SCHEDULERS
    ]
    return [*OF_EXPERIMENTS, *nested, *OF_IMAGES]


def test_every_field_is_refused_before_a_run_is_made(
    lab: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str], figure: Callable[[str, str], None]
) -> None:
    path = tmp_path / "experiment.json"
    fields: set[str] = set()
    for changes, name, sentence in cases():
        settings = {"dataset": "few", "batch_size": 1, "epochs": 8, "device": "cpu", **changes}
        path.write_text(json.dumps(settings))
        code = main(["train", str(path), "--detach"])
        said = capsys.readouterr()
        assert code == 2, (changes, said)
        assert said.out == ""
        assert sentence in " ".join(said.err.split()), (changes, said.err)
        assert name.rpartition(".")[2] in said.err, (changes, said.err)
        assert "Traceback" not in said.err
        fields.add(name)
    assert list(lab.runs.iterdir()) == []
    with Queue(lab) as queue:
        assert queue.claimed() == []
    figure("settings", f"{len(cases())} wrong values in {len(fields)} fields: each refused by name, 0 runs made")
