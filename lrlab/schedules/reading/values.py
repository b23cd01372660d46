"""What the expressions of a pasted text are worth, as far as they are plain numbers. Nothing is executed.

A value is a number, a text, True, False or None, a list or dict of values, a function as it is written, a scheduler or
optimiser that the text builds, or unknown. Unknown are the names that the text does not explain; they can be asked for.
"""

from __future__ import annotations

import ast
import math
import operator
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from lrlab.schedules.reading.text import quoted, refusal

MAX_LIST = 1000
LARGEST = 1e300

Value = Any
Scope = ChainMap[str, Value]
"""Values by name, the innermost first; "self.lr" and "config['lr']" are names too."""


@dataclass(frozen=True)
class Unknown:
    """A value that the text does not give. `names`: the parts of it that would have to be known."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Function:
    """A lambda or a def, with the names that it sees."""

    node: ast.Lambda | ast.FunctionDef
    scope: Scope = field(compare=False)


@dataclass(eq=False)
class Built:
    """A call that builds a scheduler or an optimiser: the class's name and the values it is given.

    `module`: what stood before the name, such as "keras.optimizers.schedules". `order`: how many were built before.
    """

    name: str
    module: str
    positional: list[Value]
    keywords: dict[str, Value]
    node: ast.Call
    order: int
    variable: str = ""


_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "int": int, "float": float, "round": round, "abs": abs, "min": min, "max": max, "sqrt": math.sqrt, "log": math.log,
    "log10": math.log10, "exp": math.exp, "floor": math.floor, "ceil": math.ceil,
}  # fmt: skip
_SEVERAL = ("min", "max")
_CONSTANTS = {"pi": math.pi, "e": math.e}


def is_number(value: object) -> TypeGuard[float]:
    """Whether `value` is an int or a float; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def power(base: float, exponent: float) -> float:
    """`base ** exponent` in bounded time: whole numbers that would have many digits become floats."""
    if isinstance(base, int) and isinstance(exponent, int) and 0 <= exponent <= 64 and abs(base) < 10**4:
        return int(base**exponent)
    value = float(base) ** float(exponent)
    if isinstance(value, complex):
        raise ValueError("it is no real number")
    return float(value)


def called_name(node: ast.expr) -> str:
    """The name of a plain function that is called, also out of `math` and NumPy; empty for anything else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id="math" | "np" | "numpy"), attr=name):
            return name
    return ""


class Evaluator:
    """Values of expressions in a scope. `answers`: what a person said of names that the text does not explain."""

    def __init__(self, answers: Mapping[str, float]) -> None:
        self._answers = answers

    def value(self, node: ast.expr, scope: Scope) -> Value:
        """The value of `node`; LabError only where plain arithmetic has no result."""
        match node:
            case ast.Constant(value=value) if is_number(value):
                return self._bounded(node, lambda: value)
            case ast.Constant(value=value):
                return value if isinstance(value, bool | str | None) else self.unknown(node)
            case ast.Name() | ast.Attribute() | ast.Subscript():
                return self._named(node, scope)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
                value = self.value(operand, scope)
                if is_number(value):
                    return -value if isinstance(sign, ast.USub) else value
                return value if isinstance(value, Unknown) else self.unknown(node)
            case ast.BinOp(left=left, op=op, right=right):
                return self._arithmetic(node, op, self.value(left, scope), self.value(right, scope))
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return [self.value(element, scope) for element in elements]
            case ast.Dict(keys=keys, values=values):
                made = [self.value(value, scope) for value in values]
                return {
                    key.value: value
                    for key, value in zip(keys, made, strict=True)
                    if isinstance(key, ast.Constant) and isinstance(key.value, str)
                }
            case ast.Lambda():
                return Function(node, scope)
            case ast.NamedExpr(target=target, value=inner):
                scope[target.id] = self.value(inner, scope)
                return scope[target.id]
            case ast.Call():
                return self.called(node, scope)
        return self.unknown(node)

    def unknown(self, node: ast.expr) -> Value:
        """What `node` was said to be, or that it is unknown."""
        name = ast.unparse(node)
        return self._answers[name] if name in self._answers else Unknown((name,))

    def _named(self, node: ast.Name | ast.Attribute | ast.Subscript, scope: Scope) -> Value:
        name = ast.unparse(node)
        if name in scope:
            return scope[name]
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            inside, key = self.value(node.value, scope), node.slice.value
            if isinstance(inside, dict) and key in inside:
                return inside[key]
            if isinstance(inside, list) and type(key) is int and -len(inside) <= key < len(inside):
                return inside[key]
        if isinstance(node, ast.Attribute) and called_name(node) in _CONSTANTS:
            return _CONSTANTS[node.attr]
        return self.unknown(node)

    def _arithmetic(self, node: ast.BinOp, op: ast.operator, left: Value, right: Value) -> Value:
        if isinstance(left, list) and isinstance(right, list) and isinstance(op, ast.Add):
            return (left + right)[: MAX_LIST + 1]
        if not all(is_number(side) or isinstance(side, Unknown) for side in (left, right)):
            return self.unknown(node)
        names = [name for side in (left, right) if isinstance(side, Unknown) for name in side.names]
        if names:
            return Unknown(tuple(dict.fromkeys(names)))
        if not isinstance(op, ast.Pow) and type(op) not in _BINARY:
            return self.unknown(node)
        return self._bounded(node, _BINARY.get(type(op), power), left, right)

    def _bounded(self, node: ast.expr, function: Callable[..., Any], *values: Any) -> Value:
        try:
            value = function(*values)
        except (ArithmeticError, ValueError, TypeError) as error:
            raise refusal(f"{quoted(node)} has no value ({error})") from error
        if not is_number(value) or not abs(value) <= LARGEST:
            raise refusal(f"{quoted(node)} is no number that can be used; allowed: up to {LARGEST:g}")
        # Whole numbers stay short, so that no further arithmetic can take long.
        return float(value) if isinstance(value, int) and abs(value) > 2**63 else value

    def called(self, node: ast.Call, scope: Scope) -> Value:
        """A call of one of Python's plain functions of numbers; any other is unknown."""
        name = called_name(node.func)
        values = [self.value(argument, scope) for argument in node.args]
        if name in scope or node.keywords:
            return self.unknown(node)
        if name in ("list", "tuple", "sorted") and len(values) == 1 and isinstance(values[0], list):
            return values[0]
        if name == "range" and 1 <= len(values) <= 3 and all(type(value) is int for value in values):
            return self._range(node, values)
        if name not in _FUNCTIONS or not values or (len(values) > 1 and name not in _SEVERAL):
            return self.unknown(node)
        if all(map(is_number, values)):
            return self._bounded(node, _FUNCTIONS[name], *values)
        names = [one for value in values if isinstance(value, Unknown) for one in value.names]
        return Unknown(tuple(dict.fromkeys(names))) if names else self.unknown(node)

    def _range(self, node: ast.Call, values: list[int]) -> Value:
        try:
            found = range(*values)
        except ValueError as error:
            raise refusal(f"{quoted(node)} has no value ({error})") from error
        # The range of a loop may be long; only its length is looked at.
        return list(found) if len(found) <= MAX_LIST else self.unknown(node)
