"""Writes a backup, file by file; what was written last can be taken back while the backup grows."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from lrlab.files import new_id
from lrlab.keeping.layout import FORMAT, LIST, LOCAL_BYTES, comment, directory_entry, dos_time, end, local_header
from lrlab.keeping.names import check_path

CHUNK = 1024 * 1024
"""Bytes read at a time."""


@dataclass(frozen=True)
class Mark:
    """A place to which a backup under way can be taken back."""

    at: int
    directory: int
    lines: int
    files: int
    bytes: int
    last: str


class Packer:
    """A backup under way. Files must come in the order of their names.

    What is to be said of them at the end grows in two files aside, `directory` and `lines`, not in memory. `files` and
    `bytes` count what was added so far.
    """

    def __init__(self, file: BinaryIO, directory: IO[bytes], lines: IO[bytes]) -> None:
        self._file = file
        self._directory = directory
        self._lines = lines
        self._when = dos_time(time.time())
        self._last = ""
        self.files = 0
        self.bytes = 0

    def add(
        self, name: str, source: BinaryIO, size: int | None = None, told: Callable[[int], None] | None = None
    ) -> None:
        """Adds what `source` gives from where it stands: `size` bytes of it, or all there are.

        `told` hears of every piece how many bytes it had. EOFError where `source` ends before `size` bytes.
        """
        check_path(name)
        if name <= self._last:
            raise ValueError(f"{name} comes after {self._last}; files are added in the order of their names")
        at = self._file.tell()
        self._file.seek(LOCAL_BYTES + len(name.encode()), os.SEEK_CUR)
        whole, crc, digest = self._copy(source, size, told)
        after = self._file.tell()
        self._file.seek(at)
        self._file.write(local_header(name, whole, crc, self._when))
        self._file.seek(after)
        self._directory.write(directory_entry(name, whole, crc, self._when, at))
        self._lines.write(_line({"path": name, "size": whole, "sha256": digest}))
        self._last = name
        self.files += 1
        self.bytes += whole

    def mark(self) -> Mark:
        """Where the backup stands now."""
        return Mark(self._file.tell(), self._directory.tell(), self._lines.tell(), self.files, self.bytes, self._last)

    def rewind(self, mark: Mark) -> None:
        """Takes back all that was added, whole or in part, since `mark`."""
        for file, at in ((self._file, mark.at), (self._directory, mark.directory), (self._lines, mark.lines)):
            file.seek(at)
            file.truncate()
        self.files, self.bytes, self._last = mark.files, mark.bytes, mark.last

    def finish(self, facts: dict[str, Any]) -> None:
        """Writes the list of files, with `facts` about the whole on its first line, and the zip's end."""
        at = self._file.tell()
        first = _line({"lrlab_backup": FORMAT, **facts, "files": self.files, "bytes": self.bytes})
        size = len(first) + self._lines.tell()
        self._file.seek(LOCAL_BYTES + len(LIST), os.SEEK_CUR)
        digest, crc = hashlib.sha256(first), zlib.crc32(first)
        self._file.write(first)
        self._lines.seek(0)
        while chunk := self._lines.read(CHUNK):
            digest.update(chunk)
            crc = zlib.crc32(chunk, crc)
            self._file.write(chunk)
        directory_at = self._file.tell()
        self._file.seek(at)
        self._file.write(local_header(LIST, size, crc, self._when))
        self._file.seek(directory_at)
        self._directory.write(directory_entry(LIST, size, crc, self._when, at))
        directory_bytes = self._directory.tell()
        self._directory.seek(0)
        while chunk := self._directory.read(CHUNK):
            self._file.write(chunk)
        self._file.write(end(self.files + 1, directory_bytes, directory_at, comment(at, digest.hexdigest())))

    def _copy(self, source: BinaryIO, size: int | None, told: Callable[[int], None] | None) -> tuple[int, int, str]:
        digest, crc, whole = hashlib.sha256(), 0, 0
        while size is None or whole < size:
            chunk = source.read(CHUNK if size is None else min(CHUNK, size - whole))
            if not chunk:
                if size is not None:
                    raise EOFError(f"{size - whole} bytes are gone")
                break
            digest.update(chunk)
            crc = zlib.crc32(chunk, crc)
            self._file.write(chunk)
            whole += len(chunk)
            if told:
                told(len(chunk))
        return whole, crc, digest.hexdigest()


@contextmanager
def packed(path: Path) -> Iterator[Packer]:
    """A Packer whose backup appears at `path`, which is not to be there yet, once the context ends without an error.

    It has reached the disk then. Whatever goes wrong leaves nothing behind.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{new_id(6)}")
    try:
        aside = tempfile.TemporaryFile
        with temporary.open("xb") as file, aside(dir=path.parent) as directory, aside(dir=path.parent) as lines:
            yield Packer(file, directory, lines)
            file.flush()
            os.fsync(file.fileno())
        _publish(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _publish(temporary: Path, path: Path) -> None:
    """Gives the file its name; FileExistsError where somebody else took that meanwhile."""
    try:
        os.link(temporary, path)  # which never replaces, as a rename may
    except FileExistsError:
        raise
    except OSError:  # a file system without second names
        temporary.rename(path)


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
