"""The end of what a worker printed, as a person reads it who wants to know why a run failed."""

from __future__ import annotations

from pathlib import Path

LINES, CHARACTERS = 5, 600
"""So much of the end is told, at most."""

READY = "ready"
"""The line that a waiting worker prints once it has imported all it needs; it says nothing about a run."""


def last_lines(path: Path) -> str:
    """The last lines of the log in `path`, at most 5 and 600 characters; empty where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - 16 * 1024))
            return shortened(file.read())
    except FileNotFoundError:
        return ""


def shortened(printed: bytes) -> str:
    """The last lines of `printed`, as `last_lines` gives them."""
    lines = [line.rstrip() for line in printed.decode(errors="replace").splitlines()]
    kept = [line for line in lines if line.strip() and line != READY][-LINES:]
    return "\n".join(kept)[-CHARACTERS:]
