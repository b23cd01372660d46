"""What the best model says of the images that it did not learn from: predictions.parquet, and the test's score."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from lrlab.datasets import Dataset, Progress, decoded, load_dataset, split
from lrlab.errors import LabError, NotFound, shown
from lrlab.experiments import Experiment
from lrlab.home import Home
from lrlab.runs import FINAL, Predictions, Run, RunRecord, load_run, locked, revise, store_predictions, tabulated
from lrlab.training.batches import EvalBatches, Pictures, eval_batch_size
from lrlab.training.checkpoints import load_model
from lrlab.training.devices import Device, choose_device
from lrlab.training.loop import Score
from lrlab.training.memory import as_many_as_fit
from lrlab.training.normalization import Normalization

PARTS = {"val": "validation", "test": "test"}
"""The parts of the images as the table of predictions and as a person call them."""

_log = logging.getLogger(__name__)


class TooSlow(Exception):
    """The time that was given for an evaluation is over."""


def scores(
    model: nn.Module,
    batches: EvalBatches,
    device: Device,
    progress: Progress,
    what: str = "",
    until: float = float("inf"),
) -> NDArray[np.float32]:
    """What `model`, in evaluation mode, gives for each image of `batches`, in order: shape (N, classes).

    `progress` hears after every batch for how many images `what` is done. TooSlow where `time.monotonic()` is past
    `until`.
    """

    def passed(batches: EvalBatches) -> NDArray[np.float32]:
        found, whole = [], len(batches.rows)
        for done, (images, _) in enumerate(batches, start=1):
            with torch.inference_mode(), device.autocast():
                found.append(model(images).float().cpu().numpy())
            progress(what, min(done * batches.batch_size, whole), whole)
            if done < len(batches) and time.monotonic() > until:
                raise TooSlow
        return np.concatenate(found)

    return as_many_as_fit(batches, passed)


def write_predictions(
    run: Run,
    dataset: Dataset,
    parts: Mapping[str, EvalBatches],
    device: Device,
    progress: Progress,
    seconds: float = float("inf"),
    guard: AbstractContextManager[object] | None = None,
) -> dict[str, Score]:
    """Passes `parts` ("val" and perhaps "test") through the best model of `run` and writes predictions.parquet.

    Returns the score of each part, as `Loop.evaluate` would give it. Where that takes more than `seconds` nothing is
    written and nothing returned: a person who stopped a run shall not wait. `guard`: as `store_predictions`'s.
    """
    until = time.monotonic() + seconds
    model, facts = load_model(run.best_model, device.device)
    tables, found = [], {}
    for part, batches in parts.items():
        try:
            given = scores(model, batches, device, progress, f"evaluating {PARTS[part]} images", until)
        except TooSlow:
            _log.info("no predictions: they would have taken longer than the %.0f seconds after a stop", seconds)
            return {}
        images = dataset.images.iloc[batches.rows]
        labels = images["label"].to_numpy(dtype=np.int64)
        tables.append(tabulated(part, batches.rows, images["name"].tolist(), labels, given, facts.classes))
        found[part] = _score(given, labels)
    store_predictions(run, Predictions(pd.concat(tables, ignore_index=True), facts.classes, facts.epoch), guard)
    return found


def evaluate(home: Home, *, run: str, progress: Progress = lambda what, done, total: None) -> None:
    """The question "evaluate": predictions.parquet for a run that ended without one, as one that failed did.

    Of a run that a person stopped the validation images alone: its test images are looked at when it comes to its end.
    `progress` hears of the images that are decoded, where that was not done yet, read, and passed.
    LabError where the run is at work, NotFound where it has no best model or its data set was deleted.
    """
    ended = load_run(run, home)
    record, experiment = ended.record, ended.experiment
    if ended.state not in FINAL:
        raise LabError(f"run {run} is at work; its predictions are written when it ends", field="run")
    if not ended.best_model.is_file():
        raise NotFound(f"run {run} has no best model", field="run")
    try:
        dataset = load_dataset(home, record.dataset.id)
    except NotFound as error:
        raise NotFound(f"the data set {shown(record.dataset.name)} was deleted", field="dataset") from error
    device = device_for(experiment)
    _, facts = load_model(ended.best_model)
    images = decoded(home, dataset, facts.image_size, progress)
    labels = dataset.images["label"].to_numpy(dtype=np.int64)
    pictures = Pictures(images, labels, facts.image_size, device.device, Normalization(facts.mean, facts.std), progress)
    rows = split(dataset, experiment.validation)
    together = eval_batch_size(experiment.batch_size, facts.image_size, device.device)
    asked = {"val": rows.val} | ({"test": rows.test} if record.state != "cancelled" else {})
    parts = {part: EvalBatches(pictures, chosen, together) for part, chosen in asked.items() if len(chosen)}
    found = write_predictions(ended, dataset, parts, device, progress, guard=_as_it_ended(ended, record))
    if "test" in found:
        score = found["test"]
        tested = {"test_accuracy": score.accuracy, "test_loss": score.loss}

        def add(now: RunRecord) -> dict[str, object]:
            return {"result": now.result.model_copy(update=tested)} if _is_as_it_ended(now, record) else {}

        revise(ended, add)


@contextmanager
def _as_it_ended(run: Run, record: RunRecord) -> Iterator[None]:
    """Nobody can train `run` on meanwhile; LabError where somebody has since `record` was read."""
    with locked(run):
        if not _is_as_it_ended(run.record, record):
            raise LabError(f"run {run.id} was trained on meanwhile; its predictions are written when it ends", "run")
        yield


def _is_as_it_ended(now: RunRecord, then: RunRecord) -> bool:
    return now.state in FINAL and len(now.attempts) == len(then.attempts)


def device_for(experiment: Experiment) -> Device:
    """The quickest device that is here, for a model that is trained; in the run's own precision where it has that."""
    name = experiment.model.name
    try:
        return choose_device("auto", name, experiment.precision)
    except LabError:
        return choose_device("auto", name)


def _score(given: NDArray[np.float32], labels: NDArray[np.int64]) -> Score:
    """The mean cross entropy and the accuracy of these scores, shape (N, classes)."""
    exact = torch.from_numpy(given).double()
    loss = torch.nn.functional.cross_entropy(exact, torch.tensor(labels))
    return Score(float(loss), float((given.argmax(axis=1) == labels).mean()))
