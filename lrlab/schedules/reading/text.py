"""Pasted text as a syntax tree: what surrounds code on web pages goes, what is too large is refused, nothing is run."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings

from lrlab.errors import LabError

MAX_CHARACTERS = 20_000
MAX_DEPTH = 60
"""How deep expressions and blocks may be nested. What is read here is walked by functions that call themselves."""

_FENCE = re.compile(r"^\s*(```|~~~)")
_PROMPT = re.compile(r"^\s*(>>>|\.\.\.)( |$)")
_MAGIC = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)
_SPACES = str.maketrans({"\u00a0": " ", "\u2003": " ", "\u200b": "", "\ufeff": "", "\t": "    "})


def refusal(message: str) -> LabError:
    """What every refusal of a text is: `message` quotes the part at fault and says what is allowed."""
    return LabError(f"code: {message}", field="code")


def quoted(node: ast.AST | str) -> str:
    """A part of the text as a message shows it: on one line, at most 80 characters."""
    line = " ".join((node if isinstance(node, str) else ast.unparse(node)).split())
    return f"`{line}`" if len(line) <= 80 else f"`{line[:77]}...`"


def parsed(text: str) -> ast.Module:
    """The syntax tree of `text`, in which nothing nests deeper than MAX_DEPTH. Raises LabError."""
    if len(text) > MAX_CHARACTERS:
        raise refusal(f"got {len(text):,} characters, allowed: at most {MAX_CHARACTERS:,}")
    text = _cleaned(text)
    if not text.strip():
        raise refusal("there is nothing in it; allowed: a scheduler such as `StepLR(optimizer, step_size=5)`")
    _check_brackets(text)
    try:
        tree = _tree(text)
    except SyntaxError as error:
        lines = text.splitlines()
        number = min(max(error.lineno or 1, 1), len(lines))
        raise refusal(f"line {number} is not Python ({error.msg}): {quoted(lines[number - 1].strip())}") from error
    except (RecursionError, MemoryError) as error:
        raise _too_deep() from error
    except ValueError as error:  # a NUL, half a character
        raise refusal(f"it holds a character that no Python text has ({error})") from error
    _check_depth(tree)
    return tree


def _tree(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as "\d" in a pasted string
        try:
            return ast.parse(text)
        except IndentationError:
            # Copied from the middle of its first line, the rest is indented further.
            first, _, rest = text.partition("\n")
            return ast.parse(f"{first.strip()}\n{textwrap.dedent(rest)}")


def _cleaned(text: str) -> str:
    lines = [line for line in text.translate(_SPACES).splitlines() if not _FENCE.match(line)]
    if any(_PROMPT.match(line) for line in lines):
        lines = [_PROMPT.sub("", line, count=1) for line in lines if _PROMPT.match(line)]
    return textwrap.dedent(_MAGIC.sub(r"\1pass", "\n".join(lines)))


def _check_brackets(text: str) -> None:
    """Python's own parser takes very long over some texts of many open brackets."""
    depth = 0
    for character in text:
        if character in "([{":
            depth += 1
            if depth > MAX_DEPTH:
                raise _too_deep()
        elif character in ")]}":
            depth = max(depth - 1, 0)


def _check_depth(tree: ast.Module) -> None:
    level: list[ast.AST] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> LabError:
    return refusal(f"it nests deeper than {MAX_DEPTH}; allowed: a scheduler and what belongs to it")
