"""Uploads: files that a browser streams to the lab's disk, under names made by lrlab, until they are imported.

upload = begin_upload(home, "coffee", [("coffee/Dark/1.jpg", 5120), ...])
with upload.receive(0) as file:      # one file after another, or several at once
    file.write(chunk)
upload.finish()
add_dataset(home, upload, upload.name)
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError

from lrlab.datasets.limits import check_upload
from lrlab.datasets.paths import folded, safe_parts
from lrlab.errors import LabError, NotFound, shown
from lrlab.files import is_id, new_id, write_atomic
from lrlab.home import Home

STALE_SECONDS = 24 * 3600.0
"""An upload in which nothing was written for so long is abandoned."""

_MANIFEST = "upload.json"


class DeclaredFile(NamedTuple):
    """One file that the browser announced: its path as the person knows it, and its bytes.

    A tuple, since an upload may have 50,000 of them.
    """

    path: str
    size: int


class Upload(BaseModel):
    """One upload: `id` (opaque), `name` (of the data set to be), `files` in the order of their numbers.

    `owner`: the mail address of whoever sends it, empty for the local user; nobody else sees it.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    created: float
    owner: str = ""
    shared: ClassVar[bool] = False
    files: tuple[DeclaredFile, ...]
    _folder: Path = PrivateAttr()

    @property
    def folder(self) -> Path:
        return self._folder

    @cached_property
    def bytes(self) -> int:
        """Of all files together."""
        return sum(file.size for file in self.files)

    def path(self, number: int) -> Path:
        """Where file `number` lies once it has arrived; LabError where there is no such number."""
        if not 0 <= number < len(self.files):
            raise LabError(f"file: got number {number}, allowed: 0 to {len(self.files) - 1}", field="file")
        return self._folder / f"{number:06d}"

    def receive(self, number: int, start: int | None = None) -> Receiver:
        """Opens file `number` for writing.

        Without `start` the whole file follows, and what was received of it before is dropped. With `start`, a slice
        that begins at that byte follows; those before must be there. A slice may come again, even after all others:
        a connection that broke leaves the browser without the answer.
        Raises LabError where there is no such number or no such start, NotFound where the upload is gone.
        """
        path, declared = self.path(number), self.files[number]
        if not self._folder.is_dir():
            raise NotFound("this upload was cancelled or is already imported")
        return Receiver(path, declared) if start is None else _continued(path, declared, start)

    def missing(self) -> list[int]:
        """The numbers of the files that have not arrived whole."""
        arrived = {entry.name for entry in os.scandir(self._folder)} if self._folder.is_dir() else set()
        return [number for number in range(len(self.files)) if f"{number:06d}" not in arrived]

    def finish(self) -> None:
        """Checks that every file arrived; LabError names the first that did not."""
        if missing := self.missing():
            first = self.files[missing[0]].path
            raise LabError(
                f"{len(missing)} of {len(self.files)} files did not arrive, the first is {shown(first)}", field="source"
            )


class Receiver:
    """Takes the bytes of one file. Only a file whose every byte came is kept; as a context it closes or drops it.

    `left`: the bytes that are still to come.
    """

    def __init__(self, path: Path, declared: DeclaredFile, partial: Path | None = None, start: int = 0) -> None:
        self.left = declared.size - start
        self._path = path
        self._declared = declared
        self._partial = partial or path.with_name(f".{path.name}.{new_id(6)}")
        self._file: BinaryIO = self._partial.open("wb" if partial is None else "r+b")
        self._file.seek(start)

    def write(self, chunk: bytes | memoryview) -> None:
        """Appends `chunk`; LabError where the file becomes larger than it was declared."""
        self.left -= len(chunk)
        if self.left < 0:
            self.drop()
            raise _larger(self._declared)
        self._file.write(chunk)

    def pause(self) -> None:
        """Ends a slice: what came stays until the next slice is received."""
        self._file.close()

    def close(self) -> None:
        """Keeps the file; LabError, and nothing kept, where bytes are missing."""
        if self.left > 0:
            self.drop()
            raise LabError(f"{shown(self._declared.path)} was cut off while it was sent", field="source")
        self._file.close()
        self._partial.replace(self._path)

    def drop(self) -> None:
        """Forgets what came."""
        self._file.close()
        self._partial.unlink(missing_ok=True)

    def __enter__(self) -> Receiver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.drop()


class _Heard(Receiver):
    """Takes a slice of a file that is there whole, and keeps nothing of it."""

    def __init__(self, declared: DeclaredFile, start: int) -> None:
        self.left = declared.size - start
        self._declared = declared

    def write(self, chunk: bytes | memoryview) -> None:
        self.left -= len(chunk)
        if self.left < 0:
            raise _larger(self._declared)

    def pause(self) -> None:
        pass

    close = drop = pause


def _larger(declared: DeclaredFile) -> LabError:
    return LabError(f"{shown(declared.path)} is larger than was announced", field="source")


def _continued(path: Path, declared: DeclaredFile, start: int) -> Receiver:
    """A Receiver of the slice from byte `start` on. All slices of a file share one partial file.

    What lies behind `start` there stays: it was sent by the same browser from the same file. So nothing is lost where
    a slice comes late, out of a proxy's buffer, after the browser has sent it again and gone on.
    """
    if path.exists() and 0 <= start <= declared.size:
        return _Heard(declared, start)
    partial = path.with_name(f".{path.name}.slices")
    partial.touch()
    os.utime(path.parent)  # an upload of one large file is not abandoned while it grows
    there = partial.stat().st_size
    if not 0 <= start <= min(there, declared.size):
        raise LabError(
            f"start: got byte {start} of {shown(declared.path)}, allowed: 0 to {there}, the bytes that came before",
            field="start",
        )
    return Receiver(path, declared, partial, start)


def begin_upload(home: Home, name: str, files: Sequence[tuple[str, int]], *, owner: str = "") -> Upload:
    """Makes room for an upload of `owner`, of `files`, pairs of a path as the person knows it and its size in bytes.

    Raises LabError: field "source" for too many files, too many bytes, a path that is not safe or that comes twice,
    or a disk without the room. The name is checked when the upload is imported.
    """
    check_upload(home, files)
    declared = tuple(_declared(files))
    home.uploads.mkdir(parents=True, exist_ok=True)
    upload = Upload(id=new_id(), name=name, created=time.time(), owner=owner, files=declared)
    upload._folder = home.uploads / upload.id
    upload._folder.mkdir()
    write_atomic(upload._folder / _MANIFEST, upload.model_dump_json().encode(), sync=False)
    return upload


def open_upload(home: Home, upload_id: str) -> Upload:
    """The upload named `upload_id`; NotFound where there is none."""
    if not is_id(upload_id):
        raise no_upload()
    manifest = home.uploads / upload_id / _MANIFEST
    try:
        facts = manifest.stat()
        return _read(manifest, facts.st_ino, facts.st_mtime_ns)
    except (FileNotFoundError, ValidationError):
        raise no_upload() from None


@lru_cache(maxsize=4)
def _read(manifest: Path, *facts: int) -> Upload:
    """An upload's record, read once for all the requests that bring its files."""
    upload = Upload.model_validate_json(manifest.read_bytes())
    upload._folder = manifest.parent
    return upload


def no_upload() -> NotFound:
    """What is said of an upload that is not there, and of one that is somebody else's."""
    return NotFound("there is no such upload; it was cancelled, imported or left alone too long")


def cancel_upload(home: Home, upload_id: str) -> None:
    """Deletes an upload and its files; one that is already gone is no error."""
    if is_id(upload_id):
        shutil.rmtree(home.uploads / upload_id, ignore_errors=True)


def sweep_uploads(home: Home, older_than: float = STALE_SECONDS) -> int:
    """Deletes the uploads in which nothing was written for `older_than` seconds; returns how many."""
    swept = 0
    for folder in home.uploads.iterdir() if home.uploads.is_dir() else ():
        with suppress(FileNotFoundError):  # imported or cancelled while we looked
            if is_id(folder.name) and time.time() - folder.stat().st_mtime > older_than:
                cancel_upload(home, folder.name)
                swept += 1
    return swept


def _refused(text: str) -> LabError:
    return LabError(f"upload: {text}", field="source")


def _declared(files: Iterable[tuple[str, int]]) -> Iterator[DeclaredFile]:
    """What was announced, checked file by file."""
    seen: set[str] = set()
    for path, size in files:
        try:
            parts = safe_parts(path)
        except ValueError as error:
            raise _refused(f"the path {shown(path)} {error}") from None
        if size < 0:
            raise _refused("a file has a negative size")
        if (key := folded(parts)) in seen:
            raise _refused(f"{shown('/'.join(parts))} comes twice")
        seen.add(key)
        yield DeclaredFile("/".join(parts), size)
