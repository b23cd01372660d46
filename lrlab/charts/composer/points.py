"""Points of a LambdaLR drawn by hand: from a formula, from the grid in which they are typed, and one more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import ValidationError

from lrlab.charts.composer.typed import Ruler, read_length, read_number
from lrlab.errors import LabError, explain
from lrlab.schedules import Composition, LambdaLR, Scheduler, Setting, Table, lambda_values
from lrlab.schedules.table import MAX_POINTS

FIRST = 6
"""So many points stand in for a formula."""


def drawn_by_hand(scheduler: Scheduler, run: Composition, calls: int) -> LambdaLR | None:
    """The formula of `scheduler`, at work for `calls` calls, as a few points; None where it has none or no value."""
    if not isinstance(scheduler, LambdaLR) or scheduler.formula is None:
        return None
    setting = Setting(calls, run.schedule.interval, run.steps_per_epoch)
    places = np.unique(np.linspace(0, calls, FIRST).round().astype(int)).tolist()
    try:
        points = [(place, _short(float(lambda_values(scheduler, place, 1, setting, 0)[0]))) for place in places]
    except LabError:
        return None
    return LambdaLR(table=Table(points=tuple(points)))


def shown_points(table: Table, lr: float) -> list[tuple[str, str]]:
    """The rows of the grid: each point's call, and the LR there where the base LR is `lr`."""
    return [(f"{call:.15g}", _written(factor * lr)) for call, factor in table.points]


def typed_points(
    scheduler: Scheduler, rows: Sequence[tuple[str, str]], field: str, lr: float, ruler: Ruler
) -> LambdaLR:
    """`scheduler` with the points that the grid's `rows` say; a row that was not touched keeps its exact values."""
    table = _table(scheduler, field)
    exact = dict(zip(shown_points(table, lr), table.points, strict=True))
    points = []
    for index, row in enumerate(rows):
        if row in exact:
            points.append(exact[row])
            continue
        call = read_length(row[0], f"{field}.{index}.0", ruler)
        factor = read_number(row[1], "float", f"{field}.{index}.1") / lr
        points.append((call, float(f"{factor:.12g}")))  # 0.01 of 0.1 is a tenth
    try:
        return LambdaLR(table=Table.model_validate({**table.model_dump(), "points": points}))
    except ValidationError as error:
        where, sentence = explain(error)[0]
        raise LabError(sentence, field=field + where.removeprefix("points")) from error


def one_more(scheduler: Scheduler, place: int, calls: int) -> LambdaLR:
    """A point more after the one at `place`, on the curve and half way to the next or to the end of the run."""
    table = _table(scheduler, "scheduler.table")
    if len(table.points) >= MAX_POINTS:
        raise LabError(f"points: got one more than {MAX_POINTS}, allowed: at most {MAX_POINTS}")
    place = min(place, len(table.points) - 1)
    start = table.points[place][0]
    last = place + 1 == len(table.points)
    end = max(float(calls), start + 2) if last else table.points[place + 1][0]
    call = (start + end) // 2 if (start + end) // 2 > start else (start + end) / 2
    point = (call, _short(float(table(np.array([call]))[0])))
    points = (*table.points[: place + 1], point, *table.points[place + 1 :])
    return LambdaLR(table=table.model_copy(update={"points": points}))


def _table(scheduler: Scheduler, field: str) -> Table:
    if not isinstance(scheduler, LambdaLR) or scheduler.table is None:
        raise LabError("points: only a LambdaLR that is drawn by hand has points", field=field)
    return scheduler.table


def _written(lr: float) -> str:
    """Six digits, and below a thousandth a power of ten, as everywhere on the page."""
    if lr == 0 or lr >= 1e-3:
        return f"{lr:.6g}"
    mantissa, exponent = f"{lr:.5e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def _short(value: float) -> float:
    return float(f"{value:.4g}")
