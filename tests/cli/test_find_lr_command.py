"""`find-lr`: the suggestions or the reason for none, the losses as CSV, and what is refused before anything is made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lrlab.cli import find_lr
from lrlab.errors import LabError
from lrlab.experiments import FINDER_FIELDS, Experiment, Finder
from lrlab.home import Home
from lrlab.jobs import plan
from lrlab.runs import list_runs, load_run

from .conftest import Lrlab

Ask = Callable[..., Any]


@pytest.fixture
def ask(
    lrlab: Lrlab, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hand_finder: type[Any], woken
) -> Ask:
    """`ask("--seeds", 2, flat=True)`: the command on a data set that is there; a worker by hand makes every update."""
    assert lrlab("data", "add", pictures).code == 0
    path = tmp_path / "experiment.json"
    path.write_text(json.dumps({"dataset": "lights", "batch_size": 4, "seed": 5}))

    def run(*arguments: object, state: str = "succeeded", flat: bool = False) -> Any:
        def follow(home: Home, run_id: str, line: Any) -> int:
            hand_finder(load_run(run_id, home), flat=flat).search().end(state)
            return 0 if state == "succeeded" else 1

        monkeypatch.setattr(find_lr, "follow", follow)
        return lrlab("find-lr", path, *arguments)

    return run


def test_the_options_are_the_finders_settings() -> None:
    assert set(find_lr.SETTINGS) == set(FINDER_FIELDS)


def test_help_describes_them(lrlab: Lrlab) -> None:
    text = " ".join(lrlab("find-lr", "--help").out.split())
    for name, field in FINDER_FIELDS.items():
        assert f"--{name}: {field.help}" in text


def test_every_suggestion_is_printed_with_how_it_was_found(ask: Ask) -> None:
    done = ask()
    assert done.code == 0
    lines = done.out.splitlines()
    assert [line.split("  ")[0] for line in lines[:4]] == ["Valley", "Steepest", "Minimum / 10", "Slide"]
    assert "The middle of the longest fall of the loss" in lines[0]
    assert 1e-5 < float(lines[0].split()[1]) < 1e-2


def test_none_has_its_reason_and_is_no_failure(ask: Ask) -> None:
    done = ask(flat=True)
    assert done.code == 0
    assert done.out.startswith("none: The loss stays flat")


def test_what_was_asked_for_reaches_the_worker(ask: Ask, home: Home) -> None:
    ask("--seeds", 2, "--lowest", "1e-6", "--highest", 5, "--steps", 60, "--growth", "linear", "--diverged", 3)
    (run,) = list_runs(home, kind="find_lr")
    assert run.record.finder == Finder(seeds=2, lowest=1e-6, highest=5, steps=60, growth="linear", diverged=3)


def test_a_search_says_at_once_how_to_find_it_again(ask: Ask, home: Home) -> None:
    done = ask("--json")
    (run,) = list_runs(home, kind="find_lr")
    assert f"python -m lrlab runs show {run.id}" in done.err.splitlines()[0]
    assert done.json["run"] == run.id


def test_a_search_is_not_refused_for_the_schedule_that_it_does_not_use(ask: Ask, home: Home) -> None:
    cycle = {"name": "OneCycleLR", "max_lr": 0.1, "total_steps": 2, "cycle_momentum": False}
    spec = json.dumps({"interval": "step", "scheduler": cycle})
    assert "torch raises" in refused_plan(home, spec)
    assert ask("--set", f"schedule={spec}").code == 0
    (run,) = list_runs(home, kind="find_lr")
    assert run.experiment.schedule.scheduler.name == "OneCycleLR"


def refused_plan(home: Home, spec: str) -> str:
    """Why a training with this schedule is refused."""
    experiment = Experiment.model_validate({"dataset": "lights", "batch_size": 4, "schedule": json.loads(spec)})
    with pytest.raises(LabError) as refusal:
        plan(home, experiment)
    return str(refusal.value)


def test_json_has_the_numbers(ask: Ask) -> None:
    done = ask("--seeds", 2, "--json").json
    valley = done["suggestions"]["valley"]
    assert valley["lr"] == pytest.approx(np.sqrt(np.prod(valley["each"])))
    assert done["reason"] == ""
    assert ask("--json", flat=True).json["reason"].startswith("The loss stays flat")


def test_csv_has_every_update_of_every_seed(ask: Ask, home: Home, tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    ask("--seeds", 2, "--steps", 30, "--csv", path)
    table = pd.read_csv(path)
    (run,) = list_runs(home, kind="find_lr")
    assert list(table) == ["seed", "step", "lr", "loss", "smoothed"]
    assert table["seed"].tolist() == [5] * 30 + [6] * 30
    assert table["step"].tolist() == [*range(30), *range(30)]
    assert table["loss"].tolist() == run.steps["loss"].tolist()


def test_a_search_that_fails_is_exit_code_1(ask: Ask) -> None:
    assert ask(state="failed").code == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--seeds", 11), "seeds: got 11, allowed: at most 10"),
        (("--lowest", 1, "--highest", 0.1), "highest: got 0.1, allowed: above lowest, which is 1"),
        (("--set", "optimizer.name=Rprop"), "optimizer.name: got Rprop"),
        (("--set", "dataset=tea"), "dataset: there is no data set 'tea'"),
        (("--steps", "many"), "invalid int value"),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(
    ask: Ask, home: Home, arguments: tuple[object, ...], said: str
) -> None:
    done = ask(*arguments)
    assert done.code == 2
    assert said in done.err
    assert list(home.runs.iterdir()) == []
