"""Worker processes: named before they are given a run, told by their identity, never mistaken for another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest

from lrlab.jobs.backend import Ended
from lrlab.jobs.local import Local
from lrlab.jobs.slots import Slot
from lrlab.process import Identity, identity, is_alive

SLOT = Slot()


@pytest.fixture
def local(home, fake_worker):
    backend = Local(home, command=fake_worker)
    yield backend
    backend.close()


def pid(ticket: str) -> int:
    return Identity.model_validate_json(ticket).pid


def test_a_worker_waits_is_warm_and_gets_its_run(local, make_run, until):
    run = make_run("succeed")
    assert local.warm() is None
    local.keep_warm(SLOT)
    until(local.warm)
    ticket = local.prepare(SLOT)
    assert (local.warm(), local.prepare(SLOT)) == (ticket, ticket)
    assert local.status(ticket) is None
    local.submit(ticket, run.id)
    assert local.warm() is None
    until(lambda: local.status(ticket))
    assert local.status(ticket) == Ended(0)
    assert run.record.state == "succeeded"
    assert run.record.attempts[0].identity == Identity.model_validate_json(ticket)
    assert local.log_tail(ticket, run.id) == "the first step is done"
    local.forget(ticket)


def test_a_worker_runs_in_a_session_of_its_own_and_gives_way(local):
    ticket = local.prepare(SLOT)
    assert os.getsid(pid(ticket)) == pid(ticket) != os.getsid(0)
    assert psutil.Process(pid(ticket)).nice() == max(5, psutil.Process().nice())


def test_the_end_of_its_input_ends_a_waiting_worker(local, until):
    known = Identity.model_validate_json(local.prepare(SLOT))
    local.close()
    until(lambda: not is_alive(known))


@pytest.mark.parametrize(
    ("name", "code", "tail"),
    [
        ("exit 3", 3, "the first step is done"),
        ("raise", 1, "RuntimeError: shapes do not match"),
        ("kill", -9, "the first step is done"),
        ("die early", 1, "RuntimeError: no such device"),
    ],
)
def test_how_a_worker_ended_is_known(local, make_run, until, name, code, tail):
    run, ticket = make_run(name), local.prepare(SLOT)
    local.submit(ticket, run.id)
    until(lambda: local.status(ticket))
    assert local.status(ticket) == Ended(code)
    assert local.log_tail(ticket, run.id).splitlines()[-1] == tail


def test_what_a_worker_said_before_it_knew_its_run_is_not_lost(home, make_run, until):
    broken = [sys.executable, "-c", "import sys; sys.stdin.readline(); import no_such_module"]
    local, run = Local(home, command=broken), make_run()
    ticket = local.prepare(SLOT)
    local.submit(ticket, run.id)
    until(lambda: local.status(ticket))
    assert local.log_tail(ticket, run.id).endswith("ModuleNotFoundError: No module named 'no_such_module'")


def test_a_worker_that_dies_waiting_is_replaced_not_at_once_but_for_a_run(home, make_run, until, monkeypatch):
    local = Local(home, command=[sys.executable, "-c", ""])
    local.keep_warm(SLOT)
    first = local.prepare(SLOT)
    until(lambda: not is_alive(Identity.model_validate_json(first)))
    local.keep_warm(SLOT)
    assert not local._spares  # the next one would die as fast
    second = local.prepare(SLOT)
    assert second != first
    run = make_run()
    until(lambda: not is_alive(Identity.model_validate_json(second)))
    local.submit(second, run.id)  # nobody reads it any more
    assert local.status(second) == Ended(0)


def test_one_worker_waits_and_those_elsewhere_are_let_go(local, until):
    here, there = Slot("GPU-a"), Slot("GPU-b")
    local.keep_warm(here)
    first = Identity.model_validate_json(local.prepare(here))
    local.keep_warm(there)
    second = Identity.model_validate_json(local.prepare(there))
    until(lambda: not is_alive(first))
    assert is_alive(second)
    local.keep_warm(None)
    until(lambda: not is_alive(second))

    def reaped() -> bool:
        local.keep_warm(None)
        return not any(psutil.pid_exists(known.pid) for known in (first, second))

    until(reaped)


SHOW = "import os, sys; sys.stdin.readline(); print('sees', os.environ['CUDA_VISIBLE_DEVICES'])"


@pytest.mark.parametrize(
    ("slot", "shown"),
    [
        (Slot("GPU-b", ("auto", "cuda")), "sees GPU-b"),
        (Slot(takes=("cpu",), hides=True), "sees"),
        (Slot(), "sees 0,1"),
    ],
)
def test_a_worker_sees_what_its_slot_has(home, make_run, until, monkeypatch, slot, shown):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    local, run = Local(home, command=[sys.executable, "-c", SHOW]), make_run()
    ticket = local.prepare(slot)
    assert local.gpu(ticket) == slot.gpu
    local.submit(ticket, run.id)
    until(lambda: local.status(ticket))
    assert local.log_tail(ticket, run.id) == shown


def test_the_lab_file_is_followed_and_nonsense_in_it_changes_nothing(home, fake_worker, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    local, told = Local(home, command=fake_worker), []
    for number, text in enumerate(["", "[jobs]\nat_a_time = 3", "[jobs]\nat_a_time = 0", "[jobs", ""]):
        home.settings.write_text(text)
        os.utime(home.settings, (number, number))
        told.append(len(local.slots()))
    assert told == [1, 3, 3, 3, 1]


class TestWorkersOfAnEarlierSupervisor:
    @pytest.fixture
    def sleeper(self):
        with subprocess.Popen(["sleep", "60"]) as process:
            yield process
            process.kill()

    @pytest.fixture(autouse=True)
    def look_at_once(self, monkeypatch):
        monkeypatch.setattr("lrlab.jobs.local.LOOK_EVERY", 0)

    def test_they_are_known_by_their_ticket(self, local, sleeper):
        ticket = identity(sleeper.pid).model_dump_json()
        assert local.status(ticket) is None
        local.cancel(ticket, force=False)
        assert sleeper.wait() == -signal.SIGTERM
        assert local.status(ticket) == Ended(None)
        local.cancel(ticket, force=True)  # nobody is there any more

    def test_force_ends_one_that_does_not_listen(self, local, sleeper):
        sleeper.send_signal(signal.SIGSTOP)
        local.cancel(identity(sleeper.pid).model_dump_json(), force=True)
        assert sleeper.wait() == -signal.SIGKILL

    @pytest.mark.parametrize("change", [{"started": 1.0}, {"boot_id": "another boot"}], ids=["reused", "rebooted"])
    def test_another_process_with_the_same_pid_is_never_signalled(self, local, sleeper, change):
        ticket = identity(sleeper.pid).model_copy(update=change).model_dump_json()
        assert local.status(ticket) == Ended(None)
        for force in (False, True):
            local.cancel(ticket, force=force)
        with pytest.raises(subprocess.TimeoutExpired):
            sleeper.wait(timeout=0.2)
