"""predictions.parquet after every end of a run, against the model's file, torch itself and the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose

from lrlab.datasets import Dataset, delete_dataset, split
from lrlab.errors import LabError, NotFound
from lrlab.experiments import Validation
from lrlab.home import Home
from lrlab.runs import Beat, Predictions, Run, evaluate, load_predictions, request_stop, update
from lrlab.training import evaluation, session
from lrlab.training.checkpoints import load_model
from lrlab.training.predicting import Predictor
from lrlab.training.worker import attempt

from .conftest import CLASSES, TEST, VAL, MakeRun


def ended(home: Home, run: Run, state: str = "succeeded") -> Predictions | None:
    attempt(home, run)
    assert run.record.state == state, run.record.cause
    return load_predictions(run)


def present(found: Predictions | None) -> Predictions:
    assert found is not None
    return found


def test_every_image_that_was_not_learnt_from_has_its_row(home: Home, dataset: Dataset, make_run: MakeRun) -> None:
    run = make_run()
    found = present(ended(home, run))
    assert found.classes == dataset.classes
    assert found.epoch == run.record.result.best_epoch
    rows, images = split(dataset, Validation()), dataset.images
    for part, expected in (("val", rows.val), ("test", rows.test)):
        table = found.of(part)
        assert table["row"].tolist() == expected.tolist()
        assert table["file"].tolist() == images["name"].iloc[expected].tolist()
        assert table["label"].tolist() == [dataset.classes[label] for label in images["label"].iloc[expected]]
    assert len(found.frame) == (VAL + TEST) * len(CLASSES)


def test_rows_are_what_the_saved_model_says(home: Home, dataset: Dataset, make_run: MakeRun) -> None:
    """From the original files through torch's softmax and topk, one image at a time."""
    run = make_run(augment={"normalization": "dataset"})
    found = present(ended(home, run))
    predictor = Predictor(run)
    model, facts = load_model(run.best_model)
    margin = (predictor.square(dataset.root / dataset.images["file"][0]).shape[0] - facts.image_size) // 2
    for row in found.frame.itertuples():
        square = predictor.square(dataset.root / dataset.images["file"][row.row])
        seen = square[margin : margin + facts.image_size, margin : margin + facts.image_size] / 255
        image = torch.tensor((seen - np.array(facts.mean)) / np.array(facts.std), dtype=torch.float32)
        with torch.inference_mode():
            chances, places = model(image.permute(2, 0, 1)[None]).softmax(1)[0].topk(len(CLASSES))
        assert list(row.top_classes) == [dataset.classes[place] for place in places]
        assert row.predicted == row.top_classes[0]
        assert_allclose(row.top_probabilities, chances, atol=1e-5)
        label = list(row.top_classes).index(row.label)
        assert_allclose(row.probability, row.top_probabilities[label])
        assert_allclose(sum(row.top_probabilities), 1)


def test_they_come_to_the_accuracies_of_the_log(home: Home, make_run: MakeRun) -> None:
    # The LR of the last two epochs spoils what the first four have learnt: the best model is not the last one.
    ruin = {"scheduler": {"name": "MultiStepLR", "milestones": [4], "gamma": 100.0}}
    run = make_run(epochs=6, optimizer={"name": "Adam", "lr": 0.01}, schedule=ruin)
    found = present(ended(home, run))
    result, log = run.record.result, run.epochs
    assert evaluate(found, "val").accuracy == result.best_val_accuracy == log["val_accuracy"].max()
    assert log["val_accuracy"].iloc[-1] < result.best_val_accuracy
    assert evaluate(found, "test").accuracy == result.test_accuracy
    for part, loss in (("val", result.best_val_loss), ("test", result.test_loss)):
        assert_allclose(-np.log(found.of(part)["probability"]).mean(), loss, rtol=1e-5)


def test_they_are_there_after_early_stopping(home: Home, make_run: MakeRun) -> None:
    stop = {"monitor": "val_loss", "patience": 1, "min_delta": 1000}
    run = make_run(epochs=6, early_stopping=stop)
    found = present(ended(home, run))
    assert len(run.epochs) < 6
    assert evaluate(found, "val").accuracy == run.record.result.best_val_accuracy


@pytest.fixture
def stop_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[Run, int], None]:
    """`stop_at(run, 4)`: a person asks the run to stop while update 4 is made."""

    def arrange(run: Run, step: int) -> None:
        usual = Beat.batch

        def batch(self: Beat, seconds: float, **values: object) -> None:
            usual(self, seconds, **values)
            if values.get("step") == step:
                request_stop(run)

        monkeypatch.setattr(Beat, "batch", batch)

    return arrange


def test_they_are_there_after_a_stop_once_there_is_a_best_model(
    home: Home, make_run: MakeRun, stop_at: Callable[[Run, int], None]
) -> None:
    run = make_run()
    stop_at(run, 4)
    found = present(ended(home, run, "cancelled"))
    assert (found.epoch, found.splits) == (0, ("val",)), "test images are kept for the end of a run that may go on"
    result = run.record.result
    assert evaluate(found, "val").accuracy == result.best_val_accuracy == run.epochs["val_accuracy"][0]
    assert result.test_accuracy is None


def test_a_run_stopped_in_its_first_epoch_has_none(
    home: Home, make_run: MakeRun, stop_at: Callable[[Run, int], None]
) -> None:
    run = make_run()
    stop_at(run, 1)
    assert ended(home, run, "cancelled") is None


def test_a_person_who_stops_a_run_does_not_wait_for_them(
    home: Home, make_run: MakeRun, stop_at: Callable[[Run, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "AFTER_STOP", -1.0)
    monkeypatch.setattr(session, "eval_batch_size", lambda *_: 2)
    run = make_run()
    stop_at(run, 4)
    assert ended(home, run, "cancelled") is None
    assert run.record.result.test_accuracy is None


def test_the_disk_full_leaves_the_models_and_no_half_file(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(run: Run, predictions: Predictions, guard: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(evaluation, "store_predictions", full)
    run = make_run()
    assert ended(home, run, "failed") is None
    assert run.record.cause == "the disk is full"
    assert run.best_model.is_file() and run.last_model.is_file()


def test_equal_runs_have_equal_predictions(home: Home, make_run: MakeRun) -> None:
    first, second = (present(ended(home, make_run())).frame for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


def test_a_run_that_ended_without_them_gets_the_same_ones_later(home: Home, make_run: MakeRun) -> None:
    run = make_run(augment={"normalization": "dataset"})
    first = present(ended(home, run))
    run.predictions.unlink()
    evaluation.evaluate(home, run=run.id)
    second = present(load_predictions(run))
    pd.testing.assert_frame_equal(first.frame, second.frame)
    assert (first.classes, first.epoch) == (second.classes, second.epoch)


@pytest.mark.parametrize("state", ["failed", "lost"])
def test_asked_later_the_score_of_the_test_images_is_kept(home: Home, make_run: MakeRun, state: str) -> None:
    run = make_run()
    ended(home, run)
    result = run.record.result
    run.predictions.unlink()
    update(run, state=state, result=result.model_copy(update={"test_accuracy": None, "test_loss": None}))
    evaluation.evaluate(home, run=run.id)
    assert run.record.result == result and result.test_accuracy is not None


def test_asked_later_a_stopped_run_keeps_its_test_images(
    home: Home, make_run: MakeRun, stop_at: Callable[[Run, int], None]
) -> None:
    run = make_run()
    stop_at(run, 4)
    first = present(ended(home, run, "cancelled"))
    run.predictions.unlink()
    before = run.record
    evaluation.evaluate(home, run=run.id)
    second = present(load_predictions(run))
    assert second.splits == ("val",) and run.record == before
    pd.testing.assert_frame_equal(first.frame, second.frame)


def test_who_trains_a_run_on_meanwhile_is_not_written_over(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    ended(home, run)
    run.predictions.unlink()
    real = evaluation.load_model

    def resumed_meanwhile(*arguments: Any) -> Any:
        update(run, state="queued")
        return real(*arguments)

    monkeypatch.setattr(evaluation, "load_model", resumed_meanwhile)
    with pytest.raises(LabError, match="was trained on meanwhile"):
        evaluation.evaluate(home, run=run.id)
    assert not run.predictions.exists()


def test_what_cannot_be_asked_later_is_said(home: Home, make_run: MakeRun, dataset: Dataset) -> None:
    run = make_run()
    with pytest.raises(LabError, match="is at work; its predictions are written when it ends"):
        evaluation.evaluate(home, run=run.id)
    update(run, state="failed")
    with pytest.raises(NotFound, match="has no best model"):
        evaluation.evaluate(home, run=run.id)
    run.best_model.touch()
    delete_dataset(home, dataset.id)
    with pytest.raises(NotFound, match="the data set 'colours' was deleted"):
        evaluation.evaluate(home, run=run.id)


def test_images_are_counted_and_not_their_batches(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    ended(home, run)
    monkeypatch.setattr(evaluation, "eval_batch_size", lambda *_: 7)
    told: list[tuple[str, int, int]] = []
    evaluation.evaluate(home, run=run.id, progress=lambda *said: told.append(said))
    val, test = (len(CLASSES) * count for count in (VAL, TEST))
    assert [said for said in told if "evaluating" in said[0]] == [
        *(("evaluating validation images", done, val) for done in (7, 14, val)),
        *(("evaluating test images", done, test) for done in (7, test)),
    ]
