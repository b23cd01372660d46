"""A schedule as torch runs it on one parameter group: built scheduler by scheduler, then stepped for all calls at once.

Nested schedulers share the group and step each other, so what a call does depends on everything around it: SequentialLR
sets its schedulers' counters back by one and switches through their closed forms, around another SequentialLR it is one
step ahead, OneCycleLR replaces the base LR for whatever is built after it. All that is followed here as torch does it,
once, for the building; the calls fall into stretches in which the same schedulers are at work, and each stretch is
computed as a whole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NoReturn, Protocol

import numpy as np

from lrlab.errors import LabError
from lrlab.schedules import cosines, leaves
from lrlab.schedules import spec as specs
from lrlab.schedules.cycles import Cyclic, OneCycle
from lrlab.schedules.leaves import Floats, Group, Leaf, Setting
from lrlab.schedules.recurrence import Act, Call, Switch, advance, momenta

Stretch = tuple[int, tuple[Act, ...]]
"""So many calls, and what each of them does, in order."""

LEAVES: dict[type, Callable[..., Leaf[Any]]] = {
    specs.LambdaLR: leaves.Lambda,
    specs.MultiplicativeLR: leaves.Multiplicative,
    specs.StepLR: leaves.Step,
    specs.MultiStepLR: leaves.MultiStep,
    specs.ExponentialLR: leaves.Exponential,
    specs.ConstantLR: leaves.Constant,
    specs.LinearLR: leaves.Linear,
    specs.PolynomialLR: leaves.Polynomial,
    specs.CosineAnnealingLR: cosines.Cosine,
    specs.CosineAnnealingWarmRestarts: cosines.WarmRestarts,
    specs.CyclicLR: Cyclic,
    specs.OneCycleLR: OneCycle,
}

NEUTRAL = specs.ConstantLR(factor=1.0, total_iters=0)
"""What Fixed is among other schedulers."""


@cache
def torch_version() -> tuple[int, ...]:
    """The installed torch, such as (2, 15), read without importing it; the newest known one where there is none."""
    try:
        return tuple(int(part) for part in version("torch").split(".")[:2])
    except PackageNotFoundError:
        return (2, 15)


class _Node(Protocol):
    def initial_step(self) -> None:
        """The step that building makes, and SequentialLR for the scheduler that it begins with."""

    def undo(self) -> None:
        """Sets the counters back by one."""

    def run(self, n: int) -> Iterator[Stretch]:
        """The next n calls of step()."""

    def switch(self) -> Act:
        """What SequentialLR does at this scheduler's milestone."""


class _Single:
    """A scheduler that holds no other."""

    def __init__(self, leaf: Leaf[Any]) -> None:
        self._leaf = leaf

    def initial_step(self) -> None:
        self._leaf.initial_step()

    def undo(self) -> None:
        self._leaf.count -= 1

    def run(self, n: int) -> Iterator[Stretch]:
        leaf = self._leaf
        first = leaf.count + 1
        leaf.count += n
        moving = int(min(n, max(leaf.inert_after - first + 1, 0)))
        if moving:
            yield moving, (Call(leaf, first),)
        if n > moving:
            yield n - moving, ()

    def switch(self) -> Act:
        self._leaf.count = 0
        closed = self._leaf.closed_at_zero()
        return Call(self._leaf, 0) if closed is None else Switch(closed)


class _Several:
    """Shared by the two schedulers that hold others."""

    name: str

    def __init__(self, nodes: Sequence[_Node], group: Group, path: str) -> None:
        self._nodes, self._group, self._path = nodes, group, path

    def initial_step(self) -> None:
        # torch calls its step(), which is an ordinary step for the schedulers in it: where a SequentialLR begins with
        # another one, that one is ahead by a step from then on.
        for _, acts in self.run(1):
            perform(acts, self._group)

    def undo(self) -> None:
        for node in self._nodes:
            node.undo()

    def run(self, n: int) -> Iterator[Stretch]:
        raise NotImplementedError

    def switch(self) -> NoReturn:
        raise LabError(
            f"SequentialLR: torch raises NotImplementedError where it switches to a {self.name}, which has no LR of "
            "its own at 0; allowed: single schedulers after the first, or this one first",
            field=self._path,
        )


class _Chained(_Several):
    name = "ChainedScheduler"

    def run(self, n: int) -> Iterator[Stretch]:
        """All of them in every call; a stretch ends where one of theirs does."""
        runs = [node.run(n) for node in self._nodes]
        current: list[Stretch] = [(0, ()) for _ in runs]
        while n > 0:
            current = [stretch if stretch[0] else next(run) for stretch, run in zip(current, runs, strict=True)]
            length = min(calls for calls, _ in current)
            yield length, tuple(act for _, acts in current for act in acts)
            current = [(calls - length, tuple(_later(act, length) for act in acts)) for calls, acts in current]
            n -= length


def _later(act: Act, calls: int) -> Act:
    return Call(act.leaf, act.first + calls) if isinstance(act, Call) else act


class _Sequential(_Several):
    name = "SequentialLR"

    def __init__(
        self, nodes: Sequence[_Node], group: Group, path: str, milestones: tuple[int, ...], first_at_zero: bool
    ) -> None:
        super().__init__(nodes, group, path)
        self._milestones, self._count = milestones, 0
        assert group.initial_lr is not None  # its schedulers were built before it
        group.lr = group.initial_lr
        self.undo()
        nodes[bisect_right(milestones, 0) if first_at_zero else 0].initial_step()

    def run(self, n: int) -> Iterator[Stretch]:
        end = self._count + n
        while self._count < end:
            following = self._count + 1
            place = bisect_right(self._milestones, following)
            node = self._nodes[place]
            if place and self._milestones[place - 1] == following:
                self._count = following
                yield 1, (node.switch(),)
            else:
                stop = min(end, self._milestones[place] - 1) if place < len(self._milestones) else end
                calls, self._count = stop - self._count, stop
                yield from node.run(calls)


def build(
    scheduler: specs.Scheduler, group: Group, setting: Setting, path: str = "scheduler", offset: int = 0
) -> _Node:
    """Builds `scheduler` on `group` as torch does, inner ones first. `offset`: the run's call at which it starts."""
    if isinstance(scheduler, specs.SequentialLR | specs.ChainedScheduler):
        starts = (0, *getattr(scheduler, "milestones", ()))
        nodes = [
            build(
                inner,
                group,
                setting,
                f"{path}.schedulers.{place}",
                offset + (starts[place] if place < len(starts) else 0),
            )
            for place, inner in enumerate(scheduler.schedulers)
        ]
        if isinstance(scheduler, specs.SequentialLR):
            return _Sequential(nodes, group, path, scheduler.milestones, setting.first_at_zero)
        return _Chained(nodes, group, path)
    if isinstance(scheduler, specs.Fixed):
        scheduler = NEUTRAL
    return _Single(LEAVES[type(scheduler)](scheduler, group, setting, path, offset))


def perform(acts: Sequence[Act], group: Group) -> None:
    """One call, on the group itself."""
    out = np.empty(1)
    advance(group.lr, acts, out)
    group.lr = float(out[0])
    moved = momenta(1, acts)
    if moved is not None:
        group.momentum = float(moved[0])


def stepped(
    scheduler: specs.Scheduler, lr: float, setting: Setting, calls: int | None = None
) -> tuple[Floats, Floats | None]:
    """LR and momentum after 0, 1, ... `calls` calls, shape (calls + 1,); no momentum where none is moved.

    `calls`: the planned run's own number of them where none is given.
    LabError where torch would raise, naming the call and the field.
    """
    group = Group(lr)
    root = build(scheduler, group, setting)
    made = setting.total if calls is None else calls
    values = np.empty(made + 1)
    values[0] = group.lr
    momentum = np.empty(made + 1) if group.momentum is not None else None
    if momentum is not None:
        momentum[0] = group.momentum
    at = 1
    for length, acts in root.run(made):
        advance(float(values[at - 1]), acts, values[at : at + length])
        if momentum is not None:
            moved = momenta(length, acts)
            momentum[at : at + length] = momentum[at - 1] if moved is None else moved
        at += length
    return values, momentum
