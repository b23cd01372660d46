"""The end of what a worker printed, as a person reads it who wants to know why a run failed."""

from __future__ import annotations

from pathlib import Path

LINES, CHARACTERS = 5, 600
"""So much of the end is told, at most."""

READY = "ready"
"""The line that a waiting worker prints once it has imported all it needs; it says nothing about a run."""

AGAIN = "---- the run goes on ----"
"""The line between what earlier attempts printed and what later ones do, whose end the earlier ones do not explain."""


def mark_again(path: Path) -> None:
    """Ends in the log in `path`, where there is one, what the attempts so far have printed."""
    if path.exists():
        with path.open("ab") as file:
            file.write(f"\n{AGAIN}\n".encode())


def log_end(path: Path) -> str:
    """The end of the log in `path`, at most 20,000 bytes of it; empty where there is none."""
    return _end(path, 20_000).decode(errors="replace")


def last_lines(path: Path) -> str:
    """The last lines of the log in `path`, at most 5 and 600 characters; empty where there is none."""
    return shortened(_end(path, 16 * 1024))


def _end(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - most))
            return file.read()
    except FileNotFoundError:
        return b""


def shortened(printed: bytes) -> str:
    """The last lines of `printed`, as `last_lines` gives them."""
    lines = [line.rstrip() for line in printed.decode(errors="replace").splitlines()]
    begin = max((number for number, line in enumerate(lines, start=1) if line == AGAIN), default=0)
    kept = [line for line in lines[begin:] if line.strip() and line != READY][-LINES:]
    return "\n".join(kept)[-CHARACTERS:]
