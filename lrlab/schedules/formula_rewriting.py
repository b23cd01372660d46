"""A formula with other expressions in the place of its variables, in the person's own spelling everywhere else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple

from lrlab.schedules.formula_code import write_python
from lrlab.schedules.formula_parser import parse
from lrlab.schedules.formula_tree import Binary, Call, Compare, Negative, Truth, Value, Variable


@dataclass(frozen=True)
class Rewriting:
    """`instead`: the expression that stands in the place of each variable named; a product, a quotient or a call.
    `exactly`: the same for what is compared with == or !=, where `instead` is the rule otherwise.
    `undone`: expressions in whose place a bare name stands again, so that an earlier rewriting is taken back.
    """

    instead: Mapping[str, str]
    undone: Mapping[str, str]
    exactly: Mapping[str, str]

    def of(self, text: str) -> str:
        """The legal formula `text` rewritten; "lambda NAME:" is dropped. The result may be too long for a formula."""
        tree, _ = parse(text)
        undone = {_meaning(expression): name for expression, name in self.undone.items()}
        pieces, at = [], tree.start
        for edit in sorted(self._edits(tree, undone)):
            start, end, expression = _fitted(text, edit)
            pieces += [text[at:start], expression]
            at = end
        return "".join([*pieces, text[at : max(at, tree.end)]])

    def _edits(
        self, node: Value | Truth, undone: Mapping[str, str], tight: bool = False, exact: bool = False
    ) -> Iterator[_Edit]:
        """`tight`: what surrounds `node` binds as tightly as a product. `exact`: it is compared with == or !=."""
        name = None if isinstance(node, Truth) else undone.get(write_python(node, {}))
        if name:
            yield _Edit(node.start, node.end, name, False)
            return
        if isinstance(node, Variable):
            expression = self.exactly.get(node.name) if exact else None
            expression = expression or self.instead.get(node.name)
            if expression:
                yield _Edit(node.start, node.end, expression, tight and not isinstance(parse(expression)[0], Call))
            return
        if isinstance(node, Compare):
            exact = set(node.operators) <= {"==", "!="}
        for place, child in enumerate(_children(node)):
            held = isinstance(node, Negative) or (
                isinstance(node, Binary) and (node.operator == "**" or (place == 1 and node.operator not in "+-"))
            )
            yield from self._edits(child, undone, held, exact)


class _Edit(NamedTuple):
    start: int
    end: int
    expression: str
    bracketed: bool
    """Whether the expression needs brackets where it stands."""


def raised(text: str, exponent: str) -> str:
    """The formula `text` to the power `exponent`, an expression that needs no brackets in this place."""
    tree, _ = parse(text)
    base = text[tree.start : tree.end]
    bare, bracketed = f"{base} ** {exponent}", f"({base}) ** {exponent}"
    return bare if _meaning(bare) == _meaning(bracketed) else bracketed


def root(text: str, exponent: str) -> str | None:
    """What the formula `text` raises to `exponent`; None where it is no such power."""
    tree, _ = parse(text)
    if isinstance(tree, Binary) and tree.operator == "**" and write_python(tree.right, {}) == _meaning(exponent):
        return text[tree.left.start : tree.left.end]
    return None


def _meaning(expression: str) -> str:
    """The same text for expressions that differ in spaces, brackets and the spelling of numbers alone."""
    return write_python(parse(expression)[0], {})


def _fitted(text: str, edit: _Edit) -> tuple[int, int, str]:
    """The edit with the brackets it needs: those that stand there serve, and those around a bare word go."""
    before, after = text[: edit.start].rstrip(), text[edit.end :].lstrip()
    if before.endswith(("(", ",")) and after.startswith((")", ",")):
        called = before[:-1].rstrip()[-1:]
        plain = not edit.bracketed and before.endswith("(") and after.startswith(")")
        if plain and not (called.isalnum() or called == "_"):
            return len(before) - 1, len(text) - len(after) + 1, edit.expression
        return edit.start, edit.end, edit.expression
    return edit.start, edit.end, f"({edit.expression})" if edit.bracketed else edit.expression


def _children(node: Value | Truth) -> Iterator[Value | Truth]:
    for field in fields(node):
        value = getattr(node, field.name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Value | Truth):
                yield part
