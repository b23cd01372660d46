"""Checks of LambdaLR and MultiplicativeLR: formulas that cannot mean what they say, tables longer than the run."""

from __future__ import annotations

from collections.abc import Iterator

from lrlab.errors import LabError
from lrlab.schedules import spec as specs
from lrlab.schedules.checks.decays import COUNTING, VANISHED
from lrlab.schedules.checks.model import Found, Repair, rule
from lrlab.schedules.checks.situation import Situation
from lrlab.schedules.formula import parse_formula
from lrlab.schedules.words import number


@rule("note")
def formula_without_variable(run: Situation) -> Iterator[Found]:
    """A LambdaLR whose formula uses no variable: it holds one LR for the whole run."""
    for place in run.active(specs.LambdaLR):
        formula = place.scheduler.formula
        if formula is not None and not parse_formula(formula).names:
            held = "" if place.chained else f" at {number(run.lr(place.start))}"
            yield Found(
                place.at("formula"),
                f"The formula uses none of epoch, step, t and total, so LambdaLR keeps the LR{held}.",
                way=place.way,
            )


@rule("trap")
def multiplicative_cumulates(run: Situation) -> Iterator[Found]:
    """MultiplicativeLR multiplies what the LR is: a formula meant for LambdaLR (0.65 ** epoch) is applied again at
    every call, and nothing is left."""
    for place in run.active(specs.MultiplicativeLR):
        if place.chained or not parse_formula(place.scheduler.formula).names:
            continue
        ends = run.final(place)
        repaired = run.replaced(place.way, specs.LambdaLR(formula=place.scheduler.formula))
        if ends >= VANISHED * place.base:
            continue
        try:
            would = Situation(repaired, repaired.curve()).final(place)
        except LabError:
            continue
        if would > VANISHED * place.base:
            yield Found(
                place.at("formula"),
                f"MultiplicativeLR multiplies the last LR by the formula, so its values pile up to {number(ends)} at "
                f"the end; as a factor on the base LR (LambdaLR) it would end at {number(would)}.",
                Repair("Make it LambdaLR", repaired),
                place.way,
            )


@rule("note", *COUNTING)
def table_longer_than_run(run: Situation) -> Iterator[Found]:
    """Points drawn by hand that lie beyond the run."""
    for place in run.active(specs.LambdaLR):
        table = place.scheduler.table
        if table is None or table.points[-1][0] <= place.calls or len(table.points) < 2:
            continue
        last = table.points[-1][0]
        beyond = sum(call > place.calls for call, _ in table.points)
        points = tuple((float(f"{call * place.calls / last:.6g}"), height) for call, height in table.points)
        distinct = len({call for call, _ in points}) == len(points)
        scaled = place.scheduler.model_copy(update={"table": table.model_copy(update={"points": points})})
        yield Found(
            place.at("table"),
            f"{run.has(place).capitalize()}: {beyond:,} of {len(table.points):,} points, the last at "
            f"{run.unit} {last:,g}, lie beyond the end.",
            Repair("Scale the points to the run", run.replaced(place.way, scaled)) if distinct else None,
            place.way,
        )


RULES = (formula_without_variable, multiplicative_cumulates, table_longer_than_run)
