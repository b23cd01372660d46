"""What a formula is made of: the names it may use and the nodes of its tree. The grammar is in `formula_parser`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "epoch": "the counter that torch passes: 0, 1, 2, ...; inside SequentialLR it starts at 0 again",
        "step": "the optimiser update, from 0, at which the call takes effect; the same counter with interval step",
        "t": "the share of the run that is done, from 0 to 1",
        "total": "how many calls the run has",
    }
)
FUNCTIONS: Mapping[str, str] = MappingProxyType(
    {
        "min": "min(a, b, ...): the smallest of its values",
        "max": "max(a, b, ...): the largest of its values",
        "clip": "clip(x, low, high): x, but never below low nor above high",
        "abs": "abs(x): x without its sign",
        "sqrt": "sqrt(x): the square root, x being 0 or more",
        "exp": "exp(x): e to the power x",
        "log": "log(x): the natural logarithm, x being above 0",
        "log2": "log2(x): the logarithm to base 2, x being above 0",
        "log10": "log10(x): the logarithm to base 10, x being above 0",
        "sin": "sin(x): the sine, x in radians",
        "cos": "cos(x): the cosine, x in radians",
        "floor": "floor(x): x rounded down to a whole number",
        "ceil": "ceil(x): x rounded up to a whole number",
    }
)
CONSTANTS: Mapping[str, str] = MappingProxyType(
    {"pi": "3.14159..., half a turn in radians", "e": "2.71828..., the base of exp and log"}
)


@dataclass(frozen=True, slots=True)
class Part:
    start: int
    end: int
    """Where the part stands in the text, without brackets around the whole of it."""


@dataclass(frozen=True, slots=True)
class Number(Part):
    value: float


@dataclass(frozen=True, slots=True)
class Constant(Part):
    name: str


@dataclass(frozen=True, slots=True)
class Variable(Part):
    name: str


@dataclass(frozen=True, slots=True)
class Negative(Part):
    operand: Value


@dataclass(frozen=True, slots=True)
class Binary(Part):
    operator: str
    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class Call(Part):
    function: str
    arguments: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Choice(Part):
    """`chosen if condition else other`."""

    condition: Truth
    chosen: Value
    other: Value


@dataclass(frozen=True, slots=True)
class Compare(Part):
    """`operands[0] operators[0] operands[1] ...`, one operator fewer than operands."""

    operators: tuple[str, ...]
    operands: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Logic(Part):
    operator: str
    operands: tuple[Truth, ...]


@dataclass(frozen=True, slots=True)
class Not(Part):
    operand: Truth


Value = Number | Constant | Variable | Negative | Binary | Call | Choice
Truth = Compare | Logic | Not
