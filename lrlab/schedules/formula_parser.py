"""The grammar of formulas: text in, a tree of the few things a formula can say out. Nothing is compiled or executed.

The grammar is Python's own, cut down to arithmetic: whatever is accepted here means the same in Python. What has no
word in it (attributes, strings, brackets of lists, assignments) cannot be said at all, and every refusal names the
part at fault. The size of text and tree is bounded while reading, so that no input is slow or nests too deep.
"""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import TypeVar

from lrlab.errors import LabError
from lrlab.schedules.formula_tokens import Token, quoted, refusal, tokens
from lrlab.schedules.formula_tree import (
    CONSTANTS,
    FUNCTIONS,
    VARIABLES,
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

MAX_CHARACTERS = 500
MAX_NODES = 200
MAX_DEPTH = 32
"""How deep brackets, calls, signs, powers of powers and conditionals may nest."""

_ARGUMENTS = {"min": (2, MAX_NODES), "max": (2, MAX_NODES), "clip": (3, 3), "pow": (2, 2)}
_SYNONYMS = {"fabs": "abs", "minimum": "min", "maximum": "max", "power": "pow"}
_PREFIXES = ("math", "np", "numpy")
_INSTEAD = {"int": "floor(x)", "round": "floor(x + 0.5)", "tan": "sin(x) / cos(x)", "True": "1", "False": "0"}
_WRITTEN_OUT = {"pow": "x ** y", "float": "x"}
"""Python's functions that need none here; what a person may write instead."""
_ALLOWED = (
    f"allowed: numbers, the variables {', '.join(VARIABLES)}, the constants {', '.join(CONSTANTS)} "
    f"and the functions {', '.join(FUNCTIONS)}"
)
_LEVELS = {"+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "%": 2}
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_LAMBDA = re.compile(r"\s*lambda\s+([A-Za-z_][A-Za-z0-9_]*)\s*:", re.ASCII)

Node = TypeVar("Node", bound=Part)


def parse(text: str) -> tuple[Value, frozenset[str]]:
    """The tree of `text` and the variables it uses. Raises LabError (field "formula")."""
    if len(text) > MAX_CHARACTERS:
        raise refusal(f"got {len(text):,} characters, allowed: at most {MAX_CHARACTERS}")
    return _Parser(text).formula()


class _Parser:
    """Recursive descent over Python's grammar: one method for each level of precedence, loosest first."""

    def __init__(self, text: str) -> None:
        # What tutorials paste is "lambda e: 0.65 ** e": the name is the counter, whatever it is called.
        counter = _LAMBDA.match(text)
        self._counter = counter[1] if counter and not keyword.iskeyword(counter[1]) else None
        self._tokens = tokens(text, counter.end() if counter and self._counter else 0)
        self._next = self._depth = self._nodes = 0
        self._names: set[str] = set()

    def formula(self) -> tuple[Value, frozenset[str]]:
        if self._here.kind == "end":
            raise refusal("is empty; allowed: a number or an expression such as 0.65 ** epoch")
        tree = self._number(self._expression())
        if self._here.kind != "end":
            raise self._unexpected()
        return tree, frozenset(self._names)

    @property
    def _here(self) -> Token:
        return self._tokens[self._next]

    @property
    def _end(self) -> int:
        """Where the text that was read so far ends."""
        return self._tokens[self._next - 1].end

    def _at(self, *texts: str) -> bool:
        return self._here.text in texts

    def _take(self) -> Token:
        token = self._here
        self._next += token.kind != "end"
        return token

    def _grown(self, node: Node) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise refusal(
                f"has more than {MAX_NODES} parts (numbers, names and operators); allowed: at most {MAX_NODES}"
            )
        return node

    def _nested(self, read: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise refusal(
                f"nests deeper than {MAX_DEPTH} at character {self._here.start + 1}; allowed: at most {MAX_DEPTH} "
                "brackets, signs, powers or conditions inside one another"
            )
        node = read()
        self._depth -= 1
        return node

    def _number(self, node: Value | Truth) -> Value:
        """A comparison in the place of a number counts as 1 or 0, as in Python."""
        if not isinstance(node, Truth):
            return node
        one, nought = (self._grown(Number(node.start, node.end, value)) for value in (1.0, 0.0))
        return self._grown(Choice(node.start, node.end, node, one, nought))

    def _truth(self, node: Value | Truth) -> Truth:
        """A number in the place of a condition holds unless it is 0, as in Python."""
        if isinstance(node, Truth):
            return node
        nought = self._grown(Number(node.start, node.end, 0.0))
        return self._grown(Compare(node.start, node.end, ("!=",), (node, nought)))

    def _comparison_only(self, node: Value | Truth, word: str) -> Truth:
        # Python's `a or b` of two numbers is one of the numbers, which nobody means in a schedule.
        if isinstance(node, Truth):
            return node
        raise refusal(f"{quoted(word)} needs a comparison at character {node.start + 1}, such as epoch > 0")

    def _expression(self) -> Value | Truth:
        start = self._here.start
        chosen = self._or()
        if not self._at("if"):
            return chosen
        self._take()
        condition = self._truth(self._or())
        if self._here.kind == "end" or self._at(")", ","):
            raise refusal("'if' has no 'else'; write both, as in 1 if epoch < 5 else 0.1")
        if not self._at("else"):
            raise self._unexpected()
        self._take()
        other = self._number(self._nested(self._expression))
        return self._grown(Choice(start, self._end, condition, self._number(chosen), other))

    def _or(self) -> Value | Truth:
        return self._joined("or", self._and)

    def _and(self) -> Value | Truth:
        return self._joined("and", self._not)

    def _joined(self, word: str, read: Callable[[], Value | Truth]) -> Value | Truth:
        start = self._here.start
        nodes = [read()]
        while self._at(word):
            self._take()
            nodes.append(read())
        if len(nodes) == 1:
            return nodes[0]
        operands = tuple(self._comparison_only(node, word) for node in nodes)
        return self._grown(Logic(start, self._end, word, operands))

    def _not(self) -> Value | Truth:
        if not self._at("not"):
            return self._compared()
        start = self._take().start
        operand = self._comparison_only(self._nested(self._not), "not")
        return self._grown(Not(start, self._end, operand))

    def _compared(self) -> Value | Truth:
        start = self._here.start
        nodes, operators = [self._arithmetic()], []
        while self._at(*_COMPARISONS):
            operators.append(self._take().text)
            nodes.append(self._arithmetic())
        if not operators:
            return nodes[0]
        operands = tuple(map(self._number, nodes))
        return self._grown(Compare(start, self._end, tuple(operators), operands))

    def _arithmetic(self, level: int = 1) -> Value | Truth:
        start = self._here.start
        node = self._signed()
        while _LEVELS.get(self._here.text, 0) >= level:
            operator = self._take().text
            right = self._number(self._arithmetic(_LEVELS[operator] + 1))
            node = self._grown(Binary(start, self._end, operator, self._number(node), right))
        return node

    def _signed(self) -> Value | Truth:
        if not self._at("+", "-"):
            return self._power()
        sign = self._take()
        operand = self._number(self._nested(self._signed))
        return operand if sign.text == "+" else self._grown(Negative(sign.start, self._end, operand))

    def _power(self) -> Value | Truth:
        start = self._here.start
        base = self._atom()
        if not self._at("**"):
            return base
        self._take()
        exponent = self._number(self._nested(self._signed))
        return self._grown(Binary(start, self._end, "**", self._number(base), exponent))

    def _atom(self) -> Value | Truth:
        token = self._take()
        if token.kind == "number":
            value = float(token.text)
            if not math.isfinite(value):
                raise refusal(f"{quoted(token.text)} is too large a number; allowed: up to 1.8e308")
            return self._grown(Number(token.start, token.end, value))
        if token.kind == "name":
            return self._named(token)
        if token.text == "(":
            inner = self._nested(self._expression)
            self._close(token)
            return inner
        raise self._no_value(token)

    def _named(self, token: Token) -> Value:
        name, start = token.text, token.start
        if name == self._counter or name in VARIABLES:
            variable = "epoch" if name == self._counter else name
            if self._at("("):
                raise refusal(f"{quoted(name)} is a variable, not a function; for a product write {name} * (...)")
            self._names.add(variable)
            return self._grown(Variable(start, token.end, variable))
        if name in _PREFIXES and self._at("."):
            self._take()
            token = self._take()
            name = token.text
            if name in VARIABLES:
                raise self._unknown(name)
        name = _SYNONYMS.get(name, name)
        if name in CONSTANTS:
            return self._grown(Constant(start, token.end, name))
        if name in FUNCTIONS or name in _WRITTEN_OUT:
            return self._called(name, start)
        raise self._unknown(name) if token.kind == "name" else self._no_value(token)

    def _called(self, name: str, start: int) -> Value:
        opening = self._take()
        if opening.text != "(":
            raise refusal(f"{quoted(name)} at character {start + 1} is a function; write {_usage(name)}")
        arguments = [self._number(self._nested(self._expression))] if not self._at(")") else []
        while arguments and self._at(","):
            self._take()
            arguments.append(self._number(self._nested(self._expression)))
        self._close(opening)
        fewest, most = _ARGUMENTS.get(name, (1, 1))
        if not fewest <= len(arguments) <= most:
            raise refusal(f"{quoted(name)} at character {start + 1} got {len(arguments)} values; write {_usage(name)}")
        if name == "float":  # every number is one already
            return arguments[0]
        if name == "pow":
            return self._grown(Binary(start, self._end, "**", *arguments))
        return self._grown(Call(start, self._end, name, tuple(arguments)))

    def _close(self, opening: Token) -> None:
        if self._here.kind == "end":
            raise refusal(f"the bracket opened at character {opening.start + 1} is never closed; add a )")
        if not self._at(")"):
            raise self._unexpected()
        self._take()

    def _unknown(self, name: str) -> LabError:
        if name == "lambda":
            return refusal("'lambda' may stand only at the start and with one name, as in lambda epoch: 0.65 ** epoch")
        if keyword.iskeyword(name) and name not in _INSTEAD:
            return refusal(f"{quoted(name)} stands where a value is expected; {_ALLOWED}")
        if name in _INSTEAD:
            return refusal(f"{quoted(name)} is not known here; write {_INSTEAD[name]}")
        close = get_close_matches(name, [*VARIABLES, *FUNCTIONS, *CONSTANTS], n=1)
        guess = f" (did you mean {close[0]}?)" if close else ""
        return refusal(f"{quoted(name)} is not known here{guess}; {_ALLOWED}")

    def _no_value(self, token: Token) -> LabError:
        if token.kind == "end":
            return refusal(f"ends where a value is expected; {_ALLOWED}")
        return refusal(
            f"got {quoted(token.text)} at character {token.start + 1}, where a value is expected; {_ALLOWED}"
        )

    def _unexpected(self) -> LabError:
        """The token at hand cannot follow what was read."""
        token, before = self._here, self._tokens[self._next - 1]
        place = f"{quoted(token.text)} at character {token.start + 1}"
        if token.text == ")":
            return refusal(f"{place} closes no bracket; remove it or open one")
        if token.text == ",":
            return refusal(f"{place} may only separate the values of a function; decimals are written 0.65")
        if token.text == ".":
            name = self._tokens[self._next + 1].text
            return refusal(
                f"{quoted('.' + name)} at character {token.start + 1} is not allowed; a point belongs inside a number"
            )
        if keyword.iskeyword(token.text):
            return refusal(f"{place} is not allowed there; {_ALLOWED}")
        return refusal(f"an operator such as * is missing between {quoted(before.text)} and {place}")


def _usage(name: str) -> str:
    return FUNCTIONS[name].partition(":")[0] if name in FUNCTIONS else _WRITTEN_OUT[name]
