"""argparse as lrlab uses it: no abbreviations, and settings whose help comes from the catalogues."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Callable
from typing import Any, Protocol


class Parser(argparse.ArgumentParser):
    """A parser that spells options out.

    `fill`, where it is set, completes the help at the moment when it is shown, so that it may import what is too slow
    for every start; it returns the text that stands below the options.
    """

    fill: Callable[[], str] | None = None

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **settings)

    def format_help(self) -> str:
        if self.fill:
            self.epilog = self.fill()
        return super().format_help()


class Groups(Protocol):
    """What `add_subparsers` returns."""

    def add_parser(self, name: str, **settings: Any) -> Parser: ...


def add_json(parser: Parser, what: str) -> None:
    """Gives `parser` the option --json."""
    parser.add_argument("--json", action="store_true", help=f"print {what} as JSON; what is not known is null")


def paragraph(text: str, indent: int = 0) -> str:
    """`text` in lines that fit the terminal, `indent` columns in, the lines after the first two more."""
    width = min(shutil.get_terminal_size().columns, 120) - 2
    return textwrap.fill(text, width, initial_indent=" " * indent, subsequent_indent=" " * (indent + 2))
