"""`train` refuses what cannot train, before anything is made: the sentence names field, value and what is allowed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lrlab.home import Home

from .conftest import Lrlab

BAD: dict[str, tuple[Any, tuple[str, ...], str]] = {
    "no data set": ({}, (), "dataset: is required"),
    "an unknown data set": ({"dataset": "tea"}, (), "dataset: there is no data set 'tea'; there are: lights"),
    "a batch larger than the training set": (
        {}, ("dataset=lights", "batch_size=64"), "batch_size: got 64, allowed: at most 20",
    ),
    "an LR of 0": (
        {"dataset": "lights"}, ("optimizer.name=SGD", "optimizer.lr=0"), "optimizer.lr: got 0, allowed: above 0",
    ),
    "milestones out of order": (
        {"dataset": "lights", "schedule": {"scheduler": {"name": "MultiStepLR", "milestones": [5, 3]}}}, (),
        "schedule.scheduler.milestones: got [5, 3], allowed: milestones in increasing order",
    ),
    "an LR that explodes": (
        {"dataset": "lights", "batch_size": 4, "epochs": 50}, (
            'schedule.scheduler={"name": "ExponentialLR", "gamma": 2}',
        ),
        "the LR reaches",
    ),
    "an unknown setting": ({"dataset": "lights"}, ("rate=1",), "rate: is not a known setting (got 1)"),
    "an unknown model": (
        {"dataset": "lights"}, ("model.name=vgg",), "model.name: got 'vgg', allowed: small_cnn, vgg_light, ",
    ),
    "a setting without a value": ({"dataset": "lights"}, ("epochs",), "--set: got 'epochs', allowed: key=value"),
    "no object": ([1], (), "the experiment: got [1], allowed: an object"),
    "no JSON": ("{", (), "line 1, column 2: is not JSON"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_train_is_refused_and_leaves_nothing(
    lrlab: Lrlab, home: Home, pictures: Path, tmp_path: Path, case: str
) -> None:
    document, settings, message = BAD[case]
    assert lrlab("data", "add", pictures).code == 0
    path = tmp_path / "experiment.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    done = lrlab("train", path, *(word for setting in settings for word in ("--set", setting)))
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert done.out == ""
    assert list(home.runs.iterdir()) == []
    assert not home.supervisor_log.exists(), "no supervisor was started"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--preset", "food"), "--preset: got 'food', allowed: food-fixed, food-steps"),
        (("--preset", "food-steps"), "dataset: is required"),
        (("--preset", "food-steps", "--set", "dataset=tea"), "there is no data set 'tea'"),
        (("experiment.json", "--preset", "food-steps"), "either EXPERIMENT.json or --preset NAME"),
        ((), "either EXPERIMENT.json or --preset NAME"),
    ],
)
def test_a_preset_stands_in_for_a_file(lrlab: Lrlab, home: Home, words: tuple[str, ...], message: str) -> None:
    done = lrlab("train", *words)
    assert done.code == 2
    assert message in done.err
    assert not home.runs.is_dir() or list(home.runs.iterdir()) == []
