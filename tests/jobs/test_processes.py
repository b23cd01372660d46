"""The lab's own processes are found by how they were started, and no other lab's, however alike they look."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from lrlab.home import Home
from lrlab.jobs.processes import Census
from lrlab.jobs.queue import Queue
from lrlab.process import identity

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(home: Home, tmp_path: Path) -> Iterator[Start]:
    """`start("answer")`: a process that was started as `python -m lrlab answer`, and sleeps."""
    package = tmp_path / "package" / "lrlab"
    package.mkdir(parents=True)
    (package / "__main__.py").write_text("print('ready', flush=True)\nimport time\ntime.sleep(600)\n")
    started: list[subprocess.Popen[bytes]] = []

    def begin(*words: str, lab: Path = home.root) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "LRLAB_HOME": str(lab), "PYTHONPATH": str(package.parent)}
        command = [sys.executable, "-m", "lrlab", *words]
        process = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def roles(census: Census) -> dict[int, tuple[str, str]]:
    return {one.pid: (one.role, one.run) for one in census.look()}


def test_each_is_told_by_what_it_was_started_for(home: Home, start: Start, enqueue) -> None:
    supervisor, helper, coming = start("supervise"), start("answer"), start("import", "abc")
    worker, warm, other = start("work", "--wait"), start("work", "--wait"), start("work", "--wait")
    start("answer", lab=home.root.parent)  # another lab's
    start("status")  # a command of a person
    run = enqueue()
    with Queue(home) as queue:
        queue.claim(identity(worker.pid).model_dump_json())
        queue.set_spare(identity(warm.pid).model_dump_json())
    assert roles(Census(home)) == {
        supervisor.pid: ("supervisor", ""),
        helper.pid: ("helper", ""),
        coming.pid: ("import", ""),
        worker.pid: ("worker", run.id),
        warm.pid: ("warm worker", ""),
        other.pid: ("other worker", ""),
    }


def test_the_server_counts_where_it_is_the_one_that_asks(home: Home) -> None:
    assert roles(Census(home)) == {}
    assert roles(Census(home, server=True)) == {os.getpid(): ("server", "")}


def test_memory_and_load_are_the_processs_own(home: Home, start: Start) -> None:
    helper = start("answer")
    census = Census(home)
    (first,) = census.look()
    assert first.load is None
    (second,) = census.look()
    told = psutil.Process(helper.pid).memory_full_info()
    assert second.memory == pytest.approx(getattr(told, "uss", told.rss), rel=0.3)  # what is its own alone
    assert second.load == pytest.approx(0, abs=0.2)  # it sleeps
    assert second.started == pytest.approx(psutil.Process(helper.pid).create_time())


def test_one_that_has_ended_is_told_no_more(
    home: Home, start: Start, until: Callable[[Callable[[], object]], None]
) -> None:
    helper = start("answer")
    census = Census(home)
    assert list(roles(census)) == [helper.pid]
    helper.kill()
    until(lambda: psutil.Process(helper.pid).status() == psutil.STATUS_ZOMBIE)
    assert roles(census) == {}
    helper.wait()
    assert roles(census) == {}
