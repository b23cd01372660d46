"""A class on one server: sessions that hold an event stream each, and runs whose rows are timed from hand to hand."""

from __future__ import annotations

import asyncio
import math
import re
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lrlab.experiments import Experiment
from lrlab.home import Home
from lrlab.process import Identity
from lrlab.runs import Attempt, DatasetFacts, Run, create_run, open_log, update

from .serving import Usage

EPOCHS, STEPS_PER_EPOCH = 100, 60
BEFORE = 3000
"""Updates that a run has behind it when the lesson begins, so that its charts are as full as they get."""

_STEP = re.compile(rb'"step": (\d+)')


class LiveRun:
    """A run that this process writes by hand; `written[n]` is the time.monotonic() at which update n was in the log.

    `worker`: the process that a supervisor takes for its worker.
    """

    def __init__(self, home: Home, number: int, worker: Identity) -> None:
        facts = DatasetFacts(id="abcdefghij", name="coffee", classes=("Dark", "Light"), train=1920, val=480)
        experiment = Experiment(dataset="coffee", name=f"student {number}", epochs=EPOCHS, seed=number)
        self.run: Run = create_run(home, experiment, dataset=facts, steps_per_epoch=STEPS_PER_EPOCH)
        begun = Attempt(
            number=1, started=time.time(), identity=worker, host=socket.gethostname(), device="CPU, 2 threads"
        )
        update(self.run, state="running", attempts=(begun,))
        self._log = open_log(self.run, 1)
        self.updates, self.written = 0, dict[int, float]()
        for _ in range(BEFORE):
            self.advance()

    def advance(self) -> None:
        """Writes one more update, and its epoch's row where that ends with it."""
        step, now = self.updates, time.time()
        epoch, fallen = step // STEPS_PER_EPOCH, 1 / (1 + step / 200)
        self._log.step(step=step, epoch=epoch, time=now, lr=0.001, loss=fallen * (1.05 + 0.05 * math.sin(step)))
        self.updates += 1
        self.written[self.updates] = time.monotonic()
        if self.updates % STEPS_PER_EPOCH == 0:
            accuracy = 1 - 0.5 / (epoch + 1)
            self._log.epoch(
                epoch=epoch, step=step, time=now, lr=0.001, train_loss=fallen, train_accuracy=accuracy,
                val_loss=fallen + 0.1, val_accuracy=accuracy, images_per_second=320.0, seconds=1.0,
            )  # fmt: skip

    def end(self) -> None:
        """Ends the run as a stop does."""
        self._log.close()
        update(self.run, state="cancelled", ended=time.time())


@dataclass
class Session:
    """A bare client of one event stream. `seen`: (updates told of, time.monotonic()) of each event.

    `live`: whose rows are timed; None where another process writes them.
    """

    port: int
    path: str
    live: LiveRun | None
    seen: list[tuple[int, float]] = field(default_factory=list)
    bytes: int = 0
    _writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        """Connects, and reads on in the background until `close`."""
        reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port, limit=8 * 1024**2)
        request = f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAccept: text/event-stream\r\n\r\n"
        self._writer.write(request.encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head.splitlines()[0], head
        self._reading = asyncio.create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while True:
            chunk = await _chunk(reader)
            if chunk is None:
                return
            now = time.monotonic()
            self.bytes += len(chunk)
            # The strip stands at an event's end, behind its figure.
            if told := _STEP.findall(chunk, max(0, len(chunk) - 16384)):
                self.seen.append((int(told[-1]), now))

    async def close(self) -> None:
        assert self._writer
        self._reading.cancel()
        self._writer.close()
        await asyncio.gather(self._reading, return_exceptions=True)

    def delays(self) -> list[float]:
        """Seconds from each row written, while this session watched, to the first event that told of it."""
        if not self.seen or self.live is None:
            return []
        first, last = self.seen[0][0], self.seen[-1][0]
        counts, times = np.array([count for count, _ in self.seen]), [at for _, at in self.seen]
        return [
            times[int(np.searchsorted(counts, update))] - self.live.written[update]
            for update in range(first + 1, last + 1)
        ]

    def interval(self) -> float:
        """Seconds from event to event, the middle one of all: the refresh interval, where rows come all the time."""
        return float(np.median(np.diff([at for _, at in self.seen])))


async def _chunk(reader: asyncio.StreamReader) -> bytes | None:
    """One chunk of a chunked answer, which is one event; None at its end."""
    try:
        size = int((await reader.readline()).strip() or b"0", 16)
        if not size:
            return None
        return (await reader.readexactly(size + 2))[:-2]
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


async def lesson(
    sessions: Sequence[Session], runs: Sequence[LiveRun], pid: int, seconds: float, every: float = 1.0
) -> Usage:
    """Every run gains an update `every` seconds, each at a moment of its own, and every session watches.

    Returns what the server's process `pid` used meanwhile, once everybody had come in.
    """
    await asyncio.gather(*(session.open() for session in sessions))
    async with asyncio.timeout(60):
        while not all(session.seen for session in sessions):
            await asyncio.sleep(0.05)
    usage = Usage(pid)

    async def advance(number: int, live: LiveRun) -> None:
        rng, end = np.random.default_rng(number), time.monotonic() + seconds
        while time.monotonic() < end:
            # Not in step with the server's looks, which would measure one phase of them over and over.
            await asyncio.sleep(every * rng.uniform(0.7, 1.3))
            await asyncio.to_thread(live.advance)

    await asyncio.gather(*(advance(number, live) for number, live in enumerate(runs)))
    usage.stop()
    async with asyncio.timeout(60):  # the last rows come as well
        while any(session.live and session.seen[-1][0] < session.live.updates for session in sessions):
            await asyncio.sleep(0.05)
    await asyncio.gather(*(session.close() for session in sessions))
    return usage


def slope(samples: Sequence[tuple[float, int]], after: float) -> float:
    """Bytes a minute that the memory grows by: the least-squares line through samples of (seconds, bytes).

    The first `after` seconds do not count: what is read and imported once is no leak.
    """
    seconds, sizes = np.array([sample for sample in samples if sample[0] >= after], dtype=float).T
    return float(np.polyfit(seconds / 60, sizes, 1)[0])


def p95(values: Sequence[float]) -> float:
    return float(np.quantile(values, 0.95))
