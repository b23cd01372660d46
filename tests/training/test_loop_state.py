"""The loop from every place in an epoch on, and early stopping, which it can be told to forget."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch

from lrlab.experiments import Clip, EarlyStopping
from lrlab.runs.stopping import Course
from lrlab.schedules import ScheduleSpec
from lrlab.training.loop import Loop, Observer, Score
from lrlab.training.observers import EarlyStop

from .small_loop import ALL_ON, Log, make_loop, network, weights


class Interruption(Exception):
    pass


class At(Observer):
    """Takes every state of the loop and what it trains once, and then ends it: at the `call`-th call of `method`."""

    def __init__(self, method: str, call: int) -> None:
        self.method, self.left = method, call
        self.state: dict[str, Any] = {}

    def _hear(self, method: str, loop: Loop) -> None:
        if method != self.method:
            return
        self.left -= 1
        if self.left < 0:
            parts = {"loop": loop, "model": loop.model, "optimizer": loop.optimizer, "schedule": loop.schedule}
            watching = [one.state_dict() for one in loop.observers]
            told = {name: part.state_dict() for name, part in parts.items()}
            self.state = copy.deepcopy({**told, "observers": watching, "random": torch.get_rng_state()})
            raise Interruption

    def after_update(self, loop: Loop) -> None:
        self._hear("after_update", loop)

    def after_training(self, loop: Loop) -> None:
        self._hear("after_training", loop)

    def after_eval_batch(self, loop: Loop) -> None:
        self._hear("after_eval_batch", loop)

    def after_epoch(self, loop: Loop) -> None:
        self._hear("after_epoch", loop)


INTERRUPTIONS = [
    *[("after_update", call) for call in range(6)],
    *[("after_training", call) for call in range(2)],
    *[("after_eval_batch", call) for call in range(4)],
    *[("after_epoch", call) for call in range(2)],
]


def stopping() -> EarlyStop:
    settings = EarlyStopping(monitor="val_loss", patience=3)
    return EarlyStop(settings, lambda: Course(ScheduleSpec(), np.zeros(0), 3))


def interruptible(log: Log, *observers: Observer) -> Loop:
    """With dropout, which draws from torch's own generator, and an update of two batches."""
    return make_loop(
        4, 2, log=log, model=network(dropout=0.3), regularization=ALL_ON, clip=Clip(by="value", limit=0.05),
        observers=(stopping(), *observers),
    )  # fmt: skip


@pytest.mark.parametrize(("method", "call"), INTERRUPTIONS)
def test_an_interrupted_loop_goes_on_as_if_nothing_had_been(method: str, call: int) -> None:
    undisturbed = Log()
    torch.manual_seed(0)
    whole = interruptible(undisturbed)
    torch.manual_seed(0)
    whole.fit(2)

    before, after, at = Log(), Log(), At(method, call)
    first = interruptible(before, at)
    torch.manual_seed(0)
    with pytest.raises(Interruption):
        first.fit(2)
    second = interruptible(after, Observer())
    second.model.load_state_dict(at.state["model"])
    second.optimizer.load_state_dict(at.state["optimizer"])
    second.schedule.load_state_dict(at.state["schedule"])
    second.load_state_dict(at.state["loop"])
    for observer, state in zip(second.observers, at.state["observers"], strict=True):
        observer.load_state_dict(state)
    torch.set_rng_state(at.state["random"])
    second.fit(2)
    assert before.steps + after.steps == undisturbed.steps
    assert before.epochs + after.epochs == undisturbed.epochs
    assert torch.equal(weights(second), weights(whole))
    assert (second.epoch, second.step, second.score) == (whole.epoch, whole.step, whole.score)


def test_a_loop_that_is_done_does_nothing_more_until_more_is_asked_for() -> None:
    log = Log()
    loop = make_loop(log=log)
    loop.fit(2)
    kept, rows = weights(loop), len(log.steps)
    loop.fit(2)
    assert torch.equal(weights(loop), kept)
    assert len(log.steps) == rows
    loop.fit(3)
    assert [row["epoch"] for row in log.epochs] == [0, 1, 2]
    again = Log()
    other = make_loop(log=again)
    other.fit(3)
    assert torch.equal(weights(loop), weights(other))


class Scores(Observer):
    """Puts values in place of what the validation found."""

    def __init__(self, losses: list[float]) -> None:
        self.losses = losses

    def after_training(self, loop: Loop) -> None:
        loop.evaluate = lambda *_: Score(self.losses[loop.epoch], 0.5)  # type: ignore[method-assign]


def test_early_stopping_ends_the_loop_and_can_be_told_to_go_on() -> None:
    log, early = Log(), stopping()
    loop = make_loop(12, log=log, observers=(Scores([0.5, 0.4, *([0.45] * 20)]), early))
    loop.fit(20)
    assert [row["epoch"] for row in log.epochs] == [0, 1, 2, 3, 4]
    assert (early.stopped_at, loop.ended) == (4, True)
    assert early.closing == "Stopped early after epoch 5: val_loss had not improved for 3 epochs since epoch 2."
    loop.fit(20)
    assert len(log.epochs) == 5
    early.go_on(loop)
    assert (early.stopped_at, early.closing) == (None, "")
    loop.fit(20)  # three more epochs without an improvement on epoch 1
    assert [row["epoch"] for row in log.epochs] == [0, 1, 2, 3, 4, 5, 6, 7]
    assert early.stopped_at == 7


def test_without_a_monitor_nothing_is_ended() -> None:
    early = EarlyStop(EarlyStopping(patience=1), lambda: pytest.fail("asked for the course"))
    loop = make_loop(12, observers=(Scores([math.nan] * 6), early))
    loop.fit(6)
    assert (loop.epoch, early.stopped_at) == (5, None)
