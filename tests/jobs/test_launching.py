"""A supervisor is started where none is at work, beyond the reach of whoever started it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import psutil
import pytest
from filelock import FileLock

from lrlab.jobs import launching
from lrlab.jobs.detached import environment, give_way
from lrlab.jobs.launching import ensure_attended, ensure_supervisor
from lrlab.jobs.queue import Queue

PRINT = "import os, sys, lrlab; print(os.getpid(), os.environ['LRLAB_HOME'], os.getcwd(), flush=True); "


def said(home) -> list[str]:
    return home.supervisor_log.read_text().split()


def test_it_is_started_in_the_lab_and_outlives_who_started_it(home, until):
    starter = (
        "import sys; from lrlab.home import lab_home; from lrlab.jobs import ensure_supervisor\n"
        "assert ensure_supervisor(lab_home(), command=[sys.executable, '-c', sys.argv[1]])\n"
        "print('started', flush=True); sys.stdin.read()\n"
    )
    waiting = PRINT + "import time; time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", starter, waiting],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout.readline() == b"started\n"
        until(lambda: home.supervisor_log.exists() and len(said(home)) == 3)
        os.killpg(process.pid, signal.SIGKILL)
    pid, *facts = said(home)
    supervisor = psutil.Process(int(pid))
    assert facts == [str(home.root), str(home.root)]
    assert supervisor.is_running() and supervisor.status() != psutil.STATUS_ZOMBIE
    supervisor.kill()


def test_none_is_started_while_one_is_at_work(home):
    with FileLock(home.supervisor_lock):
        assert not ensure_supervisor(home, command=["/no/such/program"])
    with pytest.raises(FileNotFoundError):
        ensure_supervisor(home, command=["/no/such/program"])


def test_one_that_has_ended_is_not_left_behind_as_a_zombie(home, until):
    assert ensure_supervisor(home, command=[sys.executable, "-c", PRINT])
    until(lambda: home.supervisor_log.exists() and len(said(home)) == 3)
    pid = int(said(home)[0])
    until(lambda: not psutil.pid_exists(pid))


@pytest.mark.parametrize("claimed", [False, True])
def test_one_is_needed_while_a_run_waits_or_is_at_work(home, enqueue, monkeypatch, claimed):
    called = []
    monkeypatch.setattr(launching, "ensure_supervisor", lambda home: called.append(home) or True)
    assert not ensure_attended(home)
    assert not home.queue.exists()  # a look makes no file
    run = enqueue()
    with Queue(home) as queue:
        if claimed:
            queue.claim("w")
        assert ensure_attended(home)
        queue.remove(run.id)
    assert not ensure_attended(home)
    assert called == [home]


def test_a_server_replaces_one_that_was_killed_and_hurries_less_where_none_stays(home, enqueue, monkeypatch):
    """Each look: whether a supervisor was missing, or what was raised; and the pause after it."""
    looks = [True, False, True, True, OSError("no process to be had"), True, True, False, False]
    pauses, left = [], iter(looks)

    def look(home):
        outcome = next(left)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) > len(looks):
            raise asyncio.CancelledError

    enqueue()
    monkeypatch.setattr(launching, "ensure_supervisor", look)
    monkeypatch.setattr(launching.asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(launching.attend(home, 4.0))
    assert pauses == [4, 8, 5, 10, 20, 40, 60, 60, 5, 5]


def test_its_log_does_not_grow_without_end(home, monkeypatch, until):
    monkeypatch.setattr(launching, "LOG_SIZE", 10)
    home.supervisor_log.write_text("0123456789 and more")
    ensure_supervisor(home, command=[sys.executable, "-c", PRINT])
    until(lambda: len(said(home)) == 3 and said(home)[1] == str(home.root))


def test_this_lrlab_is_found_from_any_folder(home, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    found = subprocess.run(
        [sys.executable, "-c", "import lrlab, sys; print(lrlab.__file__, '/elsewhere' in sys.path)"],
        env=environment(home),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    import lrlab

    assert found.stdout.split() == [lrlab.__file__, "True"]


@pytest.mark.parametrize(("before", "after"), [(0, 5), (5, 5), (12, 12)])
def test_what_gives_way_never_comes_forward(before, after):
    """Whoever is not root may lower a priority and never raise it."""
    own = psutil.Process().nice()
    with subprocess.Popen(["sleep", "60"]) as process:
        process_of = psutil.Process(process.pid)
        process_of.nice(max(before, own))
        give_way(process.pid)
        assert process_of.nice() == max(after, own)
        process.kill()
    give_way(process.pid)  # nobody is there any more


def test_the_supervisor_imports_no_pandas():
    program = (
        "import sys; from lrlab.jobs import ensure_supervisor, supervise; print({'pandas', 'torch'} & {*sys.modules})"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"
