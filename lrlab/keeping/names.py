"""Which names a backup may hold: those that a lab gives its own files, and no other.

A name that comes out of a backup is joined to a path, so it is not cleaned but recognised: every part of it is made of
small Latin letters, digits and ". _ -", which no file system folds, and it stands where lrlab puts such a file.
"""

from __future__ import annotations

import re

from lrlab.errors import LabError, shown
from lrlab.files import is_id

SETTINGS = "lab.toml"
QUEUE = "queue.json"

_PART = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?")
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})
_DEEPEST = 4  # runs/<id>/checkpoints/1-20.pt


def is_path(name: str) -> bool:
    """Whether a lab's backup may hold a file of this name: lab.toml, queue.json, or a file of a data set or a run."""
    if name in (SETTINGS, QUEUE):
        return True
    room, *parts = name.split("/")
    return (
        room in ("datasets", "runs")
        and 2 <= len(parts) < _DEEPEST
        and is_id(parts[0])
        and all(_is_part(part) for part in parts[1:])
    )


def check_path(name: str) -> None:
    """Raises LabError, naming it, where a backup may hold no file of this name."""
    if not is_path(name):
        raise LabError(f"the file name {shown(name)} is none that a lab gives", field="path")


def _is_part(part: str) -> bool:
    return bool(_PART.fullmatch(part)) and part.partition(".")[0] not in _DEVICES
