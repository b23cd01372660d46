"""Figures come off a device as they were there, and rows are written once theirs are here."""

from __future__ import annotations

import math

import pytest
import torch

from lrlab.training import fetching
from lrlab.training.fetching import Fetch
from lrlab.training.observers import NonFinite, Recorder, recorder

from .test_observers import BATCH, Log, update_of

ROWS = [
    (torch.tensor(1.25), torch.tensor(3), torch.tensor(True)),
    (torch.tensor(math.inf), torch.tensor(0), torch.tensor(False)),
]


@pytest.mark.parametrize("count", [1, 2])
def test_figures_of_every_kind_come_as_floats(count: int) -> None:
    fetch = Fetch(ROWS[:count])
    assert fetch.there()
    found = fetch.values()
    assert found == [(1.25, 3.0, 1.0), (math.inf, 0.0, 0.0)][:count]
    assert {type(value) for row in found for value in row} == {float}


def test_a_figure_is_that_of_the_moment_in_which_it_was_asked_for() -> None:
    loss = torch.tensor(1.0)
    fetch = Fetch([(loss,)])
    loss.fill_(2.0)
    assert fetch.values() == [(1.0,)]


class Work:
    """Work of a device, of which `done` parts are done; `waited` notes for which of them somebody waited."""

    def __init__(self) -> None:
        self.marked, self.done = 0, 0
        self.waited: list[int] = []

    def mark(self, device: torch.device) -> Mark:
        self.marked += 1
        return Mark(self, self.marked)


class Mark:
    def __init__(self, work: Work, place: int) -> None:
        self.work, self.place = work, place

    def query(self) -> bool:
        return self.work.done >= self.place

    def synchronize(self) -> None:
        if not self.query():
            self.work.waited.append(self.place)
            self.work.done = self.place


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """A device whose work is done when a test says so; figures are asked for after every update."""
    found = Work()
    monkeypatch.setattr(fetching, "mark", found.mark)
    monkeypatch.setattr(recorder, "BUNDLE_SECONDS", 0)
    return found


LOSSES = [1.5, 0.25, 2.0, 1.0, 0.5]


def test_rows_are_written_in_order_once_they_are_there_and_nobody_waits(work: Work) -> None:
    log = Log()
    recorded = Recorder(log, BATCH)  # type: ignore[arg-type]
    written = []
    for step, (loss, done) in enumerate(zip(LOSSES, (0, 0, 2, 2, 4), strict=True)):
        work.done = done
        recorded.after_update(update_of(step, loss, 1, waits=True))
        written.append(len(log.steps))
    assert written == [0, 0, 2, 2, 4]
    assert work.waited == []
    recorded.flush()
    assert work.waited == [5]
    assert [(row["step"], row["loss"]) for row in log.steps] == list(enumerate(LOSSES))


def test_a_later_bundle_never_overtakes_an_earlier_one(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log()
    recorded = Recorder(log, BATCH)  # type: ignore[arg-type]
    for step, loss in enumerate(LOSSES):
        recorded.after_update(update_of(step, loss, 1, waits=True))
    first = recorded._under_way[0][1]
    monkeypatch.setattr(first, "there", lambda: False)
    work.done = 5
    recorded.after_update(update_of(5, 1.0, 1, waits=True))
    assert log.steps == []


@pytest.mark.parametrize("how", ["epoch", "checkpoint"])
def test_all_rows_are_waited_for_at_the_end_of_an_epoch_and_for_a_checkpoint(work: Work, how: str) -> None:
    log = Log()
    recorded = Recorder(log, BATCH)  # type: ignore[arg-type]
    for step, loss in enumerate(LOSSES):
        recorded.after_update(update_of(step, loss, 2, waits=True))
    if how == "epoch":
        recorded.after_training(update_of(4, 0, 0, waits=True))
    else:
        assert recorded.state_dict() == {"losses": sum(LOSSES), "right": 10, "updates": 5}
    assert [row["loss"] for row in log.steps] == LOSSES


def test_a_loss_that_is_no_number_is_found_late_and_named_rightly(work: Work) -> None:
    log = Log()
    recorded = Recorder(log, BATCH)  # type: ignore[arg-type]
    for step, loss in enumerate([1.0, math.nan, 3.0, 4.0]):
        recorded.after_update(update_of(step, loss, 1, waits=True))
    work.done = 4
    with pytest.raises(NonFinite, match="nan at step 1") as caught:
        recorded.after_update(update_of(4, 5.0, 1, waits=True))
    assert caught.value.step == 1
    recorded.flush()
    assert [row["step"] for row in log.steps] == [0, 1]
