"""What tells runs apart: differences, legends, the table and the sentence above it."""

from __future__ import annotations

import pandas as pd
import pytest

from lrlab.runs import LRChange, delete_run, differences, headline, legend, rename, table, update
from lrlab.runs.overview import COLUMNS

FIXED = {"scheduler": {"name": "Fixed"}}
STEP = {"scheduler": {"name": "StepLR", "step_size": 5, "gamma": 0.5}}
STEP_10 = {"scheduler": {"name": "StepLR", "step_size": 10, "gamma": 0.5}}
STEP_PER_STEP = {"interval": "step", **STEP}
WARM = {**STEP, "warmup": {"length": 3, "start_factor": 0.1}}
EXPONENTIAL = {"scheduler": {"name": "ExponentialLR", "gamma": 0.9}}
SGD = {"name": "SGD", "lr": 0.1}
ADAM = {"name": "Adam", "lr": 0.001}


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ([{}], ["Fixed"]),
        ([{"name": "one"}, {"name": "two"}], ["one", "two"]),
        ([{"name": "one"}, {"name": "one"}], ["one (1)", "one (2)"]),
        ([{"schedule": FIXED}, {"schedule": STEP}], ["Fixed", "StepLR"]),
        ([{"schedule": STEP}, {"schedule": EXPONENTIAL}], ["StepLR", "ExponentialLR"]),
        ([{"schedule": STEP}, {"schedule": STEP_10}], ["step_size 5", "step_size 10"]),
        ([{"schedule": STEP}, {"schedule": STEP_PER_STEP}], ["interval epoch", "interval step"]),
        (
            [{"schedule": FIXED}, {"schedule": STEP}, {"schedule": STEP_10}],
            ["Fixed", "StepLR · step_size 5", "StepLR · step_size 10"],
        ),
        ([{"schedule": STEP}, {"schedule": WARM}], ["warm-up none", "warm-up 3 epochs from 0.1 x LR"]),
        ([{"seed": 0}, {"seed": 1}], ["seed 0", "seed 1"]),
        (
            [{"schedule": FIXED, "seed": 0}, {"schedule": FIXED, "seed": 1}, {"schedule": STEP, "seed": 0}],
            ["seed 0 · Fixed", "seed 1 · Fixed", "seed 0 · StepLR"],
        ),
        ([{"optimizer": ADAM}, {"optimizer": SGD}], ["Adam · lr 0.001", "SGD · lr 0.1"]),
        ([{"optimizer": ADAM}, {"optimizer": {"name": "Adam", "lr": 0.0012345}}], ["lr 0.001", "lr 0.0012345"]),
        ([{"model": {"name": "small_cnn"}}, {"model": {"name": "resnet18"}}], ["small_cnn", "resnet18"]),
        ([{"validation": {"fraction": 0.2}}, {"validation": {"fraction": 0.3}}], ["fraction 0.2", "fraction 0.3"]),
        ([{"data": "d2"}, {"data": "d3"}], ["coffee (d2)", "coffee (d3)"]),
        (
            [{"name": "a", "seed": 1}, {"name": "b", "seed": 1}, {"name": "b", "seed": 2}],
            ["seed 1 · a", "seed 1 · b", "seed 2"],
        ),
    ],
)
def test_a_legend_names_only_what_differs(make_run, settings, names):
    runs = [make_run(**one) for one in settings]
    assert legend(runs) == names


def test_no_runs():
    assert (legend([]), headline([]), len(differences([])), len(table([]))) == ([], "", 0, 0)


def test_differences_are_a_table_of_texts(make_run):
    runs = [make_run(name="a", schedule=FIXED), make_run(name="b", schedule=STEP, batch_size=16)]
    expected = {
        "batch_size": ["32", "16"],
        "schedule": ["Fixed", "StepLR"],
        "StepLR.step_size": ["-", "5"],
        "StepLR.gamma": ["-", "0.5"],
        "StepLR.interval": ["-", "epoch"],
    }
    found = differences(runs)
    assert {setting: row.tolist() for setting, row in found.iterrows()} == expected
    assert found.columns.tolist() == ["a", "b"]
    assert found.index.name == "setting"


def test_runs_of_the_same_name_have_columns_of_their_own(make_run):
    runs = [make_run(name="a", seed=seed) for seed in (1, 2)]
    assert differences(runs).columns.tolist() == ["a (1)", "a (2)"]
    assert differences(runs[:1]).empty


@pytest.mark.parametrize(
    ("runs", "sentence"),
    [
        ([(STEP, 0.50, 0.873)], "mine reaches 87.3 % (best val accuracy, 1 run)"),
        (
            [(FIXED, 0.832, 0.8), (STEP, 0.5, 0.873)],
            "StepLR ends 4.1 points above Fixed (best val accuracy, 1 run each: repeat over seeds to be sure)",
        ),
        (
            [(FIXED, 0.8), (STEP, 0.8)],
            "Fixed and StepLR end level at 80.0 % (best val accuracy, 1 run each: repeat over seeds to be sure)",
        ),
        (
            [(FIXED, 0.8), (STEP, 0.9), (EXPONENTIAL, 0.85)],
            "StepLR ends highest at 90.0 %: 5.0 above ExponentialLR, 10.0 above Fixed "
            "(best val accuracy, 1 run each: repeat over seeds to be sure)",
        ),
        (
            [(FIXED, 0.8), (FIXED, 0.82), (STEP, 0.83), (STEP, 0.85)],
            "StepLR ends 3.0 points above Fixed (mean best val accuracy, 2 runs each: the ranges do not overlap)",
        ),
        (
            [(FIXED, 0.8), (FIXED, 0.84), (STEP, 0.83), (STEP, 0.85)],
            "StepLR ends 2.0 points above Fixed "
            "(mean best val accuracy, 2 runs each: the ranges overlap, so it may be chance)",
        ),
        (
            [(FIXED, 0.8), (FIXED, 0.84), (STEP, 0.83)],
            "StepLR ends 1.0 points above Fixed (best val accuracy, 1 and 2 runs: repeat over seeds to be sure)",
        ),
        (
            [(FIXED, 0.8), (FIXED, 0.84)],
            "mine reaches 82.0 % on average (best val accuracy, 2 runs from 80.0 to 84.0 %)",
        ),
        ([(FIXED, float("nan"))], ""),
    ],
)  # fmt: skip
def test_the_headline(trained, runs, sentence):
    made = [
        trained(*accuracies, schedule=spec, seed=seed, name="mine") for seed, (spec, *accuracies) in enumerate(runs)
    ]
    assert headline(made) == sentence


def test_the_headline_of_runs_that_are_not_over(trained):
    made = [trained(0.8, schedule=FIXED), trained(0.9, schedule=STEP, state="running")]
    assert headline(made).startswith("StepLR is 10.0 points above Fixed so far (")


@pytest.mark.parametrize(
    ("done", "setting", "told"),
    [
        ({"more_epochs": 20}, "epochs", ["2", "22, planned for 2"]),
        ({"more_epochs": -1}, "epochs", ["2", "1, planned for 2"]),
        (
            {"lr_changes": [LRChange(step=step, factor=step / 8, time=0, lr=0.1) for step in (2, 6)]},
            "LR by hand",
            ["none", "x 0.25 from update 2, x 0.75 from update 6"],
        ),
        ({"state": "cancelled"}, "training", ["as planned", "stopped after 8 of 8 updates"]),
        ({"state": "failed"}, "training", ["as planned", "stopped after 8 of 8 updates"]),
    ],
)
def test_what_was_done_to_a_run_tells_it_from_its_twin(trained, done, setting, told):
    one, other = trained(0.5, 0.6, seed=1, name="a"), trained(0.8, 0.9, seed=1, name="b")
    update(other, **done)
    found = differences([one, other])
    assert {name: row.tolist() for name, row in found.iterrows()} == {setting: told}
    words = told if setting == "training" else [f"{setting} {value}" for value in told]
    assert legend([one, other]) == words
    assert headline([one, other]).startswith(f"{words[1]} ends 30.0 points above {words[0]} (best val accuracy, 1 run")


def test_a_run_that_is_still_at_work_is_not_a_stopped_one(make_run, trained):
    runs = [trained(0.6, seed=1), trained(0.8, seed=1, state="running")]
    assert differences(runs).empty
    never = make_run(epochs=1, seed=1)
    update(never, state="cancelled")
    assert differences([runs[0], never]).loc["training"].tolist() == ["as planned", "stopped before the first update"]


def test_runs_of_one_seed_are_one_measurement(trained):
    made = [trained(value, schedule=spec, seed=3) for spec, value in [(FIXED, 0.8), (FIXED, 0.8), (STEP, 0.9)] * 2]
    assert headline(made) == (
        "StepLR ends 10.0 points above Fixed "
        "(best val accuracy, 1 run each: repeat over seeds to be sure; runs of the same seed count as one)"
    )
    other = trained(0.84, schedule=FIXED, seed=4, name="mine")
    assert headline([other, *made[:2]]) == (
        "mine reaches 82.0 % on average "
        "(best val accuracy, 2 runs from 80.0 to 84.0 %; runs of the same seed count as one)"
    )


def test_runs_whose_best_models_were_chosen_otherwise_are_told_as_that(trained):
    by_loss = trained(0.8, early_stopping={"monitor": "val_loss"}, schedule=STEP)
    assert headline([by_loss, trained(0.7, schedule=FIXED)]).endswith(
        "(val accuracy of each run's best model, 1 run each: repeat over seeds to be sure)"
    )


@pytest.mark.parametrize("other", [{"data": "d2"}, {"validation": {"seed": 7}}])
def test_runs_on_other_images_are_not_compared(trained, other):
    assert headline([trained(0.8), trained(0.9, **other)]) == (
        "These runs were validated on different images: their accuracies do not compare"
    )


@pytest.mark.parametrize("told", [(True, True), (False, True), (True, False)], ids=["new", "old, new", "new, old"])
def test_where_the_images_lie_in_folders_how_others_would_be_drawn_does_not_count(trained, told):
    """Also where one run is of an lrlab that did not write it down yet: it is a fact of the data set."""
    one, other = told
    runs = [trained(0.8, by_folders=one, seed=1), trained(0.9, by_folders=other, seed=2, validation={"fraction": 0.3})]
    assert headline(runs).endswith("reaches 85.0 % on average (best val accuracy, 2 runs from 80.0 to 90.0 %)")
    assert legend(runs) == ["seed 1", "seed 2"]


def test_the_table(make_run, trained):
    done, waiting = trained(0.5, 0.75, 0.6, name="done", schedule=STEP, seed=3), make_run(name="waiting")
    found = table([done, waiting])
    assert found.columns.tolist() == list(COLUMNS)
    first, second = (row for _, row in found.iterrows())
    assert (first["id"], first["name"], first["state"], first["dataset"]) == (done.id, "done", "succeeded", "coffee")
    assert (first["model"], first["optimizer"], first["lr"], first["seed"]) == ("small_cnn", "Adam", 0.001, 3)
    assert first["schedule"] == "StepLR(step_size=5, gamma=0.5)"
    assert (first["best_val_accuracy"], first["best_epoch"], first["epochs"]) == (0.75, 1, 3)
    assert (first["val_accuracy"], first["val_loss"], first["train_loss"], first["train_accuracy"]) == (
        0.6,
        0.7,
        0.5,
        0.9,
    )
    assert first["seconds"] == 60.0
    assert (second["state"], second["epochs"]) == ("queued", 0)
    assert second[["best_val_accuracy", "best_epoch", "val_loss", "seconds", "test_accuracy"]].isna().all()


def test_the_table_has_its_types_without_rows_too(trained):
    assert table([]).dtypes.equals(table([trained(0.5)]).dtypes)


def test_a_run_deleted_meanwhile_is_left_out(make_run):
    runs = [make_run(name="a"), make_run(name="b")]
    delete_run(runs[0])
    assert table(runs)["name"].tolist() == ["b"]


def test_a_renamed_run_bears_its_new_name(make_run):
    runs = [make_run(name="a"), make_run(name="b")]
    rename(runs[0], "c")
    assert legend(runs) == ["c", "b"]
    assert isinstance(table(runs), pd.DataFrame) and table(runs)["name"].tolist() == ["c", "b"]
