"""What the Train page shows below a finished run: nothing before, all of it after, and names only as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lrlab import jobs
from lrlab.datasets import delete_dataset
from lrlab.jobs import EvaluationStatus
from lrlab.runs import DatasetFacts, Predictions, Run, store_predictions, tabulated, update
from lrlab.ui.evaluation import texts

HOSTILE = "![x](x.png) **b** :red[c]"


@pytest.fixture
def finished(start_run: Callable[..., Any], noise: Callable[..., Any]) -> Callable[..., Run]:
    """A run that ended with predictions: of 6 validation images of two classes, 4 right; of 2 test images, none."""

    def make(classes: tuple[str, ...] = ("Dark", "Light"), test: bool = True, state: str = "succeeded") -> Run:
        worker = start_run(epochs=1)
        dataset = noise()
        facts = DatasetFacts(id=dataset.id, name=dataset.name, classes=classes, train=12, val=6, test=2 if test else 0)
        update(worker.run, dataset=facts)
        worker.train()
        # the larger the number, the surer
        said = {"val": [(0, 1), (0, 2), (0, -3), (1, 4), (1, 5), (1, -6)], "test": [(0, -1), (1, -2)]}
        frames = []
        for part in ("val", "test") if test else ("val",):
            labels = np.array([label for label, _ in said[part]])
            scores = np.array([[sure, 0] if label == 0 else [0, sure] for label, sure in said[part]], dtype=float)
            files = [f"{part}/{place}.png" for place in range(len(labels))]
            frames.append(tabulated(part, np.arange(len(labels)), files, labels, scores, classes))
        store_predictions(worker.run, Predictions(pd.concat(frames, ignore_index=True), classes, 0))
        return worker.end(state)

    return make


def shown(page: Any) -> str:
    return "\n".join(element.value for element in page.get("text"))


def test_a_run_at_work_shows_nothing_of_it(open_page, start_run, component):
    page = open_page("train", run=start_run().train(2).run.id)
    assert component(page, "mistakes") is None and component(page, "own_image") is None
    assert texts.TITLE not in "".join(one.value for one in page.markdown)


def test_a_finished_run_shows_its_mistakes_and_takes_images(open_page, finished, component):
    run = finished()
    page = open_page("train", run=run.id)
    assert "The best model, of epoch 1, names 4 of 6 validation images right: 66.7 %." in shown(page)
    assert "Most often it takes Dark for Light (1 of 3) and Light for Dark (1 of 3)." in shown(page)
    wrong = component(page, "mistakes")
    assert [(one["file"], one["label"], one["predicted"]) for one in wrong["items"]] == [
        ("val/5.png", "Light", "Dark"),
        ("val/2.png", "Dark", "Light"),
    ]
    assert wrong["items"][0] | {"sure": "99.8 %", "right": "0.2 %", "row": 5} == wrong["items"][0]
    assert wrong["address"] == f"/api/datasets/{run.record.dataset.id}/thumbnail"
    table = next(one.value for one in page.dataframe if texts.COLUMNS["recall"] in one.value)
    assert table.iloc[:, 0].tolist() == ["Dark", "Light"]
    assert table[texts.COLUMNS["recall"]].tolist() == pytest.approx([200 / 3, 200 / 3])
    own = component(page, "own_image")
    assert (own["address"], own["models"]) == (f"/api/runs/{run.id}/predict", ["best", "last"])


def test_the_test_images_are_a_choice(open_page, finished, component, run_page):
    run = finished()
    page = open_page("train", run=run.id)
    (choice,) = [one for one in page.segmented_control if one.label == texts.PART]
    choice.set_value("test")
    run_page(page)
    assert "names 0 of 2 test images right: 0.0 %." in shown(page)
    assert [one["file"] for one in component(page, "mistakes")["items"]] == ["test/1.png", "test/0.png"]


def test_without_test_images_there_is_nothing_to_choose(open_page, finished):
    page = open_page("train", run=finished(test=False).id)
    assert [one for one in page.segmented_control if one.label == texts.PART] == []


def test_a_deleted_data_set_takes_the_pictures_with_it_and_nothing_else(open_page, finished, component, home):
    run = finished()
    delete_dataset(home, run.record.dataset.id)
    wrong = component(open_page("train", run=run.id), "mistakes")
    assert wrong["address"] is None and len(wrong["items"]) == 2


def test_names_are_never_markdown(open_page, finished, component):
    page = open_page("train", run=finished(classes=(HOSTILE, "Light")).id)
    assert HOSTILE in shown(page)
    for element in [*page.markdown, *page.caption]:
        assert HOSTILE not in element.value
    assert component(page, "mistakes")["items"][0]["predicted"] == HOSTILE


@pytest.mark.parametrize("state", ["succeeded", "cancelled", "failed"])
def test_a_run_without_predictions_says_why_and_still_takes_images(open_page, start_run, component, state):
    page = open_page("train", run=start_run(epochs=1).train().end(state).id)
    assert texts.without(state, 40) in [one.value for one in page.markdown]
    assert component(page, "mistakes") is None
    assert component(page, "own_image") is not None


def test_predictions_that_are_missing_are_asked_for(open_page, finished, component, run_page, monkeypatch):
    run = finished()
    content = run.predictions.read_bytes()
    run.predictions.unlink()
    page = open_page("train", run=run.id)
    comes = [EvaluationStatus(error="the data set 'coffee' was deleted"), EvaluationStatus("evaluating", 3, 1000)]
    standing: list[EvaluationStatus | None] = [None]
    monkeypatch.setattr(jobs, "start_evaluation", lambda home, run_id: standing.append(comes.pop(0)))
    monkeypatch.setattr(jobs, "evaluation_status", lambda home, run_id: standing[-1])

    next(one for one in page.button if one.label == texts.MAKE).click()
    run_page(page)
    assert any("was deleted" in one.proto.body for one in page.get("html"))
    next(one for one in page.button if one.label == texts.MAKE).click()
    run_page(page)
    for reloaded in (page, open_page("train", run=run.id)):
        assert [one.proto.text for one in reloaded.get("progress")] == ["Evaluating: 3 of 1,000"]
        assert [one for one in reloaded.button if one.label == texts.MAKE] == []

    run.predictions.write_bytes(content)
    standing.append(None)
    run_page(page)
    assert component(page, "mistakes") is not None


def test_damaged_predictions_are_said_and_take_nothing_else_down(open_page, finished, component):
    run = finished()
    run.predictions.write_bytes(b"nothing")
    page = open_page("train", run=run.id)
    refusals = [one.proto.body for one in page.get("html") if "lrlab-refusal" in one.proto.body.split(">")[0]]
    assert f"predictions.parquet of run {run.id} is damaged" in "".join(refusals)
    assert component(page, "own_image") is not None


def test_a_model_without_mistakes_says_so(open_page, finished, component):
    run = finished()
    rows = tabulated("val", np.arange(2), ["a", "b"], np.array([0, 1]), np.eye(2), ("Dark", "Light"))
    store_predictions(run, Predictions(rows, ("Dark", "Light"), 0))
    page = open_page("train", run=run.id)
    assert texts.NO_MISTAKES in [one.value for one in page.markdown]
    assert component(page, "mistakes") is None
