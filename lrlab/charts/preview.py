"""What the Schedule page shows for a composition: figure, words and the controls that fit it.

Pure functions; the route and the page share them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lrlab.charts.figure import Figure, colour
from lrlab.charts.schedule import schedule_figure
from lrlab.errors import LabError, explain
from lrlab.schedules import Composition, Warmup, label, sentences
from lrlab.schedules.catalogue import RUN, Parameter, parameters, starting, warmup_parameters

MAX_KEPT = 8


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Kept(_Value):
    """A schedule kept for comparison; `colour` is its place in the palette."""

    composition: Composition
    colour: Annotated[int, Field(ge=0, le=1000)]


class Change(_Value):
    """A choice after which the server picks fitting values: another scheduler, another interval, a warm-up put on or
    counted in another unit.
    """

    scheduler: str | None = None
    interval: Literal["epoch", "step"] | None = None
    warmup: Literal["epoch", "step"] | None = None


class PreviewState(_Value):
    """All that the page holds: the composition, the view and what was kept."""

    composition: Composition = Composition()
    x: Literal["epoch", "step"] = "epoch"
    log: bool = False
    kept: tuple[Kept, ...] = Field(default=(), max_length=MAX_KEPT)

    @property
    def next_colour(self) -> int:
        """The palette place of the schedule being composed."""
        used = {kept.colour for kept in self.kept}
        return next(place for place in range(len(used) + 1) if place not in used)


def preview(raw: Any, change: Any = None) -> dict[str, Any]:
    """The answer to one movement of a control, ready for JSON.

    `raw` is a PreviewState as JSON, `change` a Change or None. Refused values give {"errors": [[field, sentence], ...]}
    with fields such as "scheduler.gamma"; the page then keeps its last figure.
    """
    try:
        state = PreviewState.model_validate(raw)
        if change:
            composition = _changed(state.composition, Change.model_validate(change))
            state = state.model_copy(update={"composition": composition})
        return _answer(state)
    except ValidationError as error:
        return {"errors": [[_field(field), sentence] for field, sentence in explain(error)]}
    except LabError as error:
        return {"errors": [["", str(error)]]}


def _field(field: str) -> str:
    return field.removeprefix("composition").removeprefix(".").removeprefix("schedule.")


def _changed(composition: Composition, change: Change) -> Composition:
    if change.interval:
        composition = composition.with_interval(change.interval)
    schedule = composition.schedule
    if change.scheduler:
        try:
            scheduler = starting(
                change.scheduler, schedule.interval, composition.epochs, composition.steps_per_epoch, schedule.warmup
            )
        except KeyError:
            raise LabError(f"scheduler: {change.scheduler!r} is unknown", field="scheduler.name") from None
        schedule = schedule.model_copy(update={"scheduler": scheduler})
    if change.warmup and schedule.warmup:
        schedule = schedule.model_copy(
            update={"warmup": schedule.warmup.with_unit(change.warmup, composition.steps_per_epoch)}
        )
    elif change.warmup:
        fields = warmup_parameters(change.warmup, composition.epochs, composition.steps_per_epoch)
        values = {field.name: field.start for field in fields}
        schedule = schedule.model_copy(update={"warmup": Warmup.model_validate(values)})
    return composition.model_copy(update={"schedule": schedule})


def _answer(state: PreviewState) -> dict[str, Any]:
    composition = state.composition
    values = composition.curve()
    curves = [(label(composition.schedule), colour(state.next_colour), values)]
    curves += [(label(kept.composition.schedule), colour(kept.colour), kept.composition.curve()) for kept in state.kept]
    figure: Figure = schedule_figure(curves, x=state.x, log=state.log)
    return {
        "state": state.model_dump(mode="json"),
        "figure": figure,
        "label": curves[0][0],
        "colour": curves[0][1],
        "kept": [{"label": name, "colour": shade} for name, shade, _ in curves[1:]],
        "next": state.next_colour,
        "sentences": sentences(values),
        "controls": _controls(composition),
    }


def _controls(composition: Composition) -> dict[str, Any]:
    schedule = composition.schedule
    fitting = parameters(schedule.scheduler.name, composition.calls)
    run = {"lr": composition.lr, "epochs": composition.epochs, "steps_per_epoch": composition.steps_per_epoch}
    warm = schedule.warmup
    return {
        "run": [_control(field, run[field.name], schedule.interval) for field in RUN],
        "scheduler": [_control(field, getattr(schedule.scheduler, field.name), schedule.interval) for field in fitting],
        "warmup": [
            _control(field, getattr(warm, field.name), schedule.interval)
            for field in warmup_parameters(warm.unit, composition.epochs, composition.steps_per_epoch)
        ]
        if warm
        else None,
    }


def _control(field: Parameter, value: Any, interval: Literal["epoch", "step"]) -> dict[str, Any]:
    return {
        "name": field.name,
        "title": field.title,
        "kind": field.kind,
        "value": value,
        "min": field.min,
        "max": field.max,
        "step": field.step,
        "log": field.log,
        "zero": field.zero,
        "unit": field.unit_for(interval),
        "help": field.help,
        "choices": field.choices,
    }
