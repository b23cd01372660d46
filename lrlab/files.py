"""Small deeds on files that every room needs: names made by us, and writes that are whole or absent."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any

PIECE = 32 * 1024 * 1024
"""Bytes that a slow disk is given at a time."""

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # without l, o, 0 and 1, which are misread


def new_id(length: int = 10) -> str:
    """An opaque name for a run, data set or upload: `length` characters of 5 random bits each."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def is_id(text: str) -> bool:
    """Whether `text` has the form that `new_id` gives; nothing else may ever be joined to a path."""
    return 0 < len(text) <= 32 and all(character in _ALPHABET for character in text)


class Synced:
    """Writes to `file` so that each 32 MB have reached the disk before more is written, and calls `told` each time.

    Whoever writes a gigabyte to a slow disk is thus heard of all the while. The last part `sync` brings there.
    """

    def __init__(self, file: IO[bytes], told: Callable[[], object]) -> None:
        self._file, self._told, self._new = file, told, 0

    def write(self, content: bytes | memoryview) -> int:
        """Writes all of `content`; how many bytes that is."""
        whole = memoryview(content).cast("B")
        for begin in range(0, len(whole), PIECE):
            self._new += self._file.write(whole[begin : begin + PIECE])
            if self._new >= PIECE:
                self.sync()
                self._told()
        return len(whole)

    def flush(self) -> None:
        self._file.flush()

    def sync(self) -> None:
        """All that was written has reached the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._new = 0


def write_atomic(
    path: Path,
    content: bytes,
    *,
    sync: bool = True,
    guard: AbstractContextManager[object] | None = None,
    told: Callable[[], object] = lambda: None,
) -> None:
    """Replaces `path` by `content` in one step: a reader sees the old file or the new one, never a part.

    With `sync` the content has reached the disk before the name changes (survives a power cut); `told` is called as
    `Synced` does. `guard` is held while the name changes, and no longer.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{new_id(6)}")
    try:
        with temporary.open("wb") as file:
            if sync:
                synced = Synced(file, told)
                synced.write(content)
                synced.sync()
            else:
                file.write(content)
        with guard or nullcontext():
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_tree(folder: Path) -> None:
    """Deletes `folder` and all that is in it. What others delete meanwhile, even all of it, is no error."""
    if sys.version_info >= (3, 12):
        shutil.rmtree(folder, onexc=lambda _, __, error: _unless_gone(error))
    else:
        shutil.rmtree(folder, onerror=lambda _, __, raised: _unless_gone(raised[1]))


def _unless_gone(error: BaseException) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def write_json(path: Path, value: Any, *, sync: bool = True) -> None:
    """`write_atomic` for a JSON value, indented so that a person can read it."""
    write_atomic(path, json.dumps(value, indent=1, ensure_ascii=False).encode(), sync=sync)


def format_of(content: bytes) -> int:
    """The number that stands under "format" in the JSON object `content`; 0 where there is none."""
    try:
        value = json.loads(content)
    except ValueError:
        return 0
    found = value.get("format") if isinstance(value, dict) else None
    return found if isinstance(found, int) else 0


def read_json(path: Path) -> Any:
    """The JSON value in `path`; FileNotFoundError and json.JSONDecodeError pass through."""
    return json.loads(path.read_bytes())
