"""What to try next: each finding for a log made so that it alone is true, and none for a run that is going well."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lrlab.experiments import Experiment
from lrlab.runs import DatasetFacts, RunRecord
from lrlab.runs.advice import advise, with_changes

SPE = 10
"""Updates in an epoch."""

COSINE = {"scheduler": {"name": "CosineAnnealingLR", "T_max": 20}}
ONE_CYCLE = {"interval": "step", "scheduler": {"name": "OneCycleLR", "max_lr": 0.1, "total_steps": 200}}


def record(epochs: int = 20, state: str = "succeeded", **experiment: Any) -> RunRecord:
    facts = DatasetFacts(id="abcdefghij", name="coffee", classes=("a", "b", "c", "d"), train=320, val=80)
    chosen = Experiment(dataset="coffee", epochs=epochs, **experiment)
    return RunRecord(
        id="abcdefghij", name="run", created=0.0, experiment=chosen, dataset=facts, steps_per_epoch=SPE, state=state
    )


def found(
    train: Any,
    val: Any = None,
    accuracy: Any = None,
    lr: Any = 0.001,
    *,
    live: bool = False,
    images: dict[str, int] | None = None,
    loss: Any = None,
    more: dict[str, Any] | None = None,
    of: RunRecord | None = None,
) -> list[Any]:
    """The advice on a run with these values an epoch; each update of an epoch has its epoch's."""
    train = np.asarray(train, float)
    n = len(train)
    by_epoch = {"train": train, "val": train if val is None else val, "lr": lr, "accuracy": 0.5}
    if accuracy is not None:
        by_epoch["accuracy"] = accuracy
    frame = {name: np.broadcast_to(np.asarray(values, float), n) for name, values in by_epoch.items()}
    epochs = pd.DataFrame(
        {
            "epoch": np.arange(n), "lr": frame["lr"], "train_loss": train, "train_accuracy": 0.5,
            "val_loss": frame["val"], "val_accuracy": frame["accuracy"],
        }
    )  # fmt: skip
    losses = np.repeat(train, SPE) if loss is None else np.asarray(loss, float)
    steps = pd.DataFrame(
        {"step": np.arange(len(losses)), "lr": np.resize(np.repeat(frame["lr"], SPE), len(losses)), "loss": losses}
        | (more or {})
    )
    return advise(of or record(n), steps, epochs, live=live, images=images)


GOOD = np.array([1.3, 1.0, 0.8, 0.7, 0.62, 0.57, 0.54, 0.52, 0.51, 0.505, 0.503, 0.502])
"""Falls, and settles."""


def test_a_run_that_goes_well_is_left_alone():
    assert found(GOOD, of=record(12)) == []
    assert found(GOOD[:1], of=record(12), live=True) == []


@pytest.mark.parametrize(("train", "loss"), [([], [1.4] * 7 + [math.nan]), ([1.3], [1.3] * 10 + [math.inf, 2.0])])
def test_a_loss_that_is_no_number_is_told_with_its_update_and_lr(train, loss):
    lr = 0.1
    (first, *_) = found(train, lr=lr, loss=loss, of=record(20, "failed", optimizer={"name": "SGD", "lr": lr}))
    assert first.name == "not-a-number"
    update = next(place for place, value in enumerate(loss) if not math.isfinite(value))
    assert f"update {update}," in first.seen
    assert first.changes["optimizer.lr"] == pytest.approx(0.01)


def test_an_absolute_lr_of_the_schedule_is_lowered_with_the_lr():
    of = record(20, "failed", optimizer={"name": "SGD", "lr": 0.004}, schedule=ONE_CYCLE)
    (first, *_) = found([], loss=[1.4, math.nan], of=of)
    changed = with_changes(of.experiment, first.changes)
    assert changed.schedule.scheduler.max_lr == pytest.approx(0.01)
    assert changed.optimizer.lr == pytest.approx(0.0004)
    assert first.label == "Try LRs up to 0.01"


CASES = {
    "ran-away": {"train": [4.9, 6.0, 7.5], "loss": [1.4] * 5 + [5.0] * 25, "lr": 0.1},
    "lr-too-small": {"train": [1.386, 1.385, 1.384, 1.383]},
    "not-learnt": {"train": [1.39, 1.386, 1.388, 1.387]},
    "overfitting": {"train": GOOD * np.linspace(1, 0.2, 12), "val": [1.2, 0.9, 0.8, 0.78, 0.8, 0.85] + [0.95] * 6},
    "decayed-too-early": {
        "train": [1.3, 1.2, 1.1, 1.0, 0.995, 0.99, 0.99, 0.985, 0.985, 0.98], "lr": [0.01] * 4 + [1e-4] * 6,
        "val": [1.3, 1.2, 1.1, 1.0] + [0.99] * 6,
    },
    "still-falling": {"train": np.linspace(1.3, 0.6, 12)},
    "plateau": {"train": [1.2, 0.9, 0.8, *[0.7] * 9], "val": [1.2, 1.0, 0.9, *[0.92] * 9]},
    "clipped": {
        "train": GOOD[:4], "more": {"clipped": np.resize([1.0, 1.0, 0.0], 40), "grad_norm": np.full(40, 3.2)},
        "of": record(4, "running", clip={"by": "norm", "limit": 1.0}), "live": True,
    },
    "unbalanced": {"train": GOOD, "of": record(12), "images": {"a": 300, "b": 100, "c": 60, "d": 61}},
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_finding_is_made_for_its_log_and_its_change_is_legal(name):
    (one, *_) = made = found(**CASES[name])
    assert [advice.name for advice in made] == [name]
    assert one.seen.endswith(".") and one.why.endswith(".")
    experiment = CASES[name].get("of", record()).experiment
    if one.deed == "form":
        assert with_changes(experiment, one.changes) != experiment
        assert one.label.startswith("Try ")


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("lr-too-small", {"regularization": {"label_smoothing": 0.1}}),  # another loss: guessing is not ln 4
        ("not-learnt", {"augment": {"mixup": 0.2}}),
        ("unbalanced", {"regularization": {"class_weights": "balanced"}}),
    ],
)
def test_what_was_done_about_it_already_is_not_advised(name, more):
    case = {**CASES[name], "of": record(12, **more)}
    assert name not in [advice.name for advice in found(**case)]


def test_remedies_follow_each_other():
    case = CASES["overfitting"]
    asked = [
        record(12),
        record(12, augment={"crop": "resized"}),
        record(12, augment={"crop": "resized"}, regularization={"label_smoothing": 0.1}),
    ]
    labels = [found(**case, of=of)[0].label for of in asked]
    assert labels == ["Try resized crops", "Try label smoothing 0.1", "Try early stopping"]


@pytest.mark.parametrize(("live", "deed"), [(True, "lr"), (False, "form")])
def test_at_a_plateau_a_living_run_is_offered_the_hand(live, deed):
    (one,) = found(**CASES["plateau"], live=live)
    assert one.deed == deed


def test_a_run_that_ended_at_a_high_lr_is_trained_on_and_one_whose_lr_is_spent_is_not():
    on, anew = (found(**CASES["still-falling"], lr=lr)[0] for lr in (0.001, np.linspace(1, 0.001, 12) ** 2))
    assert (on.deed, on.amount) == ("resume", 3)
    assert (anew.deed, anew.changes) == ("form", {"epochs": 18})


def test_settings_are_changed_by_their_dotted_names():
    of = record(12, model={"name": "vgg16"}, image_size=64, pretrained="frozen")
    changed = with_changes(of.experiment, {"epochs": 3, "optimizer.lr": 0.5})
    assert (changed.epochs, changed.optimizer.lr, changed.pretrained) == (3, 0.5, "frozen")
