"""The controls that fit a state: what there is to set, within which ranges, in which order.

Everything here is plain JSON for the page, which builds and updates its controls from it. A control's `field` is the
name under which it is changed and refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lrlab.charts.composer import tree
from lrlab.charts.composer.points import shown_points
from lrlab.charts.composer.state import PreviewState
from lrlab.charts.composer.typed import Ruler
from lrlab.charts.logged import CALLED
from lrlab.schedules import (
    CATALOGUE,
    FORMS,
    GROUP,
    INTERVAL,
    RUN,
    SYNTHETIC,
    TABLE,
    Composition,
    Fixed,
    LambdaLR,
    Logged,
    OneCycleLR,
    Parameter,
    ReduceLROnPlateau,
    Scheduler,
    SequentialLR,
    form_of,
    label,
    number,
    parameters,
    warmup_parameters,
)

Json = dict[str, Any]

MOST_NOTES = 3
"""Of so many lengths in one control each is said in every unit."""


def form(state: PreviewState) -> Json:
    """Every control of `state`: "run", "scheduler", "recipe", "interval", "warmup", "groups" and "metric"."""
    run, schedule = state.composition, state.composition.schedule
    maker = _Maker(state)
    recipe = state.recipe and _recipe(state, maker)
    counted = not isinstance(schedule.scheduler, Fixed | ReduceLROnPlateau)
    warm = schedule.warmup
    return {
        "run": [maker.control(field.name, field, getattr(run, field.name)) for field in RUN],
        "updates": f"{run.updates:,} updates in all",
        "recipe": recipe,
        "scheduler": None if recipe else maker.node(schedule.scheduler, (), max(run.calls, 1)),
        "interval": None if recipe or not counted else {"value": schedule.interval, "help": INTERVAL.help},
        "warmup": None
        if recipe
        else [
            maker.control(f"warmup.{field.name}", field, getattr(warm, field.name), length=field.name == "length")
            for field in warmup_parameters(warm.unit, run.epochs, run.steps_per_epoch)
        ]
        if warm
        else [],
        "groups": [_group(run, place, maker) for place in range(len(run.groups))],
        "metric": _metric(run, maker),
    }


class _Maker:
    """Makes the controls of one state."""

    def __init__(self, state: PreviewState) -> None:
        self._run = state.composition
        self._interval = state.composition.schedule.interval
        self._ruler = Ruler(state)

    def control(self, field: str, parameter: Parameter, value: Any, *, length: bool = False, **more: Any) -> Json:
        """`length`: whether the value can also be typed with a unit, as those counted in calls always can."""
        length = length or parameter.unit == "calls"
        kind: str = parameter.kind
        if length:
            kind = "lengths" if parameter.kind == "list of int" else "length"
        elif parameter.name == "formula":
            kind = "formula"
        lengths = [] if value is None else list(value) if kind == "lengths" else [value] if kind == "length" else []
        note = "; ".join(self._ruler.words(field, each) for each in lengths) if len(lengths) <= MOST_NOTES else ""
        return {
            "field": field,
            "title": parameter.title,
            "kind": kind,
            "value": value,
            "min": parameter.min,
            "max": parameter.max,
            "step": parameter.step,
            "log": parameter.log,
            "zero": parameter.zero,
            "unit": self._unit(field, parameter),
            "help": parameter.help,
            "choices": parameter.choices,
            "optional": parameter.optional,
            "start": parameter.start if parameter.optional else None,
            "note": note,
            **more,
        }

    def _unit(self, field: str, parameter: Parameter) -> str:
        return self._ruler.unit(field) if parameter.unit == "calls" else parameter.unit

    def node(self, scheduler: Scheduler, at: tree.Path, calls: int, *, barred: tuple[str, ...] = ()) -> Json:
        """A scheduler, its controls, and those that it holds. `barred`: what may not be chosen in its place."""
        field = ".".join(["scheduler", *(f"schedulers.{place}" for place in at)])
        given = form_of(scheduler)
        out: Json = {
            "field": field,
            "at": at,
            "name": scheduler.name,
            "line": CATALOGUE[scheduler.name].line,
            "barred": barred,
            "controls": [],
        }
        if len(FORMS.get(scheduler.name, ())) > 1:
            out["form"] = {"value": given, "choices": [(known.name, known.title) for known in FORMS[scheduler.name]]}
        if isinstance(scheduler, tree.Several):
            out["phases"] = self._phases(scheduler, at, field, calls)
        elif isinstance(scheduler, LambdaLR) and scheduler.table:
            out["grid"] = self._grid(scheduler, f"{field}.table")
        else:
            out["controls"] = self._controls(scheduler, field, calls, given)
        return out

    def _controls(self, scheduler: Scheduler, field: str, calls: int, given: str) -> list[Json]:
        values = dict(scheduler)
        if isinstance(scheduler, OneCycleLR):
            values["total_steps"] = scheduler.length
        return [
            self.control(f"{field}.{parameter.name}", parameter, values[parameter.name])
            for parameter in parameters(scheduler.name, calls, self._run.lr, given)
            if parameter.needs is None or values[parameter.needs[0]] == parameter.needs[1]
        ]

    def _grid(self, scheduler: LambdaLR, field: str) -> Json:
        assert scheduler.table is not None
        points, *others = TABLE
        return {
            "field": f"{field}.{points.name}",
            "rows": shown_points(scheduler.table, self._run.lr),
            "unit": self._ruler.unit(field),
            "help": points.help,
            "controls": [
                self.control(f"{field}.{parameter.name}", parameter, getattr(scheduler.table, parameter.name))
                for parameter in others
            ],
        }

    def _phases(self, scheduler: tree.Several, at: tree.Path, field: str, calls: int) -> list[Json]:
        sequence = isinstance(scheduler, SequentialLR)
        holders = [isinstance(inner, tree.Several) for inner in scheduler.schedulers]
        out = []
        for place, (inner, (start, end)) in enumerate(
            zip(scheduler.schedulers, tree.spans(scheduler, calls), strict=True)
        ):
            later = sequence and place > 0
            # torch cannot switch to a scheduler that holds others: it stands first or not at all.
            barred = ("ReduceLROnPlateau", *(tree.SEVERAL if later else ()))
            down = place + 1 < len(holders) and not (sequence and place == 0 and holders[0])
            out.append(
                {
                    "node": self.node(inner, (*at, place), max(end - start, 1), barred=barred),
                    "span": f"{self._ruler.unit(field)} {start:,} to {end:,}" if sequence else "",
                    "up": place > 0 and not (place == 1 and sequence and holders[0]),
                    "down": down,
                    "milestone": self._milestone(scheduler, f"{field}.milestones", place - 1, calls)
                    if isinstance(scheduler, SequentialLR) and later
                    else None,
                }
            )
        return out

    def _milestone(self, scheduler: SequentialLR, field: str, index: int, calls: int) -> Json:
        milestones, value = scheduler.milestones, scheduler.milestones[index]
        (listed,) = parameters("SequentialLR", calls, self._run.lr)
        one = replace(listed, kind="int", title=f"Phase {index + 2} begins at", max=max(calls, value))
        return self.control(
            f"{field}.{index}",
            one,
            value,
            low=milestones[index - 1] if index else 1,
            high=milestones[index + 1] if index + 1 < len(milestones) else calls,
        )


def _recipe(state: PreviewState, maker: _Maker) -> Json:
    assert state.recipe is not None
    recipe, values, run = state.recipe.recipe, state.recipe.values, state.composition
    return {
        "name": recipe.name,
        "title": recipe.title,
        "line": recipe.line,
        "becomes": label(run.schedule),
        "controls": [
            maker.control(
                f"recipe.{parameter.name}",
                parameter,
                values.get(parameter.name, None if parameter.optional else parameter.start),
            )
            for parameter in recipe.fitted(run.epochs, run.steps_per_epoch, run.lr)
        ],
    }


def _group(run: Composition, place: int, maker: _Maker) -> Json:
    group = run.groups[place]
    by = "lr" if group.lr is not None else "multiplier"
    name, *_ = GROUP
    rate = next(parameter for parameter in GROUP if parameter.name == by)
    return {
        "name": maker.control(f"groups.{place}.name", name, group.name, bare=True),
        "by": by,
        "rate": maker.control(f"groups.{place}.{by}", rate, getattr(group, by), bare=True) | {"optional": ""},
        "lr": number(group.rate(run.lr)),
    }


def _metric(run: Composition, maker: _Maker) -> Json | None:
    scheduler, metric = run.schedule.scheduler, run.metric
    if not isinstance(scheduler, ReduceLROnPlateau):
        return None
    logged = isinstance(metric, Logged)
    return {
        "run": metric.run if isinstance(metric, Logged) else None,
        "called": CALLED[scheduler.mode],
        "controls": []
        if logged
        else [maker.control(f"metric.{field.name}", field, getattr(metric, field.name)) for field in SYNTHETIC],
    }
