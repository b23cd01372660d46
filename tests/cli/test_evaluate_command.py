"""`evaluate` prints what `runs.evaluation` computes, whose values are worked out by hand in tests/runs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from lrlab.home import Home
from lrlab.runs import Predictions, Run, store_predictions, tabulated

from .conftest import Lrlab

CLASSES = ("bright", "dark")


@pytest.fixture
def evaluated(home: Home, make_run: Callable[..., Run]) -> Run:
    """Validation: 2 of 3 bright and 1 of 1 dark image right. Test: one bright image, right."""
    scores = np.array([[2, 0], [1, 0], [0, 3], [0, 1]], dtype=float)
    labels = np.array([0, 0, 0, 1])
    files = ["a.png", "b.png", "c\x1b[2J.png", "d.png"]
    val = tabulated("val", np.arange(4), files, labels, scores, CLASSES)
    test = tabulated("test", np.array([7]), ["e.png"], labels[:1], scores[:1], CLASSES)
    run = make_run()
    store_predictions(run, Predictions(pd.concat([val, test], ignore_index=True), CLASSES, 1))
    return run


def test_for_a_person(evaluated: Run, lrlab: Lrlab) -> None:
    done = lrlab("evaluate", evaluated.id)
    assert (done.code, done.err) == (0, "")
    lines = [line.split() for line in done.out.splitlines()]
    assert done.out.splitlines()[0].endswith("3 of 4 validation images right, 75.0 %")
    assert ["bright", "3", "100.0", "%", "66.7", "%", "80.0", "%"] in lines
    assert ["dark", "1", "50.0", "%", "100.0", "%", "66.7", "%"] in lines
    assert ["(macro", "mean)", "75.0", "%", "83.3", "%", "73.3", "%"] in lines
    assert "bright taken for dark: 1 (33.3 %)" in done.out
    assert ["c\\x1b[2J.png", "bright", "dark", "95.3", "%"] in lines  # 1 / (1 + exp(-3)); the escape is disarmed


def test_as_json(evaluated: Run, lrlab: Lrlab) -> None:
    val, test = (lrlab("evaluate", evaluated.id, "--split", part, "--json").json for part in ("val", "test"))
    assert (val["confusion"], val["accuracy"], val["epoch"]) == ([[2, 1], [0, 1]], 0.75, 1)
    assert val["per_class"][0] == {
        "class": "bright", "images": 3, "predicted": 2, "precision": 1.0, "recall": pytest.approx(2 / 3), "f1": 0.8,
    }  # fmt: skip
    assert [one["row"] for one in val["mistakes"]] == [2]
    assert test["confusion"] == [[1, 0], [0, 0]]
    assert test["per_class"][1]["recall"] is None  # no dark image was tested
    assert test["means"]["macro"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0}


def test_what_is_not_there_is_refused(home: Home, make_run: Callable[..., Run], evaluated: Run, lrlab: Lrlab) -> None:
    run = make_run()
    done = lrlab("evaluate", run.id)
    assert done.code == 2
    assert done.err == f"error: run {run.id} has no best model\n"
    rows = tabulated("val", np.array([0]), ["a"], np.array([0]), np.array([[1.0, 0]]), CLASSES)
    store_predictions(run, Predictions(rows, CLASSES, 0))
    assert "--split: got test, but the data set has no test images" in lrlab("evaluate", run.id, "--split", "test").err
