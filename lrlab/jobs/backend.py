"""What the supervisor asks of whatever runs the workers: processes of this machine now, a cluster later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lrlab.jobs.slots import Slot
from lrlab.process import Identity


@dataclass(frozen=True)
class Ended:
    """A worker that is gone. `code`: its exit code, -n where signal n killed it, None where nobody could see it."""

    code: int | None


class Backend(Protocol):
    """Runs workers. A ticket is a text that names one worker for ever, also to a supervisor started later.

    A worker is named before it is given a run, so that the claim in the queue can say who has it: whatever dies when,
    it stays known whether the run has a worker that lives.
    """

    def slots(self) -> Sequence[Slot]:
        """What may be given to runs at this moment, the slots with a GPU first; one run each."""
        ...

    def identity(self, ticket: str) -> Identity:
        """Which process the worker is; its attempt at a run bears it."""
        ...

    def gpu(self, ticket: str) -> str:
        """The GPU of the slot that the worker was started in; empty where it has none to itself."""
        ...

    def prepare(self, slot: Slot) -> str:
        """The ticket of a worker that waits for a run in `slot`, started where none does; the same until `submit`."""
        ...

    def submit(self, ticket: str, run_id: str) -> None:
        """Gives the prepared worker its run; it takes no other."""
        ...

    def status(self, ticket: str) -> Ended | None:
        """None while the worker lives. Once it ended, its code is told to the supervisor that started it."""
        ...

    def cancel(self, ticket: str, *, force: bool) -> None:
        """Asks the worker's process to end, or with `force` ends it; nothing where it has ended."""
        ...

    def log_tail(self, ticket: str, run_id: str) -> str:
        """The last lines that the worker printed, at most a few hundred characters; empty where there are none."""
        ...

    def forget(self, ticket: str) -> None:
        """The end of this worker has been dealt with; its ticket will not be asked about again."""
        ...

    def keep_warm(self, slot: Slot | None) -> None:
        """Has a worker import all it needs and wait for a run in `slot`, and none in any other; None: none at all."""
        ...

    def warm(self) -> str | None:
        """The ticket of a worker that waits for a run and has imported all it needs, or None."""
        ...

    def close(self) -> None:
        """Lets the waiting workers go; those that have a run go on."""
        ...
