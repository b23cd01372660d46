"""The finder's worker: what it trains on, where it ends, and that nothing that trains later feels it."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lrlab.datasets import load_dataset, split
from lrlab.experiments import Experiment, Finder
from lrlab.home import Home
from lrlab.runs import DatasetFacts, Run, create_run, request_stop
from lrlab.runs.finder import findings
from lrlab.training import finder as training_finder
from lrlab.training import work
from lrlab.training.finder import random_numbers_kept, rising

from .conftest import MakeRun

SMALL = Finder(lowest=1e-5, highest=1, steps=12)


@pytest.fixture
def search(home: Home, dataset: Any) -> Any:
    """`search(finder, **settings)`: a queued search on the colours, 16 px, on the CPU; settings are Experiment's."""

    def make(finder: Finder = SMALL, **settings: Any) -> Run:
        values = {"dataset": dataset.name, "image_size": 16, "batch_size": 10, "device": "cpu", **settings}
        experiment = Experiment.model_validate(values)
        parts = split(load_dataset(home, dataset.name), experiment.validation)
        facts = DatasetFacts(
            id=dataset.id, name=dataset.name, classes=dataset.classes, train=len(parts.train), val=len(parts.val)
        )
        return create_run(home, experiment, dataset=facts, steps_per_epoch=finder.steps, finder=finder)

    return make


@pytest.fixture(autouse=True)
def _worker_log_elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("lrlab.training.worker._write_to", lambda path: None)
    monkeypatch.setattr("lrlab.training.worker._stand_back", lambda: None)
    yield


def digest(folder: Path) -> dict[str, str]:
    """Every file below `folder` by its name and content."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def trained(run: Run) -> dict[str, Any]:
    """What a run left that must be the same again: every number of its log but times, and its weights."""
    from safetensors.torch import load_file

    assert run.record.state == "succeeded", run.record.cause
    timed = ["time", "seconds", "images_per_second"]
    logs = [frame.drop(columns=[name for name in timed if name in frame]).to_csv() for frame in (run.steps, run.epochs)]
    weights = {name: tensor.numpy().tobytes() for name, tensor in load_file(run.last_model).items()}
    return {"logs": logs, "weights": weights}


@pytest.mark.parametrize("growth", ["exponential", "linear"])
def test_every_update_is_made_with_the_finders_lr(home: Home, search: Any, growth: str) -> None:
    finder = SMALL.model_copy(update={"growth": growth})
    run = search(finder)
    assert work(home, run.id) == 0
    steps = run.steps
    assert run.record.state == "succeeded", run.record.cause
    assert list(steps["step"]) == list(range(12))
    np.testing.assert_allclose(steps["lr"], [finder.lr(step) for step in range(12)], rtol=1e-9)
    assert not run.best_model.exists()
    assert not run.last_model.exists()
    assert not len(run.epochs)


def test_a_fault_in_lab_toml_spoils_no_search(home: Home, search: Any) -> None:
    home.settings.write_text("[jobs")
    assert work(home, search(SMALL).id) == 0


@pytest.mark.parametrize(
    ("groups", "ratios"),
    [
        ({"by": "head", "multiplier": 0.1}, {"backbone": 0.1, "head": 1.0}),
        (
            {"by": "pattern", "groups": [{"name": "head", "pattern": "head.*", "lr": 0.02}]},
            {"head": 20.0, "rest": 1.0},
        ),
    ],
)
def test_groups_keep_their_ratios(home: Home, search: Any, groups: dict[str, Any], ratios: dict[str, float]) -> None:
    run = search(param_groups=groups)
    assert work(home, run.id) == 0
    steps = run.steps
    for name, ratio in ratios.items():
        np.testing.assert_allclose(steps[f"lr_{name}"], ratio * steps["lr"], rtol=1e-9)


def test_the_first_update_sees_what_training_sees_first(home: Home, search: Any, make_run: MakeRun) -> None:
    """Same weights, same images, same loss with its smoothing, on whatever schedule the run has."""
    settings = {
        "regularization": {"label_smoothing": 0.1, "class_weights": "balanced"},
        "augment": {"rotation": 20, "mixup": 0.4},
        "accumulate": 2,
    }
    run, found = make_run(epochs=1, **settings), search(**settings)
    # A run says its steps per epoch; with two batches to an update there is one.
    from lrlab.runs import update

    update(run, steps_per_epoch=1)
    assert work(home, run.id) == work(home, found.id) == 0
    assert found.steps["loss"][0] == run.steps["loss"][0]


def test_each_seed_begins_anew(home: Home, search: Any) -> None:
    both, alone = search(SMALL.model_copy(update={"seeds": 2}), seed=3), search(SMALL, seed=4)
    assert work(home, both.id) == work(home, alone.id) == 0
    second = both.steps[both.steps["epoch"] == 1].reset_index(drop=True)
    assert second["loss"].tolist() == alone.steps["loss"].tolist()
    assert second["smoothed"].tolist() == alone.steps["smoothed"].tolist()
    assert second["step"].tolist() == list(range(12, 24))
    assert both.steps["loss"][0] != second["loss"][0]


@pytest.mark.parametrize(
    ("finder", "optimizer"),
    [
        pytest.param(Finder(lowest=10, highest=1000, steps=40), {"name": "SGD"}, id="far too high"),
        pytest.param(Finder(lowest=1e-6, highest=1000, steps=40), {"name": "SGD"}, id="in the end"),
    ],
)
def test_a_sweep_ends_where_the_loss_diverges(
    home: Home, search: Any, finder: Finder, optimizer: dict[str, Any]
) -> None:
    run = search(finder, optimizer=optimizer)
    assert work(home, run.id) == 0
    assert run.record.state == "succeeded", run.record.cause
    smoothed = run.steps["smoothed"].to_numpy()
    assert len(smoothed) < 40
    assert not smoothed[-1] <= 4 * np.nanmin(smoothed)
    assert (smoothed[:-1] <= 4 * np.minimum.accumulate(smoothed)[:-1]).all()
    assert findings(finder, run.steps).sweeps[0].diverged


def test_a_loss_that_is_no_number_ends_a_sweep_not_the_search(
    home: Home, search: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    update = training_finder.Rise._update

    def spoilt(self: Any, batches: Any) -> None:
        update(self, batches)
        seen.append(len(seen))
        if len(seen) == 3:
            self.loss = torch.tensor(math.nan)

    monkeypatch.setattr(training_finder.Rise, "_update", spoilt)
    run = search(SMALL.model_copy(update={"seeds": 2}))
    assert work(home, run.id) == 0
    assert run.record.state == "succeeded"
    first, second = (run.steps[run.steps["epoch"] == sweep] for sweep in (0, 1))
    assert len(first) == 3
    assert math.isnan(first["loss"].iloc[-1])
    assert len(second) == 12


def test_a_person_can_stop_it_and_keeps_the_rows(home: Home, search: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = search(SMALL)
    write = training_finder.Sweeper.after_update

    def counted(self: Any, loop: Any) -> None:
        write(self, loop)
        if loop.step == 4:
            request_stop(run)

    monkeypatch.setattr(training_finder.Sweeper, "after_update", counted)
    assert work(home, run.id) == 0
    assert run.record.state == "cancelled"
    assert len(run.steps) == 5


def test_nothing_that_trains_later_feels_it(home: Home, search: Any, make_run: MakeRun) -> None:
    """In one process: a run, a search, the same run again. Byte for byte the same log and weights."""
    settings = {"epochs": 2, "augment": {"rotation": 10, "mixup": 0.3}, "optimizer": {"name": "SGD", "lr": 0.01}}
    before, after, found = make_run(**settings), make_run(**settings), search(SMALL, **settings)
    assert work(home, before.id) == 0
    files = digest(before.folder)
    images = digest(home.datasets)
    states = random.getstate(), np.random.get_state()[1].tobytes(), torch.get_rng_state()
    assert work(home, found.id) == 0
    assert found.record.state == "succeeded", found.record.cause
    assert random.getstate() == states[0]
    assert np.random.get_state()[1].tobytes() == states[1]
    assert torch.equal(torch.get_rng_state(), states[2])
    assert digest(before.folder) == files
    assert digest(home.datasets) == images
    assert work(home, after.id) == 0
    assert trained(after) == trained(before)


def test_random_numbers_are_put_back_after_an_error_too() -> None:
    states = random.getstate(), np.random.get_state()[1].tobytes(), torch.get_rng_state()

    def draw() -> None:
        with random_numbers_kept():
            random.random(), np.random.rand(), torch.rand(3)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        draw()
    assert random.getstate() == states[0]
    assert np.random.get_state()[1].tobytes() == states[1]
    assert torch.equal(torch.get_rng_state(), states[2])


def test_only_lr_and_schedule_of_the_experiment_change() -> None:
    experiment = Experiment(
        dataset="any",
        optimizer={"name": "AdamW", "lr": 0.01, "weight_decay": 0.1},
        param_groups={"by": "pattern", "groups": [{"name": "a", "pattern": "*", "lr": 0.02}]},
        clip={"by": "norm"},
        schedule={"scheduler": {"name": "StepLR", "step_size": 5}, "warmup": {"length": 1, "unit": "epoch"}},
    )
    changed = rising(experiment, Finder())
    assert changed.optimizer.lr == 1e-7
    assert changed.param_groups.groups[0].lr == pytest.approx(2e-7)
    assert changed.schedule.warmup is None
    again = changed.model_copy(
        update={name: getattr(experiment, name) for name in ("optimizer", "param_groups", "schedule")}
    )
    assert again == experiment
    assert changed.optimizer.model_copy(update={"lr": 0.01}) == experiment.optimizer
