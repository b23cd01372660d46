"""When a run that is watched is thought about anew."""

from __future__ import annotations

import pytest

from lrlab.runs import Tail, status, update
from lrlab.web import aside
from lrlab.web.aside import EVERY, Aside


@pytest.fixture
def thoughts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The epochs that were known at each thought."""
    seen: list[int] = []
    monkeypatch.setattr(aside, "advise", lambda record, steps, epochs, **_: seen.append(len(epochs)) or [])
    return seen


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(aside.time, "monotonic", lambda: now[0])
    return now


def test_short_epochs_are_thought_about_together_and_an_end_at_once(home, start_run, thoughts, clock):
    worker = start_run(epochs=9)
    tail, beside = Tail(worker.run), Aside(worker.run)

    def look() -> None:
        tail.poll()
        beside.look(home, status(worker.run), tail)

    per_epoch = worker.steps_per_epoch
    worker.train(per_epoch)
    look()
    worker.train(per_epoch)
    look()
    clock[0] += EVERY - 0.1
    look()
    assert thoughts == [1]
    clock[0] += 0.2  # also where no row has come since
    look()
    look()
    assert thoughts == [1, 2]
    worker.train(per_epoch)
    update(worker.run, state="cancelled")
    look()
    assert thoughts == [1, 2, 3]
