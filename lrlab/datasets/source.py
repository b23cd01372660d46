"""What every source of images offers, whatever it is: files that can be read, and the folders they lie in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lrlab.datasets.paths import Parts

Kind = Literal["zip", "folder", "upload", "sample"]

Progress = Callable[[str, int, int], None]
"""What is being done in words, how many are done, how many in all (0 where that is not known)."""


READING = "Reading the list of files"
"""What is being done before anything is counted."""


def silent(what: str, done: int, total: int) -> None:
    """The Progress of one who does not look."""


@dataclass(frozen=True)
class Entry:
    """One file of a source. `size`: bytes, as the source states them.

    `read(limit)` gives its first `limit` bytes; it may be called from any thread. It raises Unreadable where this
    file alone is damaged, OSError where it cannot be reached.
    """

    parts: Parts
    size: int
    read: Callable[[int], bytes]
    local: str = ""
    """The file's path below `Listing.stays`, where the files stay where they are."""

    @property
    def name(self) -> str:
        """The path as the person knows it."""
        return "/".join(self.parts)


@dataclass(frozen=True)
class Refusal:
    """A file that was not taken: its path as the person knows it, and why.

    `reason` continues the sentence "this file ...": "is cut off before its end".
    """

    name: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """All that a source holds, litter left out.

    `folders`: every folder, empty ones included. `refused`: files that cannot even be listed properly.
    `stays`: the folder that the files stay in and are read from; None where lrlab keeps copies.
    """

    kind: Kind
    title: str
    entries: tuple[Entry, ...]
    folders: frozenset[Parts]
    refused: tuple[Refusal, ...] = ()
    stays: Path | None = None
