"""The process of an import: it takes the images in, says how far it is, and keeps within its memory and time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

from filelock import FileLock, Timeout

from lrlab.datasets import Progress, Sample, Source, add_dataset, cancel_upload, open_upload, sweep_partials
from lrlab.errors import LabError, NotFound
from lrlab.home import Home
from lrlab.jobs import bounds
from lrlab.jobs.import_files import (
    ImportStatus,
    Request,
    SampleAsked,
    State,
    UploadAsked,
    file,
    read,
    read_request,
    write,
    write_process,
)
from lrlab.process import identity

AT_ONCE = 2
"""So many imports of a lab are at work at a time, each on all cores; the others wait."""

_REPORT_SECONDS = 0.2
_NOBODY = nullcontext()


class _Cancelled(Exception):
    """Raised inside the import once somebody wants it to end."""


def import_process(home: Home, import_id: str) -> int:
    """`run_import` in a process that belongs to it alone, within the bounds of `lrlab.jobs.bounds`.

    NotFound where there is no such import; then the process is as it was.
    """
    read(home, import_id)
    write_process(home, import_id, identity())  # its starter may have been killed before it could
    bounds.limit_memory(bounds.MOST_MEMORY)
    speaking = threading.Lock()

    def end(sentence: str) -> None:
        """From the watchdog's thread: whatever holds the process, it ends here, and nothing of the import is left."""
        speaking.acquire()  # for good: what the import stumbles over now is nobody's business
        status = read(home, import_id)
        if status.ended:
            return
        clear(home, import_id, mine=True)
        where = f" at image {status.done + 1:,} of {status.total:,} or one of the next" if status.total else ""
        error = f"the import {sentence}{where}; nothing of it was kept"
        write(home, status.model_copy(update={"state": "failed", "what": "Failed", "error": error, "field": "source"}))
        os._exit(1)

    with bounds.Watchdog(end, bounds.MOST_MEMORY, bounds.LONGEST_SILENCE, bounds.LONGEST) as watchdog:
        return run_import(home, import_id, watchdog.beat, speaking)


def run_import(
    home: Home,
    import_id: str,
    beat: Callable[[], None] = lambda: None,
    speaking: AbstractContextManager[object] = _NOBODY,
) -> int:
    """Carries the import out; returns an exit code, 0 only where the data set was added.

    `beat`: told of each step. `speaking`: held while the status is written.
    """
    status = read(home, import_id)
    if status.ended:
        raise LabError(f"the import {import_id} has already ended")
    request = read_request(home, import_id)
    reporter = _Reporter(home, status, beat, speaking)

    def end(state: State, **fields: str | None) -> None:
        """The last word, when nothing is left that must go."""
        _drop_upload(home, request)
        reporter.end(state, **fields)

    try:
        with _turn(home, reporter):
            dataset = add_dataset(home, _source(home, request), request.name, reporter, owner=status.owner)
    except _Cancelled:
        end("cancelled", what="Cancelled")
    except LabError as error:
        end("failed", what="Failed", error=str(error), field=error.field)
    except MemoryError:
        text = bounds.TOO_LARGE.format(gb=bounds.MOST_MEMORY / 1024**3)
        end("failed", what="Failed", error=f"the import {text}; nothing of it was kept", field="source")
    except BaseException as error:
        end("failed", what="Failed", error=f"the import broke off: {type(error).__name__}: {error}")
        raise  # its traceback goes to the log
    else:
        end("succeeded", what="Done", dataset_id=dataset.id)
        return 0
    return 1


def clear(home: Home, import_id: str, *, mine: bool = False) -> None:
    """Removes what an import left whose process did not do so itself. `mine`: this process is the one, and ends."""
    sweep_partials(home, mine=mine)
    with suppress(NotFound):  # what was asked for cannot be read any more
        _drop_upload(home, read_request(home, import_id))


def turns(home: Home) -> list[FileLock]:
    """As many locks as imports may be at work in the lab at a time; each holds one, and loses it with its process."""
    return [FileLock(home.root / f".import-{number}.lock", blocking=False) for number in range(AT_ONCE)]


@contextmanager
def _turn(home: Home, progress: Progress) -> Iterator[None]:
    """Waits until fewer imports than allowed are at work, and is one of them until the end of the block."""
    while True:
        for lock in turns(home):
            try:
                lock.acquire()
            except Timeout:
                continue
            try:
                yield
            finally:
                lock.release()
            return
        progress("Waiting for another import", 0, 0)
        time.sleep(_REPORT_SECONDS)


class _Reporter:
    """The Progress of an import: writes the status a few times a second and looks whether it should end."""

    def __init__(
        self, home: Home, status: ImportStatus, beat: Callable[[], None], speaking: AbstractContextManager[object]
    ) -> None:
        self._home = home
        self._status = status
        self._beat, self._speaking = beat, speaking
        self._cancel = file(home, status.id, "cancel")
        self._next = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        self._beat()
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
        with self._speaking:
            write(self._home, self._status)


def _source(home: Home, request: Request) -> Source:
    if isinstance(request.source, UploadAsked):
        return open_upload(home, request.source.id)
    return Sample() if isinstance(request.source, SampleAsked) else request.source.path


def _drop_upload(home: Home, request: Request) -> None:
    if isinstance(request.source, UploadAsked):
        cancel_upload(home, request.source.id)
