"""A process is known by boot, PID and start together; each of them alone must not do."""

import subprocess
import sys

import psutil
import pytest

from lrlab.process import Identity, find, identity, is_alive


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()


def test_a_living_process_is_found_and_a_dead_one_is_not(child):
    known = identity(child.pid)
    assert find(known).pid == child.pid
    child.kill()
    child.wait()
    assert not is_alive(known)


@pytest.mark.parametrize("change", [{"boot_id": "another boot"}, {"started": -5.0}])
def test_the_same_pid_of_another_boot_or_start_is_somebody_else(child, change):
    known = identity(child.pid)
    assert not is_alive(known.model_copy(update=change))


def test_a_clock_that_was_set_does_not_make_somebody_else_of_a_process(child, monkeypatch):
    known = identity(child.pid)
    wall = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: wall(self) + 1.0)
    if sys.platform == "linux":
        assert is_alive(known)


def test_an_identity_survives_its_way_through_json(child):
    known = identity(child.pid)
    assert Identity.model_validate_json(known.model_dump_json()) == known
    assert is_alive(Identity.model_validate_json(known.model_dump_json()))
