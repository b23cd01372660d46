"""The log in bundles and row by row, a loss that is no number, and which model is kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from lrlab.experiments import Model
from lrlab.runs import Beat, Measure, best_row, open_log
from lrlab.training.checkpoints import ModelFacts, load_model
from lrlab.training.loop import Score
from lrlab.training.models import build_model
from lrlab.training.observers import Keeper, NonFinite, Recorder, recorder

from .conftest import MakeRun

BATCH = 4


def update_of(step: int, loss: float, right: int, *, waits: bool) -> Any:
    """A loop as it stands after an update."""
    return SimpleNamespace(
        epoch=0,
        step=step,
        lr=0.1 / (step + 1),
        lrs=(),
        rates=SimpleNamespace(columns=()),
        update=SimpleNamespace(gradient=SimpleNamespace(norm=None, clipped=None)),
        momentum=0.85 + step / 100,
        loss=torch.tensor(loss),
        right=torch.tensor(right),
        device=SimpleNamespace(waits=waits),
        began=0.0,
        score=Score(0.75, 0.5),
    )


class Log:
    """Keeps the rows that it is told."""

    def __init__(self) -> None:
        self.steps: list[dict[str, float]] = []
        self.epochs: list[dict[str, float]] = []

    def step(self, **row: float) -> None:
        self.steps.append(row)

    def epoch(self, **row: float) -> None:
        self.epochs.append(row)


def record(log: Log, losses: Sequence[float], *, waits: bool) -> Recorder:
    recorded = Recorder(log, BATCH)  # type: ignore[arg-type]
    for step, loss in enumerate(losses):
        recorded.after_update(update_of(step, loss, step % (BATCH + 1), waits=waits))
    return recorded


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> None:
    """No bundle is due before it is asked for."""
    monkeypatch.setattr(recorder, "BUNDLE_SECONDS", math.inf)


LOSSES = [1.5, 0.25, 2.0, 1.0]


def test_on_the_cpu_each_row_is_written_at_once() -> None:
    log = Log()
    recorded = Recorder(log, BATCH)  # type: ignore[arg-type]
    for step, loss in enumerate(LOSSES):
        recorded.after_update(update_of(step, loss, 3, waits=False))
        assert len(log.steps) == step + 1
    assert [row["loss"] for row in log.steps] == LOSSES
    assert {row["accuracy"] for row in log.steps} == {0.75}


@pytest.mark.usefixtures("never")
def test_on_an_accelerator_the_same_rows_come_in_bundles() -> None:
    waiting, direct = Log(), Log()
    recorded = record(waiting, LOSSES, waits=True)
    assert waiting.steps == []
    recorded.flush()
    record(direct, LOSSES, waits=False)

    def without_time(rows: list[dict[str, float]]) -> list[dict[str, float]]:
        return [{name: value for name, value in row.items() if name != "time"} for row in rows]

    assert without_time(waiting.steps) == without_time(direct.steps)
    times = [row["time"] for row in waiting.steps]
    assert times == sorted(times)


def test_a_bundle_is_written_once_its_time_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.2, 0.4, 0.6, 0.6, 0.8])  # made, looked at thrice, flushed, looked at
    monkeypatch.setattr(recorder, "time", SimpleNamespace(monotonic=lambda: next(clock), time=lambda: 0.0))
    log = Log()
    record(log, LOSSES, waits=True)
    assert [row["step"] for row in log.steps] == [0, 1, 2]


@pytest.mark.usefixtures("never")
@pytest.mark.parametrize("waits", [False, True])
def test_the_epochs_row_sums_up_its_updates(waits: bool) -> None:
    log = Log()
    recorded = record(log, LOSSES, waits=waits)
    loop = update_of(3, 0, 0, waits=waits)
    recorded.after_training(loop)
    recorded.after_epoch(loop)
    (row,) = log.epochs
    assert row["step"] == 3
    assert row["train_loss"] == pytest.approx(4.75 / 4)
    assert row["train_accuracy"] == (0 + 1 + 2 + 3) / 16
    assert (row["val_loss"], row["val_accuracy"]) == (0.75, 0.5)


@pytest.mark.usefixtures("never")
@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize(("bad", "word"), [(math.nan, "nan"), (math.inf, "inf")])
def test_a_loss_that_is_no_number_ends_the_log_with_its_row(waits: bool, bad: float, word: str) -> None:
    log = Log()
    with pytest.raises(NonFinite, match=rf"^the loss became {word} at step 2 \(LR 0\.0333\)$"):
        record(log, [1.0, 2.0, bad, 3.0, bad], waits=waits).flush()
    assert [row["step"] for row in log.steps] == [0, 1, 2]
    assert str(log.steps[-1]["loss"]) == word


@pytest.mark.usefixtures("never")
@pytest.mark.parametrize("waits", [False, True])
def test_a_recorders_state_has_written_all_rows_and_its_sums_go_on(waits: bool) -> None:
    first, second = Log(), Log()
    recorded = record(first, LOSSES[:2], waits=waits)
    state = recorded.state_dict()
    assert len(first.steps) == 2
    going_on = Recorder(second, BATCH)  # type: ignore[arg-type]
    going_on.load_state_dict(state)
    for step in (2, 3):
        going_on.after_update(update_of(step, LOSSES[step], step, waits=waits))
    loop = update_of(3, 0, 0, waits=waits)
    going_on.after_training(loop)
    going_on.after_epoch(loop)
    (row,) = second.epochs
    assert row["train_loss"] == pytest.approx(4.75 / 4)
    assert row["train_accuracy"] == (0 + 1 + 2 + 3) / 16


@pytest.mark.usefixtures("never")
@pytest.mark.parametrize("waits", [False, True])
def test_what_is_measured_of_the_gradient_waits_with_the_loss(waits: bool) -> None:
    log = Log()
    recorded = Recorder(log, BATCH, ("lr_head", "grad_norm", "clipped", "lr_backbone"))  # type: ignore[arg-type]
    for step, (norm, clipped) in enumerate([(0.5, False), (math.inf, True), (2.5, True)]):
        loop = update_of(step, 1.0, 2, waits=waits)
        loop.lrs, loop.rates.columns = (0.1, 0.2), ("lr_backbone", "lr_head")
        loop.update.gradient = SimpleNamespace(norm=torch.tensor(norm), clipped=torch.tensor(clipped))
        recorded.after_update(loop)
    assert len(log.steps) == (0 if waits else 3)
    recorded.flush()
    assert [(row["grad_norm"], row["clipped"]) for row in log.steps] == [(0.5, 0.0), (math.inf, 1.0), (2.5, 1.0)]
    assert {(row["lr_backbone"], row["lr_head"]) for row in log.steps} == {(0.1, 0.2)}


def test_rows_fit_the_real_log(make_run: MakeRun) -> None:
    run = make_run()
    with open_log(run, 1, extra_step_columns=("accuracy",)) as log:
        recorded = Recorder(log, BATCH)
        recorded.after_update(update_of(0, 1.5, 3, waits=False))
        loop = update_of(0, 0, 0, waits=False)
        recorded.after_training(loop)
        recorded.after_epoch(loop)
    assert (run.folder / "steps-1.csv").read_text().splitlines()[1].endswith(",1.5,0.75")
    assert len((run.folder / "epochs-1.csv").read_text().splitlines()) == 2


def test_momentum_is_logged_where_the_schedule_moves_it(make_run: MakeRun) -> None:
    run = make_run()
    with open_log(run, 1, extra_step_columns=("accuracy", "momentum")) as log:
        recorded = Recorder(log, BATCH, ("momentum",))
        for step in range(3):
            recorded.after_update(update_of(step, 1.5, 3, waits=False))
    rows = [line.split(",") for line in (run.folder / "steps-1.csv").read_text().splitlines()]
    assert [row[-1] for row in rows] == ["momentum", "0.85", "0.86", "0.87"]


SCORES = {
    "the highest accuracy wins": ([(0.5, 1.0), (0.7, 1.2), (0.6, 0.1)], [0, 1], 1),
    "among equals the lower loss wins": ([(0.5, 1.0), (0.5, 0.8), (0.5, 0.9)], [0, 1], 1),
    "the first of equals in both stays": ([(0.5, 1.0), (0.5, 1.0)], [0], 0),
    "a loss that is no number is the worst": ([(0.5, math.nan), (0.5, 9.0), (0.5, math.nan)], [0, 1], 1),
    "higher accuracy wins with any loss": ([(0.5, 0.1), (0.6, math.nan)], [0, 1], 1),
}


LOSSES_FIRST = {
    "the lowest loss wins": ([(0.5, 1.0), (0.9, 1.2), (0.4, 0.9)], [0, 2]),
    "among equals the higher accuracy wins": ([(0.5, 1.0), (0.6, 1.0), (0.4, 1.0)], [0, 1]),
    "the first of equals in both stays": ([(0.5, 1.0), (0.5, 1.0)], [0]),
    "a loss that is no number is the worst": ([(0.5, math.nan), (0.5, 9.0), (0.9, math.nan)], [0, 1]),
}


@pytest.mark.parametrize("split", [0, 1, 2], ids=lambda at: f"interrupted before epoch {at}")
@pytest.mark.parametrize("case", LOSSES_FIRST)
def test_early_stoppings_monitor_decides_what_is_best(case: str, split: int, make_run: MakeRun) -> None:
    scores, saved_at = LOSSES_FIRST[case]
    run = make_run()
    facts = ModelFacts(model="small_cnn", classes=("a", "b"), image_size=16, run=run.id)
    keeper, saved = Keeper(run.best_model, facts, Beat(run), "val_loss"), []
    model = build_model(Model(), 2, 16)
    for epoch, (accuracy, loss) in enumerate(scores):
        if epoch == split:
            state = keeper.state_dict()
            keeper = Keeper(run.best_model, facts, Beat(run), "val_loss")
            keeper.load_state_dict(state)
        loop: Any = SimpleNamespace(epoch=epoch, model=model, score=Score(loss, accuracy))
        keeper.after_epoch(loop)
        if keeper.result.best_epoch == epoch:
            saved.append(epoch)
            assert load_model(run.best_model)[1].epoch == epoch
    assert saved == saved_at


@pytest.mark.parametrize("case", SCORES)
def test_the_best_model_is_kept(case: str, make_run: MakeRun) -> None:
    scores, saved_at, best = SCORES[case]
    run = make_run()
    facts = ModelFacts(model="small_cnn", classes=("a", "b"), image_size=16, run=run.id)
    keeper = Keeper(run.best_model, facts, Beat(run))
    models = [build_model(Model(), 2, 16) for _ in scores]
    saved, before = [], b""
    for epoch, (accuracy, loss) in enumerate(scores):
        loop: Any = SimpleNamespace(epoch=epoch, model=models[epoch], score=Score(loss, accuracy))
        keeper.after_epoch(loop)
        if run.best_model.read_bytes() != before:
            saved.append(epoch)
            before = run.best_model.read_bytes()
    assert saved == saved_at
    assert (keeper.result.best_epoch, keeper.result.best_val_accuracy) == (best, scores[best][0])
    kept, facts = load_model(run.best_model)
    assert (facts.epoch, facts.val_accuracy) == (best, scores[best][0])
    assert facts.val_loss == pytest.approx(scores[best][1], abs=0, nan_ok=True)
    for name, weights in models[best].state_dict().items():
        assert torch.equal(kept.state_dict()[name], weights)


@pytest.mark.parametrize(
    ("by", "scores", "saved_at"),
    [("val_accuracy", *case[:2]) for case in SCORES.values()] + [("val_loss", *case) for case in LOSSES_FIRST.values()],
)
def test_what_pages_call_the_best_epoch_is_the_one_that_was_kept_last(
    by: Measure, scores: list[tuple[float, float]], saved_at: list[int]
) -> None:
    accuracies, losses = np.array(scores).T
    assert best_row(accuracies, losses, by) == saved_at[-1]
