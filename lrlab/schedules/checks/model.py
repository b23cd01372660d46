"""What a check is, and the repair it offers: values that a page shows beside the setting they are about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lrlab.schedules.composition import Composition

if TYPE_CHECKING:
    from lrlab.schedules.checks.situation import Situation

Severity = Literal["refused", "trap", "note"]
"""refused: torch would raise, there is no curve. trap: hardly anybody wants it. note: true, and easily overlooked."""

Way = tuple[int, ...]
"""The way to a scheduler from the outermost one: the places in `schedulers`."""


@dataclass(frozen=True)
class Repair:
    """One click: `label` is what the button says, `composition` what it makes of the checked one.

    Only what the check is about differs. The composition is legal; it may still be refused for another reason.
    """

    label: str
    composition: Composition


@dataclass(frozen=True)
class Check:
    """Something a person should know before this run is trained.

    `name`: which check, in kebab-case; it stays the same between versions. `path`: the setting at fault, relative to
    the schedule ("scheduler.schedulers.1.T_max", "scheduler.milestones.0", "warmup.length", "interval"), or "metric",
    "groups.0". `sentence`: what happens in this run, and why, with its numbers.
    """

    name: str
    path: str
    sentence: str
    repair: Repair | None = None
    severity: Severity = "trap"


@dataclass(frozen=True)
class Found:
    """A check that fires. `way`: the scheduler that it is about; () is the outermost one or the whole run."""

    path: str
    sentence: str
    repair: Repair | None = None
    way: Way = ()


Search = Callable[["Situation"], Iterator[Found]]


@dataclass(frozen=True)
class Rule:
    """A check as the house knows it; `why` says which trap it is about.

    `unless`: checks that name the same cause more precisely: where one of them fires on the same setting or scheduler,
    or on one around it or in it, this one is silent.
    """

    name: str
    severity: Severity
    unless: tuple[str, ...]
    search: Search

    @property
    def why(self) -> str:
        return self.search.__doc__ or ""


def rule(severity: Severity, *unless: str) -> Callable[[Search], Rule]:
    """Makes a Rule of a function, which it names: `cosine_climbs` is the check "cosine-climbs"."""

    def made(search: Search) -> Rule:
        return Rule(search.__name__.replace("_", "-"), severity, unless, search)

    return made
