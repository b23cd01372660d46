"""Real workers of which each is a copy of one warm process, so that a start is a moment's affair.

They write a checkpoint after every update, so that any moment may be gone on from.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lrlab.home import Home
from lrlab.runs import Run

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked from one that is warm")

WORK = """
import os, sys
from pathlib import Path
import pyarrow.parquet, torch._dynamo  # which every copy would import on its way
from lrlab.home import Home
from lrlab.runs import load_run
from lrlab.training import devices, resuming, worker
devices.MOST_THREADS = 1
resuming.EVERY, resuming.COST = 0.0, float("inf")  # a checkpoint after every update
for line in sys.stdin:
    root, run_id = line.rstrip("\\n").split("\\t")
    child = os.fork()
    if not child:
        home = Home(Path(root))
        os._exit(worker.attempt(home, load_run(run_id, home)))
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Workers:
    """The warm process; its workers come one after the other."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", WORK],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parents[2],
        )

    def begin(self, home: Home, run: Run) -> int:
        """Gives `run` to a worker; its process."""
        assert self._process.stdin
        self._process.stdin.write(f"{home.root}\t{run.id}\n")
        self._process.stdin.flush()
        return self._told()

    def end(self) -> int:
        """Waits until the worker has ended; its exit code, negative for a signal."""
        return self._told()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _told(self) -> int:
        assert self._process.stdout
        return int(self._process.stdout.readline())


@pytest.fixture
def workers(home: Home) -> Iterator[Workers]:
    started = Workers()
    yield started
    started.close()
