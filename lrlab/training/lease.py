"""Whether a run is still this worker's: it is until a newer attempt stands in run.json, its end, or nothing at all.

A worker that was silent for long (its machine slept, its disk hung) may wake up when its run is another's, or is over.
What it wrote under names of its own counts for nothing then; what all attempts share it must not touch any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from lrlab.errors import NotFound
from lrlab.runs import FINAL, Run, RunRecord, locked
from lrlab.training.loop import Loop, Observer


class LeaseLost(Exception):
    """The run is not this worker's any more."""


class Lease(Observer):
    """Attempt number `attempt`'s right to `run`, looked at before anything of an update is written.

    A look costs a microsecond or two while run.json stays as it is. LeaseLost once the right is lost.
    """

    def __init__(self, run: Run, attempt: int) -> None:
        self._run, self._attempt = run, attempt
        self._seen: tuple[int, int] | None = None

    def look(self) -> None:
        """Raises LeaseLost where the run is not this attempt's any more."""
        try:
            facts = (self._run.folder / "run.json").stat()
            seen = facts.st_ino, facts.st_mtime_ns
            if seen != self._seen:
                self.check(self._run.record)
                self._seen = seen
        except (FileNotFoundError, NotFound):
            raise LeaseLost("the run was deleted") from None

    def check(self, record: RunRecord) -> None:
        """Raises LeaseLost where `record` gives the run to another attempt, or ends it."""
        newest = record.attempts[-1]
        if newest.number != self._attempt:
            raise LeaseLost(f"attempt {newest.number} has the run")
        if record.state in FINAL or newest.ended is not None:
            raise LeaseLost(f"this attempt is over, the run is {record.state}")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody can take the run over meanwhile: for the moment in which a file that all attempts share changes."""
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self._run))
            except NotFound:
                raise LeaseLost("the run was deleted") from None
            self._seen = None
            self.look()
            yield

    def after_update(self, loop: Loop) -> None:
        self.look()

    def after_eval_batch(self, loop: Loop) -> None:
        self.look()
