"""A formula's text cut into numbers, names and symbols. What is none of these is refused, naming the character."""

from __future__ import annotations

import re
from typing import NamedTuple

from lrlab.errors import LabError

_TOKEN = re.compile(
    r"""(?P<number> (?:[0-9]+\.?[0-9]*|\.[0-9]+) (?:[eE][+-]?[0-9]+)? )
      | (?P<name> [A-Za-z_][A-Za-z0-9_]* )
      | (?P<symbol> \*\*|//|<=|>=|==|!=|[-+*/%<>(),.] )
      | (?P<end> \Z )""",
    re.VERBOSE,
)
_SPACE = re.compile(r"[ \t\r\n]*")

_HINTS = {
    "^": "for a power write **, as in 0.65 ** epoch",
    "=": "to compare write ==; a formula is only what stands right of an =",
    ":": "a colon belongs only behind lambda and one name at the start, as in lambda epoch: 0.65 ** epoch",
    "'": "a formula holds no text",
    '"': "a formula holds no text",
    "[": "brackets are round, as in 2 * (epoch + 1)",
    "{": "brackets are round, as in 2 * (epoch + 1)",
    "&": "write and",
    "|": "write or",
    "!": "write not, or != for unequal",
    "×": "write *",
    "·": "write *",
    "÷": "write /",
    "−": "write -",
    "²": "write ** 2",
    "≤": "write <=",
    "≥": "write >=",
    "π": "write pi",
}
_ALLOWED = "allowed: numbers, names, + - * / // % **, < <= > >= == !=, round brackets and commas"


class Token(NamedTuple):
    kind: str
    """number, name, symbol or, once behind the last of them, end."""
    text: str
    start: int
    end: int


def refusal(message: str) -> LabError:
    """What every refusal of a formula is: `message` says which part is at fault and what is allowed."""
    return LabError(f"formula: {message}", field="formula")


def shortened(text: str) -> str:
    """A part of a formula as a message shows it: on one line, at most 80 characters."""
    line = " ".join(text.split())
    return line if len(line) <= 80 else line[:77] + "..."


def quoted(text: str) -> str:
    """The same between quotation marks."""
    return repr(shortened(text))


def tokens(text: str, position: int) -> list[Token]:
    """The tokens of `text` from character `position` (from 0) on. Raises LabError (field "formula")."""
    found: list[Token] = []
    while not found or found[-1].kind != "end":
        space = _SPACE.match(text, position)
        position = space.end() if space else position
        match = _TOKEN.match(text, position)
        if match is None:
            character = text[position]
            hint = _HINTS.get(character, _ALLOWED)
            raise refusal(f"got {character!r} at character {position + 1}; {hint}")
        token = Token(match.lastgroup or "", match[0], position, match.end())
        if found and found[-1].kind == "number" and found[-1].end == position:
            _check_apart(found[-1], token)
        found.append(token)
        position = token.end
    return found


def _check_apart(number: Token, token: Token) -> None:
    """Python reads 1_000, 0x10 and 2j in ways of its own, and 1if with a warning."""
    if token.kind in ("name", "number") or token.text == ".":
        raise refusal(
            f"{quoted(number.text + token.text)} at character {number.start + 1} is not a number; allowed: numbers "
            "such as 1000, 0.65 or 1e-4, and 2 * epoch for a product"
        )
