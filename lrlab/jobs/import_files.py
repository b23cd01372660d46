"""What the lab keeps of an import: the request, how it stands, and who its process is.

imports/<id>.request.json   what was asked for
        <id>.json           how it stands; written by the process alone while it runs
        <id>.process.json   who the process is, written by the one who started it, and by itself when it begins
        <id>.cancel         there once somebody wants it to end
        <id>.log            what the process printed
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lrlab.errors import NotFound, shown
from lrlab.files import is_id, write_atomic
from lrlab.home import Home
from lrlab.process import Identity

State = Literal["running", "succeeded", "failed", "cancelled", "lost"]


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


class PathAsked(BaseModel):
    """A zip or a folder on the server."""

    kind: Literal["path"] = "path"
    path: str


class UploadAsked(BaseModel):
    """A finished upload, which is deleted when its import ends."""

    kind: Literal["upload"] = "upload"
    id: str


class SampleAsked(BaseModel):
    """The sample set."""

    kind: Literal["sample"] = "sample"


class Request(BaseModel):
    """What was asked for: a source, and the name of the data set to be."""

    name: str
    source: Annotated[PathAsked | UploadAsked | SampleAsked, Field(discriminator="kind")]


def file(home: Home, import_id: str, suffix: str) -> Path:
    """One of the files of an import; NotFound for what is no id, which never reaches a path."""
    if not is_id(import_id):
        raise no_import(import_id)
    return home.imports / f"{import_id}.{suffix}"


def read(home: Home, import_id: str) -> ImportStatus:
    """How the import stands as it was written last; NotFound where there is no such import."""
    try:
        return ImportStatus.model_validate_json(file(home, import_id, "json").read_bytes())
    except FileNotFoundError:
        raise no_import(import_id) from None
    except ValidationError:
        error = "how the import stood cannot be read any more; look whether its data set is there"
        return ImportStatus(id=import_id, dataset="", state="lost", error=error)


def write(home: Home, status: ImportStatus) -> None:
    """Writes how the import stands."""
    # Not synced: after a power cut the process is gone as well, and a torn file reads as lost.
    write_atomic(file(home, status.id, "json"), status.model_dump_json().encode(), sync=False)


def read_request(home: Home, import_id: str) -> Request:
    """What was asked for; NotFound where there is no such import, or that cannot be read any more."""
    try:
        return Request.model_validate_json(file(home, import_id, "request.json").read_bytes())
    except (FileNotFoundError, ValidationError):
        raise no_import(import_id) from None


def read_process(home: Home, import_id: str) -> Identity | None:
    """Who carries the import out; None where its starter has not said so, or that cannot be read any more."""
    try:
        return Identity.model_validate_json(file(home, import_id, "process.json").read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def write_process(home: Home, import_id: str, owner: Identity) -> None:
    """Writes who carries the import out."""
    write_atomic(file(home, import_id, "process.json"), owner.model_dump_json().encode(), sync=False)


def no_import(import_id: str) -> NotFound:
    """What is said of an import that is not there, and of one that is somebody else's."""
    return NotFound(f"there is no import {shown(import_id)}; outcomes are kept for a week")


def last_words(home: Home, import_id: str) -> str:
    """The last line of the process's log, in brackets, where it left one."""
    try:
        lines = file(home, import_id, "log").read_text("utf-8", "replace").split("\n")
    except FileNotFoundError:
        return ""
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f" ({last[:200]})" if last else ""
