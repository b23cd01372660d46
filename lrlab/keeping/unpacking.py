"""Reads a backup without trusting it: everything is looked over before the first byte is written anywhere.

Only what `packing` writes is taken: entries without compression, one right behind the other, in the order of the list
of files and of the sizes that it states. What a hostile zip lives on (compression, directories that lie, overlaps,
links, names that lead elsewhere) has no place in that form.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lrlab.errors import LabError, shown
from lrlab.keeping.layout import COMMENT, END_BYTES, FORMAT, LIST, LOCAL_BYTES, LONGEST_LINE, local_header
from lrlab.keeping.names import check_path, is_path
from lrlab.keeping.packing import CHUNK

MOST_FILES = 20_000_000
"""Files in a backup; a lab of a hundred data sets of 200,000 images each."""

FILE_COSTS = 4096
"""Bytes of the disk that a file takes beyond its own, as a rule at most."""

_TAIL = 64 * 1024
_CRC = slice(14, 18)  # of a local header: the one field that the list of files does not state
_TIME = slice(10, 14)
_Size = Annotated[int, Field(ge=0, le=2**62)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class Facts(_Strict):
    """The first line of the list of files. `made`: when the backup was begun, in unix seconds."""

    lrlab_backup: Literal[1]
    home: Annotated[int, Field(ge=0)]
    """The format of the lab's home that the backup was made of."""
    lrlab: str = ""
    """The version of lrlab that made it."""
    made: Annotated[float, Field(allow_inf_nan=False)]
    files: _Size
    bytes: _Size


class _Entry(_Strict):
    path: str
    size: _Size
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class Unpacker:
    """A backup that was looked over: its list of files is whole, and all names and sizes in it may be."""

    facts: Facts
    _file: BinaryIO
    _title: str
    _list_at: int

    def unpack(self, folder: Path, told: Callable[[int], None] | None = None) -> None:
        """Writes every file below `folder`, which is empty, and compares it with its SHA-256.

        `told` hears of every piece how many bytes it had. LabError where the backup is damaged.
        """
        with self._lines() as entries:
            at = 0
            for entry in entries:
                target = folder / entry.path
                target.parent.mkdir(parents=True, exist_ok=True)
                at = self._unpack(entry, at, target, told)

    def _unpack(self, entry: _Entry, at: int, target: Path, told: Callable[[int], None] | None) -> int:
        check_path(entry.path)  # the backup's own file may have changed since it was looked over
        self._file.seek(at)
        _check_header(self._file, entry.path, entry.size, self._title)
        digest, left = hashlib.sha256(), entry.size
        with target.open("xb") as file:
            while left:
                chunk = self._file.read(min(CHUNK, left))
                if not chunk:
                    raise _damaged(self._title, f"{shown(entry.path)} is cut off")
                digest.update(chunk)
                file.write(chunk)
                left -= len(chunk)
                if told:
                    told(len(chunk))
        if digest.hexdigest() != entry.sha256:
            raise _damaged(self._title, f"{shown(entry.path)} is not what was packed")
        return self._file.tell()

    @contextmanager
    def _lines(self) -> Iterator[Iterator[_Entry]]:
        # A handle of its own: the files are read between two lines.
        with Path(self._file.name).open("rb") as file:
            file.seek(self._list_at + LOCAL_BYTES + len(LIST))
            file.readline(LONGEST_LINE)
            yield (_Entry.model_validate_json(file.readline(LONGEST_LINE)) for _ in range(self.facts.files))


@contextmanager
def opened(path: Path, room: Path) -> Iterator[Unpacker]:
    """The backup at `path`, looked over; nothing was written yet.

    LabError (field "file") where it is no backup, of a later lrlab, damaged, hostile, or larger than what is free on
    the disk of the folder `room`.
    """
    title = path.name
    try:
        if not path.is_file():  # a pipe would be waited for without end
            raise LabError(f"file: there is no file {path}", field="file")
        file = path.open("rb")
    except OSError as error:
        raise LabError(f"{path} cannot be read ({error.strerror})", field="file") from error
    with file:
        list_at, list_bytes, sha256 = _end(file, title)
        facts = _looked_over(file, title, list_at, list_bytes, sha256)
        needed, free = facts.bytes + FILE_COSTS * facts.files, shutil.disk_usage(room).free
        if needed > free:
            raise LabError(
                f"{title} needs {needed / 1024**3:.3g} GB where {free / 1024**3:.3g} GB are free", field="file"
            )
        yield Unpacker(facts, file, title, list_at)


def _end(file: BinaryIO, title: str) -> tuple[int, int, str]:
    """Where the list of files begins, its size, and its SHA-256, from the zip's comment."""
    head = file.read(4)
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL))
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    found = COMMENT.fullmatch(tail[at + END_BYTES :]) if at >= 0 else None
    if found is None:
        if head == b"PK\3\4" and at < 0:
            raise _damaged(title, "its end is missing: the copy was cut off")
        raise LabError(f"{title} is no backup of a lab", field="file")
    version, list_at = int(found[1]), int(found[2])
    if version > FORMAT:
        raise LabError(
            f"{title} was made by a later lrlab (backup format {version}; this one reads {FORMAT}); update lrlab",
            field="file",
        )
    if version < FORMAT:
        raise LabError(f"{title} has the backup format {version}, which never was", field="file")
    if list_at + LOCAL_BYTES > size:
        raise _damaged(title, "its list of files is not where it should be")
    file.seek(list_at)
    return list_at, _list_bytes(file, title, size), found[3].decode()


def _list_bytes(file: BinaryIO, title: str, size: int) -> int:
    header = file.read(LOCAL_BYTES + len(LIST))
    listed = struct.unpack_from("<Q", header, len(header) - 8)[0] if len(header) == LOCAL_BYTES + len(LIST) else 0
    file.seek(-len(header), os.SEEK_CUR)
    _check_header(file, LIST, listed, title)
    if file.tell() + listed > size:
        raise _damaged(title, "its list of files is cut off")
    return int(listed)


def _looked_over(file: BinaryIO, title: str, list_at: int, list_bytes: int, sha256: str) -> Facts:
    """The first line of the list; LabError unless every line is sound and all files lie where they should."""
    digest, left = hashlib.sha256(), list_bytes

    def line() -> bytes:
        nonlocal left
        text = file.readline(min(LONGEST_LINE, left))
        digest.update(text)
        left -= len(text)
        if not text.endswith(b"\n"):
            raise _damaged(title, "its list of files is cut off")
        return text

    try:
        facts = _facts(line(), title)
        at, total, last = 0, 0, ""
        for _ in range(facts.files):
            entry = _Entry.model_validate_json(line())
            if not is_path(entry.path):
                raise LabError(f"{title} is refused: {shown(entry.path)} is no file of a lab", field="file")
            if entry.path <= last:
                raise LabError(f"{title} is refused: {shown(entry.path)} comes twice or out of order", field="file")
            at += LOCAL_BYTES + len(entry.path) + entry.size
            if at > list_at:
                raise LabError(f"{title} is refused: {shown(entry.path)} reaches into what follows it", field="file")
            total, last = total + entry.size, entry.path
    except ValidationError as error:
        raise _damaged(title, "its list of files cannot be read") from error
    if left or at != list_at or total != facts.bytes:
        raise _damaged(title, "its list of files does not fit its content")
    if digest.hexdigest() != sha256:
        raise _damaged(title, "its list of files is not what was packed")
    return facts


def _facts(line: bytes, title: str) -> Facts:
    facts = Facts.model_validate_json(line)
    if facts.files > MOST_FILES:
        raise LabError(f"{title} lists {facts.files:,} files; allowed: at most {MOST_FILES:,}", field="file")
    return facts


def _check_header(file: BinaryIO, name: str, size: int, title: str) -> None:
    """Reads the header of one entry, which is to be the very one that `packing` writes but for time and checksum."""
    expected = bytearray(local_header(name, size, 0, 0))
    found = bytearray(file.read(len(expected)))
    found[_CRC], found[_TIME] = expected[_CRC], expected[_TIME]
    if found != expected:
        raise _damaged(title, f"{shown(name)} does not lie where it should")


def _damaged(title: str, text: str) -> LabError:
    return LabError(f"{title} is damaged: {text}; take another copy of it", field="file")
