"""A worker's process: it takes one run, writes worker.log, and leaves the run in a final state, whatever happens."""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import torch

from lrlab.errors import LabError
from lrlab.experiments import Model
from lrlab.home import Home
from lrlab.process import identity, is_alive
from lrlab.runs import FINAL, Attempt, Beat, Run, RunRecord, load_run, revise, usable_checkpoints
from lrlab.runs.record import Kind
from lrlab.training.devices import choose_device
from lrlab.training.failures import explain
from lrlab.training.finder import Finding
from lrlab.training.lease import Lease, LeaseLost
from lrlab.training.models import build_model
from lrlab.training.observers import StopRequested
from lrlab.training.session import Session

SUCCEEDED, FAILED, LOST = 0, 1, 3
"""Exit codes. A run that a person stopped ended as it should; one that became another's was left to it."""

NICENESS = 5
"""The worker stands back behind the web server, and still gets a third of a core that both want."""

RESERVE = 64 * 1024
"""Bytes kept in the run's folder, so that its last words find room on a full disk."""

_SESSIONS: dict[Kind, type[Session]] = {"train": Session, "find_lr": Finding}
"""Who carries out a run, by its kind."""

_log = logging.getLogger(__name__)


def work(home: Home, run_id: str) -> int:
    """Trains the run `run_id` from its run.json to its end, and returns the exit code: 0 for succeeded or cancelled.

    From here on the process writes to the run's worker.log. NotFound where there is no such run.
    """
    run = load_run(run_id, home)
    _write_to(run.worker_log)
    _stand_back()
    return attempt(home, run)


def wait_and_work(home: Home) -> int:
    """Gets ready, says "ready" on standard output, reads one run id from standard input and works on it.

    Everything slow about a start is over before the id comes. Returns 0 at once where the input ends without one.
    """
    _warm_up()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    run_id = sys.stdin.readline().strip()
    return work(home, run_id) if run_id else SUCCEEDED


def attempt(home: Home, run: Run) -> int:
    """One attempt at `run` in this process as it is; returns the exit code."""
    try:
        mine = _claim(run)
    except LabError as error:
        _log.error("%s", error)
        return FAILED
    lease, experiment = Lease(run, mine.number), run.experiment
    session = None
    try:
        reserve = _reserve(run)
        reserve.write_bytes(os.urandom(RESERVE))
        beat = Beat(run)
        beat.say("starting worker")
        session = _SESSIONS[run.record.kind](home, run, mine, beat, lease)
        session.train()
        ending: dict[str, Any] = {"state": "succeeded"}
    except LeaseLost as lost:
        return _leave(lost)
    except StopRequested:
        _log.info("stopped on request")
        ending = {"state": "cancelled"}
    except Exception as error:  # noqa: BLE001 (whatever it is, the run must not stay "running")
        _log.exception("the run failed")
        failure = explain(error, experiment)
        ending = {"state": "failed", "cause": failure.cause, "advice": failure.advice}
    if session:
        ending["result"] = session.result
    try:
        _finish(run, lease, ending)
    except LeaseLost as lost:
        return _leave(lost)
    return FAILED if ending["state"] == "failed" else SUCCEEDED


def _claim(run: Run) -> Attempt:
    """Enters this process into run.json as the run's newest attempt; LabError where it is not to be had."""
    me, host = identity(), socket.gethostname()

    def change(record: RunRecord) -> dict[str, Any]:
        if record.state in FINAL:
            raise LabError(f"run {run.id} has ended: {record.state}")
        newest = record.attempts[-1] if record.attempts else None
        # One that has written the run's end may still be leaving while the run is resumed.
        works = newest is not None and newest.ended is None and newest.host == host and newest.identity != me
        if newest and works and is_alive(newest.identity):
            raise LabError(f"run {run.id} is worked on by process {newest.identity.pid}")
        usable = usable_checkpoints(run, record.attempts)
        mine = Attempt(
            number=len(record.attempts) + 1,
            first_step=usable[0].step if usable else 0,
            started=time.time(),
            identity=me,
            host=host,
            gpu=os.environ.get("LRLAB_GPU", ""),
            torch=torch.__version__,
        )
        return {"state": "running", "attempts": (*record.attempts, mine)}

    return revise(run, change).attempts[-1]


def _leave(lost: LeaseLost) -> int:
    """Nothing more is written: the run's files are another's."""
    _log.warning("this worker leaves: %s", lost)
    return LOST


def _finish(run: Run, lease: Lease, ending: dict[str, Any]) -> None:
    """Writes how the run ended; LeaseLost where it is not this worker's any more."""
    lease.look()
    _reserve(run).unlink(missing_ok=True)

    def change(record: RunRecord) -> dict[str, Any]:
        lease.check(record)
        return {**ending, "ended": time.time()}

    record = revise(run, change)
    _log.info("%s%s", record.state, f": {record.cause}" if record.cause else "")


def _reserve(run: Run) -> Path:
    return run.folder / ".reserve"


def _write_to(path: Path) -> None:
    """Lets all that this process prints, C libraries included, go to the end of `path`."""
    with path.open("ab") as file:
        for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
            stream.flush()
            os.dup2(file.fileno(), number)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", force=True)


def _stand_back() -> None:
    process = psutil.Process()
    if sys.platform == "win32":
        process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        process.nice(max(process.nice(), NICENESS))


def _warm_up() -> None:
    """Imports what is imported late, and makes torch do once what it does in every update."""
    import pyarrow.parquet  # noqa: F401 (the table of images is read with it)

    device = choose_device("auto", "small_cnn").device
    model = build_model(Model(), 2, 64).to(device)
    optimizer = torch.optim.Adam(model.parameters())
    images = torch.zeros(32, 3, 64, 64, device=device).to(memory_format=torch.channels_last)
    loss = torch.nn.functional.cross_entropy(model(images), torch.zeros(32, dtype=torch.int64, device=device))
    torch.autograd.backward(loss)
    optimizer.step()
