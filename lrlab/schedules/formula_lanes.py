"""What a formula's tree is worth at many lanes at once. A lane is one value of the counter.

A conditional computes each branch at the lanes that selected it and nowhere else, so that every value computed here
is one that Python would compute too, and must be finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrlab.schedules.formula_tokens import shortened
from lrlab.schedules.formula_tree import (
    Binary,
    Call,
    Choice,
    Compare,
    Constant,
    Logic,
    Negative,
    Not,
    Number,
    Part,
    Truth,
    Value,
    Variable,
)

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Places = NDArray[np.intp]

_DEAD = -1080.0
"""Below 2 to this power float64 has nothing but 0."""


class Fault(Exception):
    """A value that does not exist is needed at `lane` (from 0, of the lanes that evaluation began with).

    `what` names the part of the formula and its fault; `allowed`, where there is something to say, what is allowed.
    """

    def __init__(self, what: str, allowed: str, lane: int) -> None:
        super().__init__(what)
        self.what, self.allowed, self.lane = what, allowed, lane


@dataclass(frozen=True, slots=True)
class Lanes:
    """The lanes at hand. `variables`: shape (n,), or one float for all. `places`: (n,), None before any selection."""

    text: str
    variables: Mapping[str, Floats | float]
    places: Places | None = None

    def where(self, holds: Bools | None) -> Lanes:
        """The lanes of those at hand at which `holds`, shape (n,), is true; None: all of them."""
        if holds is None:
            return self
        variables = {
            name: value[holds] if isinstance(value, np.ndarray) else value for name, value in self.variables.items()
        }
        return Lanes(self.text, variables, np.flatnonzero(holds) if self.places is None else self.places[holds])

    def fault(self, node: Part, name: str, operands: list[float], result: float, index: int) -> Fault:
        """What to say of `result`, which the operator or function `name` made of `operands` at lane `index`."""
        what, allowed = _reason(name, operands, result)
        place = index if self.places is None else int(self.places[index])
        return Fault(f"{shortened(self.text[node.start : node.end])} {what}", allowed, place)


def evaluate(node: Value, lanes: Lanes) -> Floats | float:
    """The value of `node`: shape (n,) as the lanes, or one float where it is the same at all. Raises Fault."""
    match node:
        case Number(value=value):
            return value
        case Constant(name=name):
            return _CONSTANTS[name]
        case Variable(name=name):
            return lanes.variables[name]
        case Negative(operand=operand):
            return -evaluate(operand, lanes)
        case Binary(operator=operator, left=left, right=right):
            return _computed(
                node, _OPERATORS[operator], operator, (evaluate(left, lanes), evaluate(right, lanes)), lanes
            )
        case Call(function=name, arguments=arguments):
            return _computed(node, _FUNCTIONS[name], name, tuple(evaluate(each, lanes) for each in arguments), lanes)
        case Choice():
            return _chosen(node, lanes)


def _computed(
    node: Part, function: Callable[..., Any], name: str, operands: tuple[Floats | float, ...], lanes: Lanes
) -> Floats | float:
    result = function(*operands)
    if not isinstance(result, np.ndarray):
        result = float(result)
        if not math.isfinite(result):
            raise lanes.fault(node, name, [float(each) for each in operands], result, 0)
        return result
    finite = np.isfinite(result)
    if not finite.all():
        index = int(finite.argmin())
        there = [float(each[index] if isinstance(each, np.ndarray) else each) for each in operands]
        raise lanes.fault(node, name, there, float(result[index]), index)
    return result


def _chosen(node: Choice, lanes: Lanes) -> Floats | float:
    holds = _holds(node.condition, lanes)
    if isinstance(holds, bool):
        return evaluate(node.chosen if holds else node.other, lanes)
    if holds.all():
        return evaluate(node.chosen, lanes)
    if not holds.any():
        return evaluate(node.other, lanes)
    result = np.empty(len(holds))
    result[holds] = evaluate(node.chosen, lanes.where(holds))
    result[~holds] = evaluate(node.other, lanes.where(~holds))
    return result


def _holds(node: Truth, lanes: Lanes) -> Bools | bool:
    """Where the condition holds: shape (n,) as the lanes, or one bool for all. Raises Fault."""
    match node:
        case Compare(operators=operators, operands=(first, *others)):
            return _compared(evaluate(first, lanes), operators, tuple(others), lanes)
        case Logic(operator=operator, operands=(first, *others)):
            holds = _holds(first, lanes)
            for other in others:
                holds = _joined(operator, holds, partial(_holds_at, other, lanes))
            return holds
        case Not(operand=operand):
            opposite = _holds(operand, lanes)
            return not opposite if isinstance(opposite, bool) else ~opposite
    raise TypeError(f"not a condition: {node!r}")


def _compared(
    left: Floats | float, operators: tuple[str, ...], others: tuple[Value, ...], lanes: Lanes
) -> Bools | bool:
    """`left < others[0] < ...`: each next operand is computed only where the comparisons before it hold."""
    right = evaluate(others[0], lanes)
    holds: Bools | bool = _COMPARISONS[operators[0]](left, right)
    if not isinstance(holds, np.ndarray):
        holds = bool(holds)
    if len(others) == 1:
        return holds

    def onward(selected: Bools | None) -> Bools | bool:
        narrowed = right if selected is None or not isinstance(right, np.ndarray) else right[selected]
        return _compared(narrowed, operators[1:], others[1:], lanes.where(selected))

    return _joined("and", holds, onward)


def _holds_at(node: Truth, lanes: Lanes, selected: Bools | None) -> Bools | bool:
    return _holds(node, lanes.where(selected))


def _joined(operator: str, holds: Bools | bool, more: Callable[[Bools | None], Bools | bool]) -> Bools | bool:
    """`holds and more`, or `holds or more`. `more` is asked only for the lanes that `holds` leaves open (None: all)."""
    if isinstance(holds, bool):
        return more(None) if holds is (operator == "and") else holds
    still = holds.copy() if operator == "and" else ~holds
    if still.all():
        return more(None)
    if still.any():
        holds[still] = more(still)
    return holds


def _reason(name: str, operands: list[float], result: float) -> tuple[str, str]:
    """What is wrong with a value that is not finite, and what is allowed."""
    match name, operands:
        case (("/" | "//" | "%"), [_, 0.0]):
            return "divides by zero", ""
        case "**", [0.0, _]:
            return "raises 0 to a negative power", ""
        case "**", [base, exponent] if math.isnan(result):
            return f"raises {base:.6g} to the power {exponent:.6g}, which has no real value", ""
        case "sqrt", [of]:
            return f"takes the square root of {of:.6g}", "0 or more"
        case (("log" | "log2" | "log10"), [of]):
            return f"takes the logarithm of {of:.6g}", "above 0"
    return "is too large", "up to 1.8e308"


def _power(base: Floats | float, exponent: Floats | float) -> Any:
    """base ** exponent. Decays such as 0.65 ** epoch end at 0, which the processor reaches ten times as slowly."""
    if isinstance(base, np.ndarray) or not isinstance(exponent, np.ndarray) or base <= 0:
        return np.power(base, exponent)
    alive = exponent * math.log2(base) > _DEAD
    if alive.all():
        return np.power(base, exponent)
    result = np.zeros(len(exponent))
    result[alive] = np.power(base, exponent[alive])
    return result


def _clip(x: Floats | float, low: Floats | float, high: Floats | float) -> Any:
    return np.minimum(np.maximum(x, low), high)


_CONSTANTS = {"pi": math.pi, "e": math.e}
_OPERATORS: Mapping[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "//": np.floor_divide,
    "%": np.remainder,
    "**": _power,
}
_COMPARISONS: Mapping[str, Callable[..., Any]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "min": lambda *values: reduce(np.minimum, values),
    "max": lambda *values: reduce(np.maximum, values),
    "clip": _clip,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "sin": np.sin,
    "cos": np.cos,
    "floor": np.floor,
    "ceil": np.ceil,
}
