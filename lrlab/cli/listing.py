"""`runs list`: the table of runs, which other commands print too, and that of searches for an LR."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lrlab.cli.terminal import counted, moment, percent, say, say_json, say_table
from lrlab.errors import NotFound
from lrlab.home import Home, lab_home

if TYPE_CHECKING:
    import pandas as pd

    from lrlab.runs import Run
    from lrlab.runs.finder import Findings


def list_runs(given: argparse.Namespace) -> int:
    from lrlab.runs import list_runs, table

    if given.searches:
        list_searches(lab_home(), as_json=given.json)
        return 0
    found = table(list_runs(lab_home()))
    if given.json:
        say_json(found.to_dict("records"))
        return 0
    if found.empty:
        say("No runs yet. Start one: python -m lrlab train EXPERIMENT.json")
        return 0
    say_runs(found)
    return 0


def list_searches(home: Home, *, as_json: bool) -> None:
    """Lists the searches, each with the first LR that it suggests."""
    from lrlab.runs import list_runs
    from lrlab.schedules import number

    found = []
    for run in list_runs(home, kind="find_lr"):
        try:
            record, state, best = run.record, run.state, findings_of(run).best
        except NotFound:  # deleted since the folder was listed
            continue
        found.append(
            {
                "id": run.id, "state": state, "name": record.name, "dataset": record.dataset.name,
                "model": record.experiment.model.name, "optimizer": record.experiment.optimizer.name,
                "lr": best.lr if best else None, "created": record.created,
            }
        )  # fmt: skip
    if as_json:
        say_json(found)
    elif not found:
        say("No searches yet. Start one: python -m lrlab find-lr EXPERIMENT.json")
    else:
        shown: dict[str, Callable[[Any], str]] = {
            "lr": lambda lr: "none" if lr is None else number(lr),
            "created": moment,
        }
        rows = [[shown.get(name, str)(value) for name, value in row.items()] for row in found]
        say_table(["id", "state", "name", "data set", "model", "optimizer", "LR", "created"], rows, right=["LR"])


def findings_of(search: Run) -> Findings:
    """What a search suggests, as far as it has come."""
    from lrlab.runs import FINAL
    from lrlab.runs.finder import findings

    finder = search.record.finder
    assert finder is not None
    return findings(finder, search.steps, ended=search.state in FINAL)


def say_runs(found: pd.DataFrame) -> None:
    """The table of runs, as `lrlab.runs.table` gives it, for a person."""
    from lrlab.runs import duration

    rows = []
    for row in found.to_dict("records"):
        rows.append(
            [
                row["id"], row["state"], row["name"], row["dataset"], row["model"], row["schedule"],
                percent(row["best_val_accuracy"]), best_epoch(row),
                percent(row["val_accuracy"]), str(row["epochs"]),
                duration(row["seconds"]) if row["seconds"] == row["seconds"] else "-",
            ]
        )  # fmt: skip
    head = [
        "id",
        "state",
        "name",
        "data set",
        "model",
        "schedule",
        "best val",
        "at epoch",
        "last val",
        "epochs",
        "time",
    ]
    say_table(head, rows, right=["best val", "at epoch", "last val", "epochs", "time"])


def best_epoch(row: Mapping[Any, Any]) -> str:
    """The epoch of the best model in a row of `lrlab.runs.table`, and by what it is, where that is not the accuracy."""
    told = counted(row["best_epoch"])
    return told if told == "-" or row["best_by"] == "val_accuracy" else f"{told}, by loss"
