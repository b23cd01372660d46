"""What the Schedule page shows for a composition: figure, words and the controls that fit it.

Pure functions; the route and the page share them. What a person may do is in `composer`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from lrlab.charts.composer.changes import changed
from lrlab.charts.composer.cuts import cut_sentences
from lrlab.charts.composer.form import form
from lrlab.charts.composer.state import MAX_KEPT, Kept, PreviewState
from lrlab.charts.figure import colour
from lrlab.charts.logged import CALLED, logged_metric
from lrlab.charts.panels import Panel, metric_panel, momentum_panel
from lrlab.charts.schedule import BESIDE, Drawn, schedule_figure
from lrlab.errors import LabError, explain
from lrlab.schedules import (
    CATALOGUE,
    GROUPS,
    RECIPES,
    Composition,
    Curve,
    Fixed,
    LambdaLR,
    ReduceLROnPlateau,
    SequentialLR,
    label,
    number,
    sentences,
    warmup_updates,
)
from lrlab.schedules.checks import check
from lrlab.schedules.formula import CONSTANTS, FUNCTIONS, VARIABLES
from lrlab.schedules.measures import Measures, measures

Json = dict[str, Any]


def preview(raw: Any, changes: Any = ()) -> Json:
    """The answer to what was done in the composer, ready for JSON.

    `raw` is a PreviewState as JSON, `changes` what was done since, in order (see `composer.changes`). What is refused
    gives {"errors": [[field, sentence], ...], "checks": [...]} with fields such as "scheduler.gamma"; the page then
    keeps its last figure. A legal state of which there is no curve comes with its "form" too.
    """
    state = preview_state(raw, changes)
    return state if isinstance(state, dict) else preview_of(state)


def preview_state(raw: Any, changes: Any = ()) -> PreviewState | Json:
    """The state that `preview` is asked about, computed no further; where it is refused, the answer."""
    try:
        return changed(raw, changes)
    except ValidationError as error:
        return {"errors": [[_field(field), sentence] for field, sentence in explain(error)], "checks": []}
    except LabError as error:
        return {"errors": [[_field(error.field or ""), str(error)]], "checks": []}


def preview_of(state: PreviewState) -> Json:
    """`preview` of a state that is legal."""
    try:
        return _answer(state)
    except LabError as error:
        repairs = _checks(state.composition, None, None)
        return {
            "errors": [[_field(error.field or ""), str(error)]],
            "checks": [found for found in repairs if found["repair"]],
            "state": state.model_dump(mode="json"),
            "colour": colour(state.next_colour),
            "form": form(state),
        }


def composer_data(state: PreviewState, runs: Sequence[Mapping[str, str]] = ()) -> Json:
    """What the composer is mounted with. `runs`: id and name of the runs whose logged metric can be chosen."""
    raw = state.model_dump(mode="json")
    return {
        "state": raw,
        "first": preview(raw),
        "catalogue": catalogue(),
        "most_kept": MAX_KEPT,
        "runs": [dict(run) for run in runs],
    }


@lru_cache(maxsize=1)
def catalogue() -> Json:
    """What can be chosen, by family, and the names that a formula may use."""
    families: dict[str, list[Json]] = {group: [] for group in GROUPS}
    for entry in CATALOGUE.values():
        families[entry.group].append({"name": entry.name, "line": entry.line})
    return {
        "families": [{"title": GROUPS[group], "entries": entries} for group, entries in families.items()],
        "recipes": [{"name": recipe.name, "title": recipe.title, "line": recipe.line} for recipe in RECIPES.values()],
        # A function's meaning begins with how it is called, "clip(x, low, high): ...".
        "formula": [*VARIABLES.items(), *(text.split(": ", 1) for text in FUNCTIONS.values()), *CONSTANTS.items()],
    }


def _field(field: str) -> str:
    return field.removeprefix("composition").removeprefix(".").removeprefix("schedule.")


def _answer(state: PreviewState) -> Json:
    composition = state.composition
    scheduler = composition.schedule.scheduler
    own = colour(state.next_colour)
    logged = logged_metric(composition)
    values = composition.curve(logged)
    kept = [_kept(known) for known in state.kept]
    name = _called(state)
    drawn = [(line["label"], line["colour"], line["drawn"]) for line in kept if line["drawn"]]
    figure = schedule_figure(
        [(name, own, values), *drawn],
        x=state.x,
        log=state.log,
        groups=_groups(composition, logged),
        borders=_borders(composition),
        points=_points(composition),
        calls=None if isinstance(scheduler, Fixed) else composition.schedule.interval,
        panel=_panel(state, values, own),
    )
    return {
        "state": state.model_dump(mode="json"),
        "figure": figure,
        "label": name,
        "colour": own,
        "tall": "yaxis2" in figure["layout"],
        "sentences": sentences(values),
        "cuts": cut_sentences(scheduler, values) if isinstance(scheduler, ReduceLROnPlateau) else [],
        "checks": _checks(composition, values, logged),
        "kept": [
            _row(name, own, measures(values)),
            *(_row(line["label"], line["colour"], line["measures"]) for line in kept),
        ]
        if kept
        else [],
        "form": form(state),
    }


def _groups(composition: Composition, logged: Sequence[float] | None) -> list[tuple[str, Drawn]]:
    """The groups' lines; of a long curve only what is drawn of it is left before the next is made."""
    return [(group.name, Drawn.of(composition.group_curve(group, logged), BESIDE)) for group in composition.groups]


def _called(state: PreviewState | Kept) -> str:
    return state.recipe.recipe.title if state.recipe else label(state.composition.schedule)


def _panel(state: PreviewState, values: Curve, own: str) -> Panel | None:
    scheduler = state.composition.schedule.scheduler
    if isinstance(scheduler, ReduceLROnPlateau):
        return metric_panel(values, own, state.x, CALLED[scheduler.mode])
    return momentum_panel(values, own, state.x)


def _borders(composition: Composition) -> list[float]:
    """The updates at which the warm-up ends and at which the phases of the outermost SequentialLR begin."""
    schedule = composition.schedule
    warm = warmup_updates(schedule.warmup, composition.steps_per_epoch)
    borders = [float(warm)]
    if isinstance(schedule.scheduler, SequentialLR):
        borders += [_update(composition, milestone) for milestone in schedule.scheduler.milestones]
    return [update for update in borders if 0 < update < composition.updates]


def _points(composition: Composition) -> list[tuple[float, float]]:
    """Update and LR of each point of a curve drawn by hand."""
    scheduler = composition.schedule.scheduler
    if not isinstance(scheduler, LambdaLR) or scheduler.table is None:
        return []
    places = [(_update(composition, call), factor * composition.lr) for call, factor in scheduler.table.points]
    return [(update, lr) for update, lr in places if update <= composition.updates]


def _update(composition: Composition, call: float) -> float:
    """The optimiser update from which on the LR of the scheduler's call number `call` is used."""
    schedule, steps = composition.schedule, composition.steps_per_epoch
    warm = warmup_updates(schedule.warmup, steps)
    if schedule.interval == "step" or call == 0:
        return warm + call
    return (warm // steps + call) * steps


def _checks(composition: Composition, values: Curve | None, logged: Sequence[float] | None) -> list[Json]:
    return [
        {
            "name": found.name,
            "path": found.path,
            "sentence": found.sentence,
            "severity": found.severity,
            "repair": found.repair
            and {
                "label": found.repair.label,
                "composition": found.repair.composition.model_dump(mode="json"),
            },
        }
        for found in check(composition, values, logged)
    ]


def _kept(kept: Kept) -> Json:
    """A kept schedule's line and measures, computed once; without them where its run is gone."""
    shown = {"label": _called(kept), "colour": colour(kept.colour)}
    try:
        drawn, found = _measured(kept.composition, logged_metric(kept.composition))
    except LabError:
        return {**shown, "drawn": None, "measures": None}
    return {**shown, "drawn": drawn, "measures": found}


@lru_cache(maxsize=64)
def _measured(composition: Composition, logged: tuple[float, ...] | None) -> tuple[Drawn, Measures]:
    values = composition.curve(logged)
    return Drawn.of(values, BESIDE), measures(values)


def _row(name: str, own: str, found: Measures | None) -> Json:
    """One line of the table that compares: sums of LR over the updates, and shares in per cent."""
    told = ["", "", ""]
    if found:
        told = [number(found.area), f"{100 * found.above_half:.0f} %", number(found.final_over_peak)]
    return {"label": name, "colour": own, "measures": told}
