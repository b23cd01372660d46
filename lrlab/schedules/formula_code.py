"""A formula's tree as a Python expression that runs as it stands, with `import math` and built-in functions."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

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
    Truth,
    Value,
    Variable,
)

CHOICE, OR, AND, NOT, COMPARE, SUM, PRODUCT, SIGN, POWER, ATOM = range(10)
"""Python's levels of precedence, loosest first."""

_OPERATORS = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "//": PRODUCT, "%": PRODUCT, "**": POWER}
_ATOM = re.compile(r"[A-Za-z_][\w.]*(\([^()]*\))?|[0-9.]+", re.ASCII)

_EXACT = 2.0**53
"""Whole numbers up to here are the same in float64 and in Python's ints; beyond, Python's ints stay exact."""
_LARGEST = {"epoch": 2e7, "step": 2e7, "total": 2e7, "t": 1.0}
"""No run has more updates than this."""


class _Code(NamedTuple):
    text: str
    level: int
    largest: float | None = None
    """None where the value is surely a float; where it may be an int, how far from 0 that int can be."""

    def at(self, level: int) -> str:
        """The text for a place that binds as tightly as `level`."""
        return self.text if self.level >= level else f"({self.text})"

    def floated(self) -> _Code:
        """The same value, as a float where it may be an int."""
        if self.largest is None:
            return self
        return _Code(f"{self.text}.0" if self.text.isdigit() else f"float({self.text})", ATOM)


def write_python(tree: Value, names: Mapping[str, str]) -> str:
    """`tree` as an expression; `names` holds the expressions that stand for variables, where they are not the names."""
    return _value(tree, names).text


def _value(node: Value, names: Mapping[str, str]) -> _Code:
    match node:
        case Number(value=value):
            whole = value.is_integer() and value < _EXACT
            return _Code(str(int(value)), ATOM, value) if whole else _Code(repr(value), ATOM)
        case Constant(name=name):
            return _Code(f"math.{name}", ATOM)
        case Variable(name=name):
            text = names.get(name, name)
            return _Code(text, ATOM if _ATOM.fullmatch(text) else CHOICE, _LARGEST[name])
        case Negative(operand=operand):
            inner = _value(operand, names)
            return _Code(f"-{inner.at(SIGN)}", SIGN, inner.largest)
        case Binary(operator=operator, left=left, right=right):
            return _binary(operator, _value(left, names), _value(right, names))
        case Call(function=function, arguments=arguments):
            return _call(function, [_value(argument, names) for argument in arguments])
        case Choice(condition=condition, chosen=chosen, other=other):
            one, two = _value(chosen, names), _value(other, names)
            text = f"{one.at(OR)} if {_truth(condition, names).at(OR)} else {two.at(CHOICE)}"
            return _Code(text, CHOICE, _either(one, two))


def _truth(node: Truth, names: Mapping[str, str]) -> _Code:
    match node:
        case Compare(operators=operators, operands=operands):
            first, *others = [_value(operand, names).at(SUM) for operand in operands]
            pairs = zip(operators, others, strict=True)
            return _Code(" ".join([first, *(f"{operator} {other}" for operator, other in pairs)]), COMPARE)
        case Logic(operator=operator, operands=conditions):
            level = AND if operator == "and" else OR
            # One level tighter: a group that the person bracketed stays bracketed.
            return _Code(f" {operator} ".join(_truth(each, names).at(level + 1) for each in conditions), level)
        case Not(operand=operand):
            return _Code(f"not {_truth(operand, names).at(NOT)}", NOT)


def _binary(operator: str, left: _Code, right: _Code) -> _Code:
    largest = None
    if operator != "/" and left.largest is not None and right.largest is not None:
        largest = _reach(operator, left.largest, right.largest)
        if largest > _EXACT:
            largest = None
            if right.text.isdigit():
                right = right.floated()
            else:
                left = left.floated()
    level = _OPERATORS[operator]
    if operator == "**":
        return _Code(f"{left.at(ATOM)} ** {right.at(SIGN)}", level, largest)
    return _Code(f"{left.at(level)} {operator} {right.at(level + 1)}", level, largest)


def _reach(operator: str, left: float, right: float) -> float:
    """How far from 0 an int can be that `operator` makes of two ints that are no further than `left` and `right`."""
    match operator:
        case "+" | "-":
            return left + right
        case "*":
            return left * right
        case "**":
            bits = right * math.log2(max(left, 2.0))
            return 2.0**bits if bits < 1000 else math.inf
    return max(left, right) + 1


def _call(function: str, arguments: list[_Code]) -> _Code:
    inside = [argument.text for argument in arguments]
    match function:
        case "clip":
            x, low, high = inside
            return _Code(f"min(max({x}, {low}), {high})", ATOM, _either(*arguments))
        case "min" | "max" | "abs":
            return _Code(f"{function}({', '.join(inside)})", ATOM, _either(*arguments))
        case "floor" | "ceil":  # in Python these make an int of any size
            return _Code(f"math.{function}({inside[0]})", ATOM, math.inf)
    return _Code(f"math.{function}({inside[0]})", ATOM)


def _either(*codes: _Code) -> float | None:
    return max((code.largest for code in codes if code.largest is not None), default=None)
