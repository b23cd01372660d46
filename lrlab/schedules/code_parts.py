"""torch's schedulers as lines of Python, inner ones first, and the small functions that they need."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from lrlab.schedules import spec as specs
from lrlab.schedules.composition import Composition
from lrlab.schedules.formula import parse_formula
from lrlab.schedules.machine import NEUTRAL
from lrlab.schedules.table import Table

WIDTH = 100
"""Columns of the code, wherever a line can be broken."""

PER_GROUP = ("max_lr", "base_lr", "min_lr")
"""Absolute LRs of which torch takes a list, one for each parameter group."""

SHOWN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "CyclicLR": ("base_lr", "max_lr", "step_size_up", "mode"),
        "OneCycleLR": ("max_lr", "total_steps", "pct_start"),
        "ReduceLROnPlateau": ("mode", "factor", "patience"),
    }
)
"""Schedulers with so many parameters that the others are left out where they are at torch's defaults."""

OUTSIDE, PHASE, AHEAD = range(3)
"""Where a scheduler stands: in no SequentialLR; in one; in something that is in one and may be some calls ahead."""


class Schedulers:
    """The schedulers of a composition as code. `lines` build them, `functions` stand before, `classes` are torch's."""

    def __init__(self, composition: Composition) -> None:
        self.lines: list[str] = []
        self.functions: list[str] = []
        self.classes: set[str] = set()
        self._per_step = composition.schedule.interval == "step"
        self._calls = composition.calls
        self._shares = [group.rate(composition.lr) / composition.lr for group in composition.groups]
        self._made = self._drawn = 0
        scheduler = composition.schedule.scheduler
        if not isinstance(scheduler, specs.Fixed):
            self._write(scheduler, 0, OUTSIDE, "scheduler")

    def _write(self, scheduler: specs.Scheduler, offset: int, where: int, name: str = "") -> str:
        """Writes what builds `scheduler`, after whatever it holds, as torch needs it, and returns its name.

        `offset`: the run's call at which it starts.
        """
        if isinstance(scheduler, specs.Fixed):
            scheduler = NEUTRAL
        if isinstance(scheduler, specs.SequentialLR):
            inner = AHEAD if where else PHASE
            phases = zip(scheduler.schedulers, (0, *scheduler.milestones), strict=True)
            names = [self._write(phase, offset + start, inner) for phase, start in phases]
            arguments = ["optimizer", f"schedulers=[{', '.join(names)}]", f"milestones={literal(scheduler.milestones)}"]
        elif isinstance(scheduler, specs.ChainedScheduler):
            inner = AHEAD if where else OUTSIDE
            arguments = [f"[{', '.join(self._write(one, offset, inner) for one in scheduler.schedulers)}]"]
        elif isinstance(scheduler, specs.LambdaLR | specs.MultiplicativeLR):
            arguments = ["optimizer", f"lr_lambda={self._function(scheduler, offset, where)}"]
        else:
            arguments = ["optimizer", *self._given(scheduler)]
        self.classes.add(scheduler.name)
        if not name:
            self._made += 1
            name = f"scheduler{self._made}"
        self.lines += call(f"{name} = {scheduler.name}", arguments)
        return name

    def _given(self, scheduler: specs.Scheduler) -> list[str]:
        fields = type(scheduler).model_fields
        given = []
        for name, value in scheduler.model_dump(exclude={"name"}).items():
            shown = name in SHOWN.get(scheduler.name, (name,))
            if value is None or (not shown and value == fields[name].default):
                continue
            if name in PER_GROUP and self._shares:
                value = [rounded(value * share) for share in self._shares]
            given.append(f"{name}={literal(value)}")
        return given

    def _function(self, scheduler: specs.LambdaLR | specs.MultiplicativeLR, offset: int, where: int) -> str:
        if isinstance(scheduler, specs.LambdaLR) and scheduler.table:
            self._drawn += 1
            name = "drawn" if self._drawn == 1 else f"drawn{self._drawn}"
            self.functions += ["", "", *table_function(name, scheduler.table)]
            return name
        counter = "step" if self._per_step else "epoch"
        return f"lambda {counter}: {expression(scheduler, self._per_step, self._calls, offset, where)}"


def expression(
    scheduler: specs.LambdaLR | specs.MultiplicativeLR, per_step: bool, calls: int, offset: int, where: int = OUTSIDE
) -> str:
    """The formula of `scheduler` in Python; its counter is `step` where it is called after every step, else `epoch`.

    `calls`: in the whole run. `offset`: the run's call at which the counter is 0.
    """
    counter = "step" if per_step else "epoch"
    share = f"({counter} + {offset}) / {max(calls, 1)}" if offset else f"{counter} / {max(calls, 1)}"
    names = {
        "epoch": counter,
        "step": counter if per_step else "epoch * steps_per_epoch",
        # A phase that starts after the run is built all the same, and its function is called once for that.
        "t": f"min({share}, 1)" if where == AHEAD or offset > calls else share,
        "total": str(calls),
    }
    return parse_formula(scheduler.formula or "").python(names)


LINE = """\
for (start, before), (end, after) in zip(points, points[1:]):
    if start <= call < end:
        share = (call - start) / (end - start)
        return {between}
return points[0][1] if call < points[0][0] else points[-1][1]
"""
BETWEEN = {"linear": "before + share * (after - before)", "log": "before ** (1 - share) * after**share"}
STEPWISE = """\
reached = [factor for start, factor in points if start <= call]
return reached[-1] if reached else points[0][1]
"""


def table_function(name: str, table: Table) -> list[str]:
    """A table of points as a function of the call, which is the factor on the LR. `reading` knows it by its lines."""
    points = [f"({literal(whole(at))}, {literal(factor)})" for at, factor in table.points]
    body = STEPWISE if table.interpolation == "step" else LINE.format(between=BETWEEN[table.scale])
    return [
        f"def {name}(call):",
        *wrapped("    points = [", points, "]"),
        *(f"    {line}" for line in body.splitlines()),
    ]


def call(head: str, arguments: Sequence[str]) -> list[str]:
    """`head(arguments)` in as few lines as are readable."""
    line = f"{head}({', '.join(arguments)})"
    if len(line) <= WIDTH:
        return [line]
    lines = [f"{head}("]
    for argument in arguments:
        opening, bracket, inside = argument.partition("[")
        if len(argument) > WIDTH - 5 and bracket:
            lines += wrapped(f"    {opening}[", inside.removesuffix("]").split(", "), "],")
        else:
            lines.append(f"    {argument},")
    return [*lines, ")"]


def wrapped(head: str, values: Sequence[str], tail: str) -> list[str]:
    """`head`, `values` with commas between them, `tail`; in several lines, indented further, where one is too long."""
    line = head + ", ".join(values) + tail
    if len(line) <= WIDTH:
        return [line]
    indent = " " * (len(head) - len(head.lstrip()))
    lines = [f"{indent}   "]
    for value in values:
        if len(lines[-1]) + len(value) + 2 > WIDTH:
            lines.append(f"{indent}   ")
        lines[-1] += f" {value},"
    return [head, *lines, indent + tail]


def literal(value: object) -> str:
    """`value` as Python writes it; a tuple as a list."""
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if value.isprintable() else repr(value)
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return repr(value)


def whole(value: float) -> int | float:
    """A count as a whole number where it is one."""
    return int(value) if value.is_integer() else value


def rounded(value: float) -> float:
    """`value` to 12 digits, without the traces of a multiplication such as 0.1 x 3."""
    return float(f"{value:.12g}")
