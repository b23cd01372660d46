"""Runs that are stopped and killed at stated points, and what tells one run from another."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from pandas.testing import assert_frame_equal
from safetensors.torch import load_file

from lrlab.home import Home
from lrlab.runs import Run, request_stop, update, withdraw_stop
from lrlab.training import resuming
from lrlab.training.checkpoints import load_model
from lrlab.training.observers import Heartbeat, Recorder
from lrlab.training.worker import attempt

TIMES = {"time", "seconds", "images_per_second"}
SGD = {"name": "SGD", "lr": 0.02, "momentum": 0.9, "nesterov": True}


class Killed(BaseException):
    """Ends a worker as a signal does: nothing is caught, written or tidied up."""


def train(home: Home, run: Run) -> Run:
    assert attempt(home, run) == 0, run.record.cause
    assert run.record.state == "succeeded"
    return run


def go_on(home: Home, run: Run, **fields: Any) -> int:
    """What the queue does for a run that is resumed; another worker then begins."""
    withdraw_stop(run)
    update(run, state="queued", ended=None, **fields)
    return attempt(home, run)


def interrupted(
    home: Home, run: Run, monkeypatch: pytest.MonkeyPatch, points: Iterable[tuple[str, int]], kill: bool
) -> Run:
    """Trains `run`, interrupted at `points` one after the other, each in another attempt: ("update", n) after update n
    was logged, ("validation", n) while epoch n is validated, ("save", n) in the n-th checkpoint of the attempt."""
    due: list[tuple[str, int]] = []

    def end_if(*point: Any) -> None:
        if point in due:
            due.clear()
            if kill:
                raise Killed
            request_stop(run)

    def after(owner: Any, name: str, point: Callable[[Any], tuple[str, int]]) -> None:
        real = getattr(owner, name)

        def told(observer: Any, loop: Any) -> None:
            real(observer, loop)
            end_if(*point(loop))

        monkeypatch.setattr(owner, name, told)

    after(Recorder, "after_update", lambda loop: ("update", loop.step))
    after(Heartbeat, "after_eval_batch", lambda loop: (loop.evaluating.replace("validating", "validation"), loop.epoch))
    writes = itertools.count()
    real_write = resuming._write

    def write(path: Path, *rest: Any) -> None:
        end_if("save", next(writes))
        real_write(path, *rest)

    monkeypatch.setattr(resuming, "_write", write)
    for number, point in enumerate(points):
        due.append(point)
        writes = itertools.count()
        try:
            code = go_on(home, run) if number else attempt(home, run)
            assert (code, run.record.state) == (0, "succeeded" if due else "cancelled")
        except Killed:
            pass
        assert not due, f"{point} never came"
    assert go_on(home, run) == 0, run.record.cause
    assert run.record.state == "succeeded"
    assert len(run.record.attempts) == 1 + len(list(points))
    return run


def assert_same(run: Run, other: Run) -> None:
    """That nothing but times and names tells the two apart: log, weights, best model, result, all state at the end."""
    for frame in ("steps", "epochs"):
        one, two = (getattr(each, frame) for each in (run, other))
        assert_frame_equal(without_times(one), without_times(two), check_exact=True)
    for model in ("last_model", "best_model"):
        one, two = (load_file(getattr(each, model)) for each in (run, other))
        assert one.keys() == two.keys()
        assert all(torch.equal(one[name], two[name]) for name in one), model
        assert load_model(getattr(run, model))[1].epoch == load_model(getattr(other, model))[1].epoch
    assert run.record.result == other.record.result
    assert_equal(*(without_spent(newest_state(each)) for each in (run, other)))


def newest_state(run: Run) -> dict[str, Any]:
    newest = max((run.folder / "checkpoints").glob("*.pt"), key=lambda path: [int(n) for n in path.stem.split("-")])
    state = resuming.read(newest)
    assert state is not None
    return state


def without_spent(state: dict[str, Any]) -> dict[str, Any]:
    return {**state, "loop": {**state["loop"], "spent": 0.0}}


def assert_equal(one: Any, two: Any, path: str = "") -> None:
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, two), path
    elif isinstance(one, dict):
        assert one.keys() == two.keys(), path
        for key in one:
            assert_equal(one[key], two[key], f"{path}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(two), path
        for number, (left, right) in enumerate(zip(one, two, strict=True)):
            assert_equal(left, right, f"{path}.{number}")
    else:
        assert one == two or (one != one and two != two), path


def without_times(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=[name for name in frame if name in TIMES])
