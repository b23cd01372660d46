"""Imports: images are taken in by a process of its own, so that neither a reload nor a restart of the server ends it.

imports/<id>.request.json   what was asked for
        <id>.json           how it stands; written by the process alone once it runs
        <id>.process.json   who the process is, written by the one who started it
        <id>.cancel         there once somebody wants it to end
        <id>.log            what the process printed
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import psutil
from pydantic import BaseModel, ConfigDict, Field

from lrlab.datasets import (
    Sample,
    Source,
    Upload,
    add_dataset,
    cancel_upload,
    check_name,
    existing,
    open_upload,
    sweep_uploads,
)
from lrlab.errors import LabError, NotFound, shown
from lrlab.files import is_id, new_id, write_atomic
from lrlab.home import Home
from lrlab.jobs.detached import environment, own_session
from lrlab.process import Identity, find, identity, is_alive

State = Literal["running", "succeeded", "failed", "cancelled", "lost"]

KEEP_SECONDS = 7 * 24 * 3600.0
"""How long the outcome of an import is kept."""

_REPORT_SECONDS = 0.2
_PATIENCE_SECONDS = 10.0  # a second request to cancel, this long after the first, ends a process that does not listen
_START_SECONDS = 60.0


class ImportStatus(BaseModel):
    """How an import stands. `what` it is doing, `done` of `total` (0: not known); `error` is a sentence, once failed.

    `dataset` is the name of the data set, `dataset_id` its id once it exists. `field` is "name" or "source" where
    the error belongs to one of them.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    dataset: str
    owner: str = ""
    """The mail address of whoever started it, empty for the local user; nobody else sees it."""
    shared: ClassVar[bool] = False
    state: State = "running"
    what: str = "Starting"
    done: int = 0
    total: int = 0
    error: str | None = None
    field: str | None = None
    dataset_id: str | None = None
    started: float = 0.0
    """Unix seconds."""

    @property
    def ended(self) -> bool:
        return self.state != "running"


class _Path(BaseModel):
    kind: Literal["path"] = "path"
    path: str


class _Upload(BaseModel):
    kind: Literal["upload"] = "upload"
    id: str


class _Sample(BaseModel):
    kind: Literal["sample"] = "sample"


class _Request(BaseModel):
    name: str
    source: Annotated[_Path | _Upload | _Sample, Field(discriminator="kind")]


class _Cancelled(Exception):
    """Raised inside the import once somebody wants it to end."""


def start_import(home: Home, source: Source, name: str, *, owner: str = "") -> str:
    """Starts taking in `source` (see `add_dataset`) as the data set `name` of `owner`; returns the id of the import.

    The process is detached: it outlives this one. An upload's files are deleted when its import ends.
    Raises LabError at once where the name (field "name") or the source (field "source") cannot be right.
    """
    home.ensure()
    _sweep(home)
    name = check_name(home, name)
    if isinstance(source, Upload):
        source.finish()
        asked: _Path | _Upload | _Sample = _Upload(id=source.id)
    elif isinstance(source, Sample):
        asked = _Sample()
    else:
        asked = _Path(path=str(existing(source)))
    import_id = new_id()
    request = _Request(name=name, source=asked)
    write_atomic(_file(home, import_id, "request.json"), request.model_dump_json().encode(), sync=False)
    _write(home, ImportStatus(id=import_id, dataset=name, owner=owner, started=time.time()))
    _spawn(home, import_id)
    return import_id


def import_status(home: Home, import_id: str) -> ImportStatus:
    """How the import stands; "lost" once its process ended without a word. NotFound where there is no such import."""
    status = _read(home, import_id)
    if status.ended or not _is_gone(home, status):
        return status
    status = _read(home, import_id)  # it may have ended between the two looks
    if status.ended:
        return status
    if _file(home, import_id, "cancel").exists():
        return status.model_copy(update={"state": "cancelled", "what": "Cancelled"})
    error = f"the import ended unexpectedly{_last_words(home, import_id)}; nothing of it was kept"
    return status.model_copy(update={"state": "lost", "error": error})


def running_imports(home: Home) -> list[ImportStatus]:
    """The imports under way, whoever started them, the newest first."""
    found = []
    for file in home.imports.glob("*.json"):
        if is_id(file.stem):
            with contextlib.suppress(NotFound):  # swept while we looked
                found.append(import_status(home, file.stem))
    return sorted((status for status in found if not status.ended), key=lambda status: -status.started)


def cancel_import(home: Home, import_id: str) -> None:
    """Asks the import to end; what it made is removed. Asked again after ten seconds, it ends the process itself."""
    if import_status(home, import_id).ended:
        return
    wish = _file(home, import_id, "cancel")
    if not wish.exists():
        wish.touch()
    elif time.time() - wish.stat().st_mtime > _PATIENCE_SECONDS:
        owner = _owner(home, import_id)
        if owner and (process := find(owner)):
            process.kill()


def run_import(home: Home, import_id: str) -> int:
    """The process's own part: carries the import out and returns an exit code, 0 only where the data set was added."""
    status = _read(home, import_id)
    if status.ended:
        raise LabError(f"the import {import_id} has already ended")
    request = _Request.model_validate_json(_file(home, import_id, "request.json").read_bytes())
    reporter = _Reporter(home, status)
    try:
        dataset = add_dataset(home, _source(home, request), request.name, reporter, owner=status.owner)
    except _Cancelled:
        reporter.end("cancelled", what="Cancelled")
    except LabError as error:
        reporter.end("failed", what="Failed", error=str(error), field=error.field)
    except BaseException as error:
        reporter.end("failed", what="Failed", error=f"the import broke off: {type(error).__name__}: {error}")
        raise  # its traceback goes to the log
    else:
        reporter.end("succeeded", what="Done", dataset_id=dataset.id)
        return 0
    finally:
        if isinstance(request.source, _Upload):
            cancel_upload(home, request.source.id)
    return 1


class _Reporter:
    """The Progress of an import: writes the status a few times a second and looks whether it should end."""

    def __init__(self, home: Home, status: ImportStatus) -> None:
        self._home = home
        self._status = status
        self._cancel = _file(home, status.id, "cancel")
        self._next = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now < self._next and what == self._status.what:
            return
        self._next = now + _REPORT_SECONDS
        if self._cancel.exists():
            raise _Cancelled
        self._update(what=what, done=done, total=total)

    def end(self, state: State, **fields: str | None) -> None:
        """Writes the last word."""
        self._update(state=state, **fields)

    def _update(self, **fields: object) -> None:
        self._status = self._status.model_copy(update=fields)
        _write(self._home, self._status)


def _source(home: Home, request: _Request) -> Source:
    if isinstance(request.source, _Upload):
        return open_upload(home, request.source.id)
    return Sample() if isinstance(request.source, _Sample) else request.source.path


def _spawn(home: Home, import_id: str) -> None:
    command = [sys.executable, "-m", "lrlab", "import", import_id]
    with _file(home, import_id, "log").open("wb") as log:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(home), **own_session()
        )
    try:
        owner = identity(child.pid)
    except psutil.NoSuchProcess:  # on Windows a process that ended at once has no identity any more
        owner = Identity(boot_id="", pid=child.pid, started=0.0)
    write_atomic(_file(home, import_id, "process.json"), owner.model_dump_json().encode(), sync=False)
    # An ended child stays a zombie until somebody waits for it.
    threading.Thread(target=child.wait, name=f"import-{import_id}", daemon=True).start()


def _is_gone(home: Home, status: ImportStatus) -> bool:
    owner = _owner(home, status.id)
    if owner is None:  # the starter itself died between the request and the start
        return time.time() - status.started > _START_SECONDS
    return not is_alive(owner)


def _owner(home: Home, import_id: str) -> Identity | None:
    try:
        return Identity.model_validate_json(_file(home, import_id, "process.json").read_bytes())
    except FileNotFoundError:
        return None


def _file(home: Home, import_id: str, suffix: str) -> Path:
    if not is_id(import_id):
        raise no_import(import_id)
    return home.imports / f"{import_id}.{suffix}"


def _read(home: Home, import_id: str) -> ImportStatus:
    try:
        return ImportStatus.model_validate_json(_file(home, import_id, "json").read_bytes())
    except FileNotFoundError:
        raise no_import(import_id) from None


def _write(home: Home, status: ImportStatus) -> None:
    # Not synced: after a power cut the process is gone as well, and the status says so.
    write_atomic(_file(home, status.id, "json"), status.model_dump_json().encode(), sync=False)


def no_import(import_id: str) -> NotFound:
    """What is said of an import that is not there, and of one that is somebody else's."""
    return NotFound(f"there is no import {shown(import_id)}; outcomes are kept for a week")


def _last_words(home: Home, import_id: str) -> str:
    """The last line of the process's log, in brackets, where it left one."""
    try:
        lines = _file(home, import_id, "log").read_text("utf-8", "replace").split("\n")
    except FileNotFoundError:
        return ""
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f" ({last[:200]})" if last else ""


def _sweep(home: Home) -> None:
    """Removes outcomes that nobody asks for any more, and abandoned uploads."""
    sweep_uploads(home)
    for file in home.imports.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another starter sweeps too
            if time.time() - file.stat().st_mtime > KEEP_SECONDS:
                file.unlink()
