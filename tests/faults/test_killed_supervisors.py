"""Supervisors killed at random moments: their runs go on, the next one takes them over, none is lost or run twice."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest

from lrlab.home import Home
from lrlab.jobs import stop
from lrlab.process import is_alive
from lrlab.runs import Run
from tests.jobs.conftest import make_run

from .labs import FAKE, ended, enqueue, supervisors, wait_until
from .serving import LONG

__all__ = ["make_run"]

pytestmark = [pytest.mark.usefixtures("woken"), pytest.mark.timeout(3600)]

KILLS = 50 if LONG else 10


def test_no_run_is_lost_or_run_twice(
    home: Home, make_run: Callable[[str], Run], figure: Callable[[str, str], None]
) -> None:
    """One run is at work through all the kills; short ones come and go beside it, on the other of two slots."""
    home.settings.write_text("[jobs]\nat_a_time = 2\n")
    moments = random.Random(0)
    lasting, short = make_run("until asked"), [make_run("succeed") for _ in range(KILLS + 2)]
    enqueue(home, lasting, *short)
    with supervisors(home, FAKE) as start:
        current = start()
        wait_until(lambda: lasting.record.state == "running")
        worker = lasting.record.attempts[0].identity
        for _ in range(KILLS):
            rows = len(lasting.steps)
            time.sleep(moments.uniform(0, 0.6))  # about what a short run takes, its worker's start included
            current.kill()
            current.wait()
            wait_until(lambda rows=rows: len(lasting.steps) > rows)  # nobody watches, and it goes on
            current = start()
            assert is_alive(worker)
        wait_until(lambda: ended(*short), "a run was lost")
        stop(home, lasting.id)
        wait_until(lambda: ended(lasting))
    assert [run.record.state for run in short] == ["succeeded"] * len(short)
    assert lasting.record.state == "cancelled"
    runs = (lasting, *short)
    assert [len(run.record.attempts) for run in runs] == [1] * len(runs)
    steps = lasting.steps["step"].tolist()
    assert steps == list(range(len(steps)))
    figure("kill -9 of the supervisor", f"{KILLS} kills, {len(runs)} runs: lost 0, run twice 0, interrupted 0")
