"""How a run that the queue does not know comes into it again: where run.json says that it belongs."""

from __future__ import annotations

from lrlab.jobs.queue import Queue
from lrlab.jobs.slots import device_of
from lrlab.process import Identity, is_alive
from lrlab.runs import RunRecord


class Ticket(Identity):
    """The name of a worker: which process it is, and the GPU that it was given, if any."""

    gpu: str = ""


def requeue(queue: Queue, record: RunRecord) -> None:
    """Lets a run that waits wait at the queue's end, for what it was begun on, and gives one at work to its worker.

    Nothing where it has ended, or its worker is not to be seen on this machine.
    """
    if record.state == "queued":
        queue.add(record.id, device_of(record))
    elif record.state == "running" and record.attempts and is_alive(record.attempts[-1].identity):
        attempt = record.attempts[-1]
        queue.adopt(record.id, Ticket(**attempt.identity.model_dump(), gpu=attempt.gpu).model_dump_json())
