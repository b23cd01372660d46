"""Deeds: what a person may do to a legal state that is more than moving one control. Those on the schedulers
themselves are in `tree_deeds`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from lrlab.charts.composer.state import Kept, PreviewState, RecipeChoice, resolved
from lrlab.charts.logged import measured
from lrlab.errors import LabError
from lrlab.schedules import (
    Composition,
    Logged,
    ParameterGroup,
    ReduceLROnPlateau,
    ScheduleSpec,
    Synthetic,
    Warmup,
    warmup_parameters,
)

Place = Annotated[int, Field(ge=0, le=1000)]
Name = Annotated[str, Field(max_length=64)]
Typed = Annotated[str, Field(max_length=600)]

GROUP_NAMES = ("backbone", *(f"group {number}" for number in range(2, 100)))


class Deed(BaseModel):
    """A change of a legal state into another one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def on(self, state: PreviewState) -> PreviewState:
        """Raises LabError, or pydantic's ValidationError, where it cannot be done."""
        raise NotImplementedError


def invented(mode: Literal["min", "max"], epochs: int) -> Synthetic:
    """What a plateau is previewed against at first: a loss that falls, or an accuracy that rises, and has hardly
    anything left to gain by the middle of the run."""
    speed = min(max(round(10 / epochs, 2), 0.01), 2.0)
    return Synthetic(speed=speed) if mode == "min" else Synthetic(start=0.25, floor=0.9, speed=speed)


def with_run(state: PreviewState, **values: Any) -> PreviewState:
    """`state` with other values of its composition, checked; a recipe is fitted to the new run."""
    run = Composition.model_validate({**dict(state.composition), **values})
    return resolved(state.model_copy(update={"composition": run}))


def with_schedule(state: PreviewState, **values: Any) -> PreviewState:
    """`state` with other values of its schedule, checked; the schedule then comes from no recipe."""
    schedule = ScheduleSpec.model_validate({**dict(state.composition.schedule), **values})
    return with_run(state.model_copy(update={"recipe": None}), schedule=schedule)


class UseRecipe(Deed):
    """A recipe in the place of the schedule, with its starts for the run."""

    op: Literal["recipe"]
    name: Name

    def on(self, state: PreviewState) -> PreviewState:
        return resolved(state.model_copy(update={"recipe": RecipeChoice(name=self.name)}))


class Free(Deed):
    """The schedulers that a recipe became stay, without the recipe."""

    op: Literal["free"]

    def on(self, state: PreviewState) -> PreviewState:
        return state.with_composition(state.composition)


class Interval(Deed):
    """`step()` is called elsewhere; lengths are converted."""

    op: Literal["interval"]
    value: Literal["epoch", "step"]

    def on(self, state: PreviewState) -> PreviewState:
        return state.with_composition(state.composition.with_interval(self.value))


class WarmUp(Deed):
    """A warm-up put on, counted in another unit, or taken off."""

    op: Literal["warmup"]
    unit: Literal["epoch", "step"] | None

    def on(self, state: PreviewState) -> PreviewState:
        run = state.composition
        warmup = run.schedule.warmup
        if self.unit is None:
            warmup = None
        elif warmup:
            warmup = warmup.with_unit(self.unit, run.steps_per_epoch)
        else:
            fields = warmup_parameters(self.unit, run.epochs, run.steps_per_epoch)
            warmup = Warmup.model_validate({field.name: field.start for field in fields})
        return with_schedule(state, warmup=warmup)


class AddGroup(Deed):
    """A parameter group more; the first one brings the one with the base LR along, to be seen beside it."""

    op: Literal["add_group"]

    def on(self, state: PreviewState) -> PreviewState:
        groups = state.composition.groups or (ParameterGroup(name="head", multiplier=1.0),)
        taken = {group.name for group in groups}
        name = next(name for name in GROUP_NAMES if name not in taken)
        return with_run(state, groups=(*groups, ParameterGroup(name=name, multiplier=0.1)))


class RemoveGroup(Deed):
    op: Literal["remove_group"]
    place: Place

    def on(self, state: PreviewState) -> PreviewState:
        groups = state.composition.groups
        return with_run(state, groups=tuple(group for index, group in enumerate(groups) if index != self.place))


class Group(Deed):
    """A group's LR is said as a multiplier of the base LR, or as an LR of its own; it stays the same."""

    op: Literal["group"]
    place: Place
    by: Literal["multiplier", "lr"]

    def on(self, state: PreviewState) -> PreviewState:
        run = state.composition
        if self.place >= len(run.groups):
            raise LabError(f"groups: there is none at place {self.place}", field="groups")
        group = run.groups[self.place]
        rate = group.rate(run.lr)
        value = {"lr": rate} if self.by == "lr" else {"multiplier": float(f"{rate / run.lr:.6g}")}
        groups = list(run.groups)
        groups[self.place] = ParameterGroup(name=group.name, **value)
        return with_run(state, groups=tuple(groups))


class Metric(Deed):
    """What ReduceLROnPlateau is previewed against; a run of the lab brings its own LR and length along."""

    op: Literal["metric"]
    run: Name | None = None

    def on(self, state: PreviewState) -> PreviewState:
        scheduler = state.composition.schedule.scheduler
        if not isinstance(scheduler, ReduceLROnPlateau):
            raise LabError("metric: only ReduceLROnPlateau follows one", field="metric")
        if self.run is None:
            return with_run(state, metric=invented(scheduler.mode, state.composition.epochs))
        found = measured(self.run, scheduler.mode)
        return with_run(
            state, metric=Logged(run=self.run), epochs=len(found.values), steps_per_epoch=found.steps_per_epoch,
            lr=found.lr,
        )  # fmt: skip


class Keep(Deed):
    """The composed schedule stays in sight, in its colour."""

    op: Literal["keep"]

    def on(self, state: PreviewState) -> PreviewState:
        kept = Kept(composition=state.composition, colour=state.next_colour, recipe=state.recipe)
        return PreviewState.model_validate({**dict(state), "kept": (*state.kept, kept)})


class Unkeep(Deed):
    op: Literal["unkeep"]
    place: Place

    def on(self, state: PreviewState) -> PreviewState:
        kept = tuple(kept for index, kept in enumerate(state.kept) if index != self.place)
        return state.model_copy(update={"kept": kept})


class Take(Deed):
    """A kept schedule is composed further."""

    op: Literal["take"]
    place: Place

    def on(self, state: PreviewState) -> PreviewState:
        if self.place >= len(state.kept):
            raise LabError(f"kept: there is none at place {self.place}", field="kept")
        taken = state.kept[self.place]
        return resolved(state.model_copy(update={"composition": taken.composition, "recipe": taken.recipe}))


class Compose(Deed):
    """A whole composition from elsewhere: a check's repair."""

    op: Literal["compose"]
    composition: Composition

    def on(self, state: PreviewState) -> PreviewState:
        return state.with_composition(self.composition)


class Reset(Deed):
    """The first thing a visitor sees; what was kept stays."""

    op: Literal["reset"]

    def on(self, state: PreviewState) -> PreviewState:
        return state.with_composition(Composition())
