"""Imports: images are taken in by a process of its own, so that neither a reload nor a restart of the server ends it.

Here is the side that asks: it starts an import, looks how it stands, ends it, and settles what its process could not.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
from filelock import FileLock

from lrlab.datasets import Sample, Source, Upload, check_name, existing, sweep_uploads
from lrlab.errors import NotFound
from lrlab.files import is_id, new_id, write_atomic
from lrlab.home import Home
from lrlab.jobs.detached import environment, give_way, own_session
from lrlab.jobs.import_files import (
    ImportStatus,
    PathAsked,
    Request,
    SampleAsked,
    UploadAsked,
    file,
    last_words,
    read,
    read_process,
    read_request,
    write,
    write_process,
)
from lrlab.jobs.importing import clear
from lrlab.process import Identity, find, identity, is_alive

KEEP_SECONDS = 7 * 24 * 3600.0
"""How long the outcome of an import is kept."""

COMMAND = [sys.executable, "-m", "lrlab", "import"]
"""What carries an import out; its id follows."""

_PATIENCE_SECONDS = 10.0  # a second request to cancel, this long after the first, ends a process that does not listen
_START_SECONDS = 60.0


def start_import(home: Home, source: Source, name: str, *, owner: str = "") -> str:
    """Starts taking in `source` (see `add_dataset`) as the data set `name` of `owner`; returns the id of the import.

    The process is detached: it outlives this one. An upload's files are deleted when its import ends.
    Raises LabError at once where the name (field "name") or the source (field "source") cannot be right, and OSError
    where no process can be started; then there is no import, and an upload is as it was.
    """
    home.ensure()
    _sweep(home)
    name = check_name(home, name)
    if isinstance(source, Upload):
        source.finish()
        asked: PathAsked | UploadAsked | SampleAsked = UploadAsked(id=source.id)
    elif isinstance(source, Sample):
        asked = SampleAsked()
    else:
        asked = PathAsked(path=str(existing(source)))
    import_id = new_id()
    request = Request(name=name, source=asked)
    try:
        write(home, ImportStatus(id=import_id, dataset=name, owner=owner, started=time.time()))
        write_atomic(file(home, import_id, "request.json"), request.model_dump_json().encode(), sync=False)
        _spawn(home, import_id)
    except BaseException:
        _forget(home, import_id)
        raise
    return import_id


@contextmanager
def handing_over(home: Home, upload_id: str) -> Iterator[str | None]:
    """The import that an upload was handed over to, or None; until the end of the block no other process or thread
    hands one over.

    An import whose starter was killed before its process began is forgotten: the upload may be handed over again.
    """
    with FileLock(home.root / ".import-start.lock"):
        started = import_of_upload(home, upload_id)
        if started and not _began(home, started):
            _forget(home, started)
            started = None
        yield started


def import_of_upload(home: Home, upload_id: str) -> str | None:
    """The import that an upload was handed over to, however it stands; None where it was not."""
    for path in home.imports.glob("*.request.json"):
        import_id = path.name.partition(".")[0]
        if is_id(import_id):
            with suppress(NotFound):  # swept while we looked
                source = read_request(home, import_id).source
                if isinstance(source, UploadAsked) and source.id == upload_id:
                    return import_id
    return None


def import_status(home: Home, import_id: str) -> ImportStatus:
    """How the import stands; "lost" once its process ended without a word, and what it left is then removed.

    NotFound where there is no such import.
    """
    status = read(home, import_id)
    if not is_lost_import(home, status):
        return status
    status = read(home, import_id)  # it may have ended between the two looks
    if status.ended:
        return status
    cancelled = file(home, import_id, "cancel").exists()
    if cancelled or _began(home, import_id):  # else nothing was touched, and an upload may be handed over again
        clear(home, import_id)
    if cancelled:
        status = status.model_copy(update={"state": "cancelled", "what": "Cancelled"})
    else:
        error = f"the import ended unexpectedly{last_words(home, import_id)}; nothing of it was kept"
        status = status.model_copy(update={"state": "lost", "error": error})
    write(home, status)
    return status


def is_lost_import(home: Home, status: ImportStatus) -> bool:
    """Whether an import that says it is at work has no process any more. A look alone, which changes nothing."""
    if status.ended:
        return False
    owner = read_process(home, status.id)
    if owner is None:  # the starter itself died between the request and the start
        return time.time() - status.started > _START_SECONDS
    return not is_alive(owner)


def running_imports(home: Home) -> list[ImportStatus]:
    """The imports under way, whoever started them, the newest first."""
    found = []
    for path in home.imports.glob("*.json"):
        if is_id(path.stem):
            with suppress(NotFound):  # swept while we looked
                found.append(import_status(home, path.stem))
    return sorted((status for status in found if not status.ended), key=lambda status: -status.started)


def cancel_import(home: Home, import_id: str) -> None:
    """Asks the import to end; what it made is removed. Asked again after ten seconds, it ends the process itself."""
    if import_status(home, import_id).ended:
        return
    wish = file(home, import_id, "cancel")
    if not wish.exists():
        wish.touch()
    elif time.time() - wish.stat().st_mtime > _PATIENCE_SECONDS:
        owner = read_process(home, import_id)
        if owner and (process := find(owner)):
            process.kill()


def _spawn(home: Home, import_id: str) -> None:
    command = [*COMMAND, import_id]
    with file(home, import_id, "log").open("wb") as log:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(home), **own_session()
        )
    try:
        give_way(child.pid)
        write_process(home, import_id, _identity(child.pid))
        # An ended child stays a zombie until somebody waits for it.
        threading.Thread(target=child.wait, name=f"import-{import_id}", daemon=True).start()
    except BaseException:
        child.kill()
        child.wait()
        raise


def _identity(pid: int) -> Identity:
    try:
        return identity(pid)
    except psutil.NoSuchProcess:  # on Windows a process that ended at once has no identity any more
        return Identity(boot_id="", pid=pid, started=0.0)


def _began(home: Home, import_id: str) -> bool:
    """Whether the import was ever given a process."""
    return file(home, import_id, "process.json").exists()


def _forget(home: Home, import_id: str) -> None:
    """Removes all that tells of an import."""
    for path in home.imports.glob(f"{import_id}.*"):
        path.unlink(missing_ok=True)


def _sweep(home: Home) -> None:
    """Removes outcomes that nobody asks for any more, and abandoned uploads."""
    sweep_uploads(home)
    for old in home.imports.iterdir():
        with suppress(FileNotFoundError):  # another starter sweeps too
            if time.time() - old.stat().st_mtime > KEEP_SECONDS:
                old.unlink()
