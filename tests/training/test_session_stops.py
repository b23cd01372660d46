"""A run that a person stops ends at its next step, with its log and the models that it has by then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lrlab.home import Home
from lrlab.runs import Beat, Run, request_stop
from lrlab.training import evaluation, session
from lrlab.training.checkpoints import load_model
from lrlab.training.observers import Recorder
from lrlab.training.worker import attempt

from .conftest import MakeRun


@pytest.fixture
def stop_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[type, str, int, Run], None]:
    """`stop_at(class, method, n, run)`: a person asks for a stop while the method is called the n-th time (from 0)."""

    def arrange(where: type, method: str, call: int, run: Run) -> None:
        real, calls = getattr(where, method), iter(range(10_000))

        def called(*arguments: Any, **values: Any) -> Any:
            if next(calls) == call:
                request_stop(run)
            return real(*arguments, **values)

        monkeypatch.setattr(where, method, called)

    return arrange


STOPS = {
    "in the first update": (Recorder, "after_update", 0, 1, 0, None),
    "in the fifth update": (Recorder, "after_update", 4, 5, 1, 0),
    "in the first validation": (Recorder, "after_training", 0, 3, 0, None),
    "in the second validation": (Recorder, "after_training", 1, 6, 1, 0),
    "while the second epoch's row is written": (Recorder, "after_epoch", 1, 7, 2, 1),
}


@pytest.mark.parametrize("case", STOPS)
def test_a_stop_ends_the_run_at_its_next_step(
    case: str, home: Home, make_run: MakeRun, stop_at: Callable[..., None]
) -> None:
    where, method, call, rows, epoch, finished = STOPS[case]
    run = make_run(optimizer={"name": "Adam", "lr": 0.01})
    stop_at(where, method, call, run)
    assert attempt(home, run) == 0
    record = run.record
    assert record.state == "cancelled"
    assert (record.cause, record.ended is not None) == ("", True)
    assert run.steps["step"].tolist() == list(range(rows))
    assert len(run.epochs) == (0 if finished is None else finished + 1)
    _, facts = load_model(run.last_model)
    assert (facts.epoch, facts.val_accuracy) == (epoch, None)
    assert run.best_model.exists() == (finished is not None)
    assert (record.result.best_epoch is None) == (finished is None)


@pytest.mark.parametrize(("where", "method"), [(Beat, "__init__"), (session, "decoded"), (session, "check")])
def test_a_stop_before_the_first_update_leaves_no_model(
    where: Any, method: str, home: Home, make_run: MakeRun, stop_at: Callable[..., None]
) -> None:
    run = make_run()
    stop_at(where, method, 0, run)
    assert attempt(home, run) == 0
    assert run.record.state == "cancelled"
    assert not run.last_model.exists()
    assert len(run.steps) == 0
    assert not any(file.name.startswith(".reserve") for file in run.folder.iterdir())


def test_a_stop_while_test_images_are_evaluated_keeps_everything(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(epochs=1)
    real = evaluation.load_model

    def asked_meanwhile(*arguments: Any) -> Any:
        request_stop(run)
        return real(*arguments)

    monkeypatch.setattr(evaluation, "load_model", asked_meanwhile)
    assert attempt(home, run) == 0
    assert run.record.state == "cancelled"
    assert run.record.result.best_epoch == 0
    assert run.record.result.test_accuracy is not None  # so little is left that it is done to the end
    assert load_model(run.last_model)[1].epoch == 0
