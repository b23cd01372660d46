"""A backend that runs nothing and remembers what it was asked, and a supervisor over it that looks when it is told."""

from __future__ import annotations

import pytest

from lrlab.jobs.backend import Ended
from lrlab.jobs.queue import Queue
from lrlab.jobs.requeueing import Ticket
from lrlab.jobs.slots import Slot
from lrlab.jobs.slots import slots as slots_of
from lrlab.jobs.supervisor import Supervisor
from lrlab.process import Identity


class FakeBackend:
    """Workers w1, w2, ... that live until a test says how they ended."""

    def __init__(self, slots: int = 1, gpus: tuple[str, ...] = ()) -> None:
        self.present = slots_of(slots, gpus)
        self.ended: dict[str, int | None] = {}
        self.given: dict[str, str] = {}
        self.cancelled: list[tuple[str, bool]] = []
        self.forgotten: list[str] = []
        self.refuse: Exception | None = None
        self.spares: dict[Slot, str] = {}
        self._count = 0

    @property
    def spare(self) -> str | None:
        return next(iter(self.spares.values()), None)

    def slots(self) -> tuple[Slot, ...]:
        return self.present

    def identity(self, ticket: str) -> Identity:
        if ticket.startswith("{"):  # of a worker that the queue had forgotten
            return Identity.model_validate_json(ticket)
        return Identity(boot_id="this boot", pid=sum(ticket.encode()), started=0.0)

    def gpu(self, ticket: str) -> str:
        if ticket.startswith("{"):
            return Ticket.model_validate_json(ticket).gpu
        return ticket.partition("@")[2]

    def prepare(self, slot: Slot) -> str:
        if self.refuse:
            raise self.refuse
        if slot not in self.spares:
            self.start(slot)
        return self.spares[slot]

    def submit(self, ticket: str, run_id: str) -> None:
        (slot,) = [slot for slot, spare in self.spares.items() if spare == ticket]
        del self.spares[slot]
        self.given[ticket] = run_id

    def status(self, ticket: str) -> Ended | None:
        return Ended(self.ended[ticket]) if ticket in self.ended else None

    def cancel(self, ticket: str, *, force: bool) -> None:
        self.cancelled.append((ticket, force))

    def log_tail(self, ticket: str, run_id: str) -> str:
        return ""

    def forget(self, ticket: str) -> None:
        self.forgotten.append(ticket)

    def start(self, slot: Slot) -> None:
        self._count += 1
        self.spares[slot] = f"w{self._count}" + (f"@{slot.gpu}" if slot.gpu else "")

    def keep_warm(self, slot: Slot | None) -> None:
        self.spares = {kept: ticket for kept, ticket in self.spares.items() if kept == slot}
        if slot is not None and slot not in self.spares:
            self.start(slot)

    def warm(self) -> str | None:
        return self.spare

    def close(self) -> None:
        self.spares.clear()


@pytest.fixture
def backend():
    return FakeBackend()


@pytest.fixture
def queue(home):
    with Queue(home) as made:
        yield made


@pytest.fixture
def supervisor(home, queue, backend):
    return Supervisor(home, queue, backend)


def states(*runs):
    return [run.record.state for run in runs]
