"""A formula with other expressions in the place of its variables, in the person's own spelling everywhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields

from lrlab.schedules.formula_code import write_python
from lrlab.schedules.formula_parser import parse
from lrlab.schedules.formula_tree import Binary, Call, Number, Part, Value, Variable

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_TIGHT = ("*", "/", "//", "%", "**")


def rewritten(text: str, instead: Mapping[str, str], undone: Mapping[str, str]) -> str:
    """The formula `text` with the expression `instead[name]` for each of these variables; "lambda NAME:" is dropped.

    Where the formula says `undone[name]` of a variable, a bare name takes its place: what an earlier rewriting did is
    so taken back. The expressions are products, quotients or calls. `text` must be a legal formula; the result may
    be too long for one.
    """
    tree, _ = parse(text)
    undoing = {write_python(parse(expression)[0], {}): name for name, expression in undone.items()}
    pieces, at = [], tree.start
    for node, expression in _places(tree, instead, undoing, False):
        pieces += [text[at : node.start], expression]
        at = node.end
    return "".join([*pieces, text[at : tree.end]])


def without_power(text: str, exponent: str) -> str | None:
    """What is raised to `exponent` where that is all that the formula `text` is; None where it is not."""
    tree, _ = parse(text)
    if isinstance(tree, Binary) and tree.operator == "**" and _same(tree.right, parse(exponent)[0]):
        return text[tree.left.start : tree.left.end]
    return None


def to_the_power(text: str, exponent: str) -> str:
    """The formula `text` raised to `exponent`, an expression that is bracketed where it needs it."""
    tree, _ = parse(text)
    inner = text[tree.start : tree.end]
    alone = isinstance(tree, Number | Variable | Call) and _NAME_OR_NUMBER.fullmatch(inner)
    return f"{inner if alone else f'({inner})'} ** {exponent}"
