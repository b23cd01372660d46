"""A composition as the checks see it: each scheduler in it with its part of the run, and the words for lengths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Generic, TypeVar, overload

from lrlab.errors import LabError
from lrlab.schedules import spec as specs
from lrlab.schedules.checks.model import Repair, Way
from lrlab.schedules.composition import Composition
from lrlab.schedules.curve import Curve, warmup_updates
from lrlab.schedules.words import number

S = TypeVar("S", bound=Any)


@dataclass(frozen=True)
class Place(Generic[S]):
    """A scheduler in its surroundings.

    `start`: the run's call at which it begins. `calls`: how many of its values the run uses, those of its counters 0
    to calls - 1; 0 where it never begins. `whole`: the run ends with it, no milestone does. `base`: the LR that torch
    stored as initial_lr when it was built. `chained`: others act on the LR in the same calls.
    """

    way: Way
    scheduler: S
    start: int
    calls: int
    whole: bool
    base: float
    chained: bool

    @property
    def path(self) -> str:
        return ".".join(("scheduler", *(f"schedulers.{place}" for place in self.way)))

    def at(self, field: str) -> str:
        """The path of one of its parameters."""
        return f"{self.path}.{field}"


@dataclass(frozen=True)
class Situation:
    """`composition` and its curve, or the reason for which it has none. `logged`: the values of a logged metric."""

    composition: Composition
    curve: Curve | None
    logged: Sequence[float] | None = None
    refusal: LabError | None = None

    @property
    def schedule(self) -> specs.ScheduleSpec:
        return self.composition.schedule

    @cached_property
    def calls(self) -> int:
        """Calls of step() in the run; the LRs after the first 0 to calls - 1 of them are used."""
        return self.composition.calls

    @cached_property
    def warm(self) -> int:
        """Updates of the warm-up before the scheduler."""
        return warmup_updates(self.schedule.warmup, self.composition.steps_per_epoch)

    @property
    def left(self) -> int:
        """The updates after the warm-up."""
        return max(self.composition.updates - self.warm, 0)

    @cached_property
    def places(self) -> tuple[Place[Any], ...]:
        """Every scheduler that the schedule holds, outer ones first."""
        found = list(_places(self.schedule.scheduler, (), 0, self.calls, 0, False, self.calls))
        base, first = self.composition.lr, True
        for index, place in enumerate(found):  # inner schedulers are built in the order in which they stand
            scheduler = place.scheduler
            if isinstance(scheduler, specs.SequentialLR | specs.ChainedScheduler):
                continue
            if isinstance(scheduler, specs.OneCycleLR):
                base = scheduler.max_lr / scheduler.div_factor
            elif isinstance(scheduler, specs.CyclicLR) and first:
                base = scheduler.base_lr
            first = False
            found[index] = replace(place, base=base)
        return tuple(found)

    @overload
    def active(self, kind: type[S], /) -> Iterator[Place[S]]: ...
    @overload
    def active(self, *kinds: type[Any]) -> Iterator[Place[Any]]: ...
    def active(self, *kinds: type[Any]) -> Iterator[Place[Any]]:
        """The schedulers of these classes that begin within the run."""
        return (place for place in self.places if place.calls > 0 and isinstance(place.scheduler, kinds))

    @cached_property
    def _by_way(self) -> dict[Way, Place[Any]]:
        return {place.way: place for place in self.places}

    def inside(self, place: Place[Any]) -> list[Place[Any]]:
        """The schedulers that it holds itself, in order."""
        count = len(getattr(place.scheduler, "schedulers", ()))
        return [self._by_way[(*place.way, index)] for index in range(count)]

    def around(self, place: Place[Any]) -> list[Place[Any]]:
        """The schedulers that hold it, the nearest one first."""
        return [self._by_way[place.way[:depth]] for depth in reversed(range(len(place.way)))]

    # Where things happen

    def update(self, call: int) -> int:
        """The first update that uses the LR after `call` calls."""
        steps = self.composition.steps_per_epoch
        if self.schedule.interval == "step":
            return self.warm + call
        return (self.warm // steps + call) * steps if call else self.warm

    def lr(self, call: int) -> float:
        """The LR after so many calls of the run."""
        assert self.curve is not None
        return float(self.curve.lr[self.update(call)])

    def final(self, place: Place[Any]) -> float:
        """The last LR of a scheduler's part of the run."""
        return self.lr(place.start + place.calls - 1)

    # Words

    @property
    def unit(self) -> str:
        return self.schedule.interval

    def length(self, calls: int) -> str:
        """A length as a person says it: "1 epoch", "20 epochs", "1,200 steps"."""
        return f"{calls:,} {self.unit}{'' if calls == 1 else 's'}"

    def has(self, place: Place[Any]) -> str:
        """What there is of the run: "the run has 20 epochs", "its phase has 8 epochs"."""
        length = self.length(place.calls)
        if place.start or not place.whole:
            return f"its phase has {length}"
        return f"the warm-up leaves {length}" if self.warm else f"the run has {length}"

    def when(self, call: int) -> str:
        """When the run has made so many calls: "epoch 5", "step 120", counted from 0 over the whole run."""
        before = self.warm if self.unit == "step" else self.warm // self.composition.steps_per_epoch
        return f"{self.unit} {before + call:,}"

    # Repairs

    def scheduled(self, **changes: Any) -> Composition:
        """The composition with other `interval`, `scheduler` or `warmup`."""
        return self.composition.model_copy(update={"schedule": self.schedule.model_copy(update=changes)})

    def replaced(self, way: Way, scheduler: Any) -> Composition:
        """The composition with `scheduler` in the place to which `way` leads."""
        return self.scheduled(scheduler=_replaced(self.schedule.scheduler, way, scheduler))

    def set(self, place: Place[Any], **changes: Any) -> Repair:
        """The repair that sets parameters of one scheduler, and says the first of them."""
        name, value = next(iter(changes.items()))
        return Repair(
            f"Set {name} to {shown(value)}", self.replaced(place.way, place.scheduler.model_copy(update=changes))
        )

    def drawable(self, composition: Composition) -> bool:
        """Whether `composition` has a curve against the same metric: asked where a repair could run into a refusal."""
        try:
            composition.curve(self.logged)
        except LabError:
            return False
        return True


def in_steps(run: Situation) -> Repair | None:
    """The repair that calls step() after every update and keeps the shape; None where that is impossible."""
    if run.unit == "step" or run.left == run.calls:
        return None
    try:
        composition = run.composition.with_interval("step")
    except LabError:
        return None
    return Repair("Count steps, in the same shape", composition) if run.drawable(composition) else None


def fitted(run: Situation, composition: Composition) -> Composition | None:
    """`composition`, which has another number of calls: a OneCycleLR that is shorter is made as long, and where torch
    would raise all the same there is none."""
    scheduler = composition.schedule.scheduler
    if isinstance(scheduler, specs.OneCycleLR) and scheduler.length < composition.calls:
        length = {"total_steps": composition.calls, "epochs": None, "steps_per_epoch": None}
        composition = replace(run, composition=composition).scheduled(scheduler=scheduler.model_copy(update=length))
    return composition if run.drawable(composition) else None


def _places(
    scheduler: Any, way: Way, start: int, stop: int, early: int, chained: bool, end: int
) -> Iterator[Place[Any]]:
    """`early`: the calls too many that torch has made of it before the run, see pytorch#196243."""
    yield Place(way, scheduler, start, max(min(stop, end) - start, 0), stop >= end, 0.0, chained)
    if isinstance(scheduler, specs.SequentialLR):
        switches = [min(max(start + call - early, start), stop) for call in scheduler.milestones]
        edges = [start, *switches, stop]
        for place, inner in enumerate(scheduler.schedulers):
            first = early + 1 if place == 0 else 0
            yield from _places(inner, (*way, place), edges[place], edges[place + 1], first, chained, end)
    elif isinstance(scheduler, specs.ChainedScheduler):
        several = chained or len(scheduler.schedulers) > 1
        for place, inner in enumerate(scheduler.schedulers):
            yield from _places(inner, (*way, place), start, stop, early, several, end)


def _replaced(scheduler: Any, way: Way, new: Any) -> Any:
    if not way:
        return new
    inner = list(scheduler.schedulers)
    inner[way[0]] = _replaced(inner[way[0]], way[1:], new)
    return scheduler.model_copy(update={"schedulers": tuple(inner)})


def shown(value: Any) -> str:
    """A parameter's value as a button says it: short, but never another value."""
    if isinstance(value, tuple):
        return ", ".join(map(shown, value))
    if isinstance(value, float):
        return number(value) if float(number(value)) == value else f"{value:.12g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def near_one(factor: float) -> float:
    """A factor for every call, rounded to three digits of what it takes away: 0.9965, 0.999998."""
    taken = float(f"{1 - factor:.3g}")
    return round(1 - taken, 15)


def nice(value: float) -> float:
    """`value` to three significant digits."""
    return float(f"{value:.3g}")
