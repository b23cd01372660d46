"""What the gallery shows: every scheduler, recipe and preset with its own small curve, and what a card opens.

Their curves never change, so they are computed once in a process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from lrlab.charts import PreviewState, outline
from lrlab.errors import LabError
from lrlab.schedules import (
    CATALOGUE,
    FORMS,
    PRESETS,
    RECIPES,
    Composition,
    ScheduleSpec,
    Synthetic,
    sentences,
    starting,
)

WIDTH, HEIGHT = 240.0, 72.0
"""Of a picture, in its own units."""

RUN = Composition()
"""The run that schedulers and recipes are drawn for; a preset brings its own."""

SETTLED = Synthetic(speed=1.2, noise=0.03)
"""A loss that stops falling early in a run of twenty epochs: a schedule that waits for that has something to do."""

PER_STEP = ("OneCycleLR", "CyclicLR")
"""What is meant to be called after every update: called once an epoch, its curve is too coarse to be seen."""

Kind = Literal["scheduler", "recipe", "preset"]


def plain_schedule(scheduler: str, run: Composition, form: str = "") -> ScheduleSpec:
    """The scheduler by itself, with values that suit `run`, and called where it usually is."""
    interval: Literal["epoch", "step"] = "step" if scheduler in PER_STEP else "epoch"
    values = starting(scheduler, interval, run.epochs, run.steps_per_epoch, lr=run.lr, form=form)
    return ScheduleSpec(interval=interval, scheduler=values)


@dataclass(frozen=True)
class Specimen:
    """One card. `group`: a scheduler's family, a preset's origin; empty for a recipe. `form`: which of a scheduler's
    FORMS; empty for the first one."""

    kind: Kind
    name: str
    title: str
    line: str
    source: tuple[tuple[str, str], ...]
    group: str = ""
    form: str = ""

    @property
    def id(self) -> str:
        return ":".join(filter(None, (self.kind, self.name, self.form)))

    def composed(self, run: Composition) -> Composition:
        """Its schedule fitted to `run`; a preset has a run of its own."""
        if self.kind == "preset":
            return next(preset.composition for preset in PRESETS if preset.name == self.name)
        metric = run.metric
        if self.kind == "recipe":
            schedule = RECIPES[self.name].expand({}, run.epochs, run.steps_per_epoch, run.lr)
        else:
            schedule = plain_schedule(self.name, run, self.form)
            metric = SETTLED if self.group == "measured" else metric
        return run.model_copy(update={"schedule": schedule, "metric": metric})

    def opened(self, state: PreviewState) -> PreviewState:
        """The composer's state with this schedule, fitted to the run composed before; view and kept ones stay."""
        recipe = {"name": self.name} if self.kind == "recipe" else None
        return PreviewState.model_validate(
            {**dict(state), "composition": self.composed(state.composition), "recipe": recipe}
        )


def _all() -> Iterator[Specimen]:
    for entry in CATALOGUE.values():
        yield Specimen("scheduler", entry.name, entry.name, entry.line, entry.source, entry.group)
        for form in FORMS.get(entry.name, ())[1:]:
            title = f"{entry.name}, {form.title.lower()}"
            yield Specimen("scheduler", entry.name, title, form.line, entry.source, entry.group, form.name)
    for recipe in RECIPES.values():
        yield Specimen("recipe", recipe.name, recipe.title, recipe.line, recipe.source)
    for preset in PRESETS:
        yield Specimen("preset", preset.name, preset.title, preset.line, (preset.source,), preset.group)


@cache
def specimens() -> dict[str, Specimen]:
    """Every specimen by its id, in the order of the gallery."""
    return {specimen.id: specimen for specimen in _all()}


@cache
def picture(id: str) -> tuple[str, str]:
    """The outline of a specimen and what it shows in words."""
    curve = specimens()[id].composed(RUN).curve()
    return outline(curve.lr, WIDTH, HEIGHT), " ".join(sentences(curve)[:4])


def specimen(id: str) -> Specimen:
    """LabError where there is none of this id."""
    if id not in specimens():
        raise LabError(f"gallery: there is no schedule {id[:60]!r}")
    return specimens()[id]
