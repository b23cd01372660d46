"""The supervisor's decisions, look by look, over a backend that runs nothing and remembers what it was asked."""

from __future__ import annotations

import os
import socket
import time

import pytest

from lrlab.jobs.backend import Ended
from lrlab.jobs.queue import Queue
from lrlab.jobs.requeueing import Ticket
from lrlab.jobs.slots import Slot
from lrlab.jobs.slots import slots as slots_of
from lrlab.jobs.supervisor import MOST_CLAIMS, Supervisor
from lrlab.process import Identity, identity
from lrlab.runs import Attempt, delete_run, request_stop, update
from lrlab.runs.heartbeat import Heartbeat, heartbeat_file


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


def test_runs_start_in_order_one_at_a_time(supervisor, backend, enqueue, queue):
    first, second = enqueue(), enqueue()
    supervisor.take_over()
    supervisor.tick()
    supervisor.tick()
    assert backend.given == {"w1": first.id}
    assert first.heartbeat.phase == "starting worker" and second.heartbeat is None
    update(first, state="succeeded")
    backend.ended["w1"] = 0
    supervisor.tick()
    assert backend.given == {"w1": first.id, "w2": second.id}
    assert (states(first, second), backend.forgotten) == (["succeeded", "queued"], ["w1"])
    assert queue.run_ids() == {second.id}


def test_the_next_run_does_not_wait_until_the_process_of_the_last_has_left(supervisor, backend, enqueue, queue):
    first, second = enqueue(), enqueue()
    supervisor.tick()
    update(first, notes="anything else in run.json is no end")
    supervisor.tick()
    assert list(backend.given.values()) == [first.id]
    update(first, state="succeeded")
    supervisor.tick()
    assert list(backend.given.values()) == [first.id, second.id]
    assert (queue.run_ids(), backend.forgotten) == ({second.id}, [])
    backend.ended["w1"] = 0
    supervisor.tick()
    assert backend.forgotten == ["w1"] and first.record.state == "succeeded"


def test_a_process_that_does_not_leave_is_ended(home, queue, backend, enqueue, monkeypatch):
    monkeypatch.setattr("lrlab.jobs.supervisor.LEAVE_GRACE", 0)
    supervisor, run = Supervisor(home, queue, backend), enqueue()
    supervisor.tick()
    update(run, state="succeeded")
    supervisor.tick()
    assert backend.cancelled == [("w1", True)]
    backend.ended["w1"] = -9
    supervisor.tick()
    assert backend.forgotten == ["w1"] and run.record.state == "succeeded"


def test_as_many_at_a_time_as_there_are_slots(home, queue, enqueue):
    backend = FakeBackend(slots=2)
    runs = [enqueue() for _ in range(3)]
    Supervisor(home, queue, backend).tick()
    assert list(backend.given.values()) == [run.id for run in runs[:2]]


class TestGPUs:
    """Two GPUs, A and B, and one run at a time on the CPU."""

    @pytest.fixture
    def backend(self):
        return FakeBackend(gpus=("A", "B"))

    @pytest.fixture
    def ask(self, home, make_run):
        def add(device):
            run = make_run()
            with Queue(home) as of_another:
                of_another.add(run.id, device)
            return run

        return add

    def test_each_has_one_run_and_the_cpu_its_own(self, supervisor, backend, ask):
        devices = ("cpu", "auto", "cpu", "cuda", "auto")
        runs = [ask(device) for device in devices]
        supervisor.tick()
        where = {run: ticket.partition("@")[2] for ticket, run in backend.given.items()}
        assert where == {runs[1].id: "A", runs[3].id: "B", runs[0].id: ""}
        update(runs[3], state="succeeded")
        supervisor.tick()
        assert len(backend.given) == 3  # its process holds the GPU's memory until it has left
        backend.ended["w2@B"] = 0
        supervisor.tick()
        assert list(backend.given.items())[-1] == ("w4@B", runs[4].id)

    def test_a_cpu_slot_is_free_before_the_process_of_its_last_run_has_left(self, supervisor, backend, ask):
        first, second = ask("cpu"), ask("cpu")
        supervisor.tick()
        update(first, state="succeeded")
        supervisor.tick()
        assert list(backend.given.values()) == [first.id, second.id]

    def test_a_worker_of_an_earlier_supervisor_keeps_its_gpu(self, supervisor, backend, ask, queue):
        _, second = ask("auto"), ask("auto")
        queue.claim("earlier@A")
        supervisor.take_over()
        supervisor.tick()
        assert backend.given == {"w1@B": second.id}

    def test_a_worker_that_the_queue_forgot_keeps_its_gpu(self, supervisor, backend, ask, make_run):
        mine = Attempt(number=1, started=1.0, identity=identity(), host=socket.gethostname(), gpu="A")
        update(make_run(), state="running", attempts=(mine,))
        second = ask("auto")
        supervisor.take_over()
        supervisor.tick()
        assert backend.given == {"w1@B": second.id}

    def test_a_run_that_the_queue_forgot_goes_on_where_it_was_begun(self, supervisor, backend, make_run):
        begun = Attempt(number=1, started=1.0, identity=identity(), host="here", processor="cpu", ended=2.0)
        run = make_run()
        update(run, attempts=(begun,))
        supervisor.take_over()
        supervisor.tick()
        assert list(backend.given) == ["w1"]

    def test_one_worker_is_warm_wherever_the_next_run_begins(self, supervisor, backend, ask):
        run = ask("auto")
        supervisor.tick()
        assert [slot.gpu for slot in backend.spares] == ["B"]
        update(run, state="succeeded")
        backend.ended["w1@A"] = 0
        supervisor.tick()
        assert [slot.gpu for slot in backend.spares] == ["A"]

    def test_no_worker_is_warmed_on_a_gpu_that_a_run_has(self, supervisor, backend, ask, monkeypatch):
        monkeypatch.setattr("lrlab.jobs.supervisor.SPARE_PAUSE", 0)
        supervisor.tick()
        assert [slot.gpu for slot in backend.spares] == ["A"]
        runs = [ask("auto"), ask("auto"), ask("cpu")]
        supervisor.tick()
        assert len(backend.given) == 3 and not backend.spares
        update(runs[1], state="succeeded")
        supervisor.tick()
        assert not backend.spares
        backend.ended["w2@B"] = 0
        supervisor.tick()
        assert [slot.gpu for slot in backend.spares] == ["B"]


def test_more_or_fewer_at_a_time_count_from_the_next_look_on(home, queue, enqueue):
    backend = FakeBackend()
    supervisor, runs = Supervisor(home, queue, backend), [enqueue() for _ in range(3)]
    supervisor.tick()
    backend.present = slots_of(2, ())
    supervisor.tick()
    assert list(backend.given.values()) == [run.id for run in runs[:2]]
    backend.present = slots_of(1, ())
    update(runs[0], state="succeeded")
    supervisor.tick()
    assert len(backend.given) == 2  # the other one goes on, and is all that may
    update(runs[1], state="succeeded")
    supervisor.tick()
    assert list(backend.given.values()) == [run.id for run in runs]


def test_a_worker_that_dies_leaves_its_cause_and_the_next_run_starts(supervisor, backend, enqueue):
    first, second = enqueue(), enqueue()
    supervisor.tick()
    backend.ended["w1"] = -9
    supervisor.tick()
    assert states(first, second) == ["failed", "queued"]
    assert first.record.cause == "the worker was killed by signal 9 (probably out of memory)"
    assert backend.given["w2"] == second.id


def test_a_spare_is_kept_while_a_slot_is_free_and_noted(supervisor, backend, queue, enqueue):
    supervisor.tick()
    assert backend.spare == queue.spare() == "w1"
    enqueue()
    supervisor.tick()
    assert backend.spare is None and queue.spare() is None  # not while the run has just begun
    backend.ended["w1"] = 1
    supervisor.tick()
    assert backend.spare == queue.spare() == "w2"


def test_the_queue_is_read_again_only_when_it_changed(supervisor, backend, enqueue, queue, monkeypatch):
    supervisor.tick()
    monkeypatch.setattr(queue, "waiting", lambda: pytest.fail("nothing changed"))
    supervisor.tick()


def test_what_was_refused_is_tried_again(supervisor, backend, enqueue):
    run = enqueue()
    backend.refuse = OSError("no process to be had")
    for _ in range(2):
        with pytest.raises(OSError):
            supervisor.tick()
    backend.refuse = None
    supervisor.tick()
    assert backend.given == {"w1": run.id}


def ask_long_ago(run, seconds):
    request_stop(run)
    then = time.time() - seconds
    os.utime(run.folder / "stop", (then, then))


def silent(run, seconds, slowest_batch=0.0):
    """The worker's newest sign of life was so long ago."""
    sign = Heartbeat(phase="training", slowest_batch=slowest_batch, time=time.time() - seconds)
    heartbeat_file(run.folder).write_text(sign.model_dump_json())


POLITE, FORCE = ("w1", False), ("w1", True)


def test_a_worker_that_does_not_stop_is_asked_and_then_killed(supervisor, backend, enqueue):
    run = enqueue()
    supervisor.tick()
    asked = []
    for seconds in (1, 19, 21, 22, 26, 27):
        ask_long_ago(run, seconds)
        silent(run, seconds + 1)
        supervisor.tick()
        asked.append(list(backend.cancelled))
    assert asked == [[], [], [POLITE], [POLITE], [POLITE, FORCE], [POLITE, FORCE]]
    backend.ended["w1"] = -9
    supervisor.tick()
    assert (run.record.state, run.record.cause) == ("cancelled", "it did not stop by itself")


@pytest.mark.parametrize(
    ("asked", "silent_for", "slowest", "done"),
    [
        (300, 19, 0, []),  # it saves, and says so
        (300, 21, 0, [POLITE]),
        (300, 26, 0, [FORCE]),
        (21, 300, 0, [POLITE]),  # patience counts from the stop on
        (79, 79, 40, []),
        (81, 81, 40, [POLITE]),
        (86, 86, 40, [FORCE]),
        (29 * 60, 0, 3600, []),
        (31 * 60, 0, 3600, [FORCE]),  # it never will
    ],
)
def test_how_long_a_worker_that_is_to_stop_is_waited_for(
    supervisor, backend, enqueue, asked, silent_for, slowest, done
):
    run = enqueue()
    supervisor.tick()
    ask_long_ago(run, asked)
    silent(run, silent_for, slowest)
    supervisor.tick()
    assert backend.cancelled == done


def test_a_stop_by_force_waits_for_nothing(supervisor, backend, enqueue):
    run = enqueue()
    supervisor.tick()
    request_stop(run)
    supervisor.tick()
    assert backend.cancelled == []
    request_stop(run, force=True)
    supervisor.tick()
    supervisor.tick()
    assert backend.cancelled == [("w1", True)]


def test_a_stop_asked_for_before_the_start_starts_nothing(supervisor, backend, enqueue, queue):
    run, other = enqueue(), enqueue()
    request_stop(run)
    supervisor.tick()
    assert states(run) == ["cancelled"] and run.record.ended
    assert list(backend.given.values()) == [other.id]
    assert queue.run_ids() == {other.id}


@pytest.mark.parametrize("spoil", ["deleted", "unreadable"])
def test_a_run_that_is_not_there_any_more_holds_nobody_up(supervisor, backend, enqueue, queue, spoil):
    run, other = enqueue(), enqueue()
    if spoil == "deleted":
        delete_run(run)
    else:
        (run.folder / "run.json").write_text("{")
    supervisor.tick()
    assert list(backend.given.values()) == [other.id]
    assert queue.run_ids() == {other.id}


class TestTakingOver:
    def test_a_living_worker_keeps_its_run(self, supervisor, backend, enqueue, queue):
        run, other = enqueue(), enqueue()
        queue.claim("earlier")
        supervisor.take_over()
        supervisor.tick()
        assert backend.given == {}  # the only slot is taken
        update(run, state="succeeded")
        backend.ended["earlier"] = None
        supervisor.tick()
        assert (run.record.state, run.record.cause) == ("succeeded", "")
        assert list(backend.given.values()) == [other.id]

    def test_a_run_that_had_not_begun_is_given_to_another_worker(self, supervisor, backend, enqueue, queue):
        run = enqueue()
        queue.claim("earlier")
        backend.ended["earlier"] = None
        supervisor.take_over()
        supervisor.tick()
        assert list(backend.given.values()) == [run.id]

    def test_but_not_for_ever(self, supervisor, backend, enqueue, queue):
        run = enqueue()
        for number in range(MOST_CLAIMS):
            queue.put_back(run.id)
            queue.claim(f"earlier{number}")
            backend.ended[f"earlier{number}"] = None
        supervisor.take_over()
        supervisor.tick()
        assert (states(run), backend.given) == (["lost"], {})

    def test_a_run_whose_worker_died_unseen_is_lost(self, supervisor, backend, enqueue, queue):
        run = enqueue()
        queue.claim("earlier")
        update(run, state="running")
        backend.ended["earlier"] = None
        supervisor.take_over()
        supervisor.tick()
        assert (states(run), backend.given, queue.run_ids()) == (["lost"], {}, set())

    @pytest.mark.parametrize(("asked", "state"), [(False, "lost"), (True, "cancelled")])
    def test_a_run_ends_whatever_its_machine_is_called_now(self, supervisor, backend, enqueue, queue, asked, state):
        """A container made anew, a lab that was copied, a laptop on another network."""
        run = enqueue()
        queue.claim("earlier")
        begun = Attempt(number=1, started=1.0, identity=backend.identity("earlier"), host="an-earlier-name")
        update(run, state="running", attempts=(begun,))
        if asked:
            request_stop(run)
        backend.ended["earlier"] = None
        supervisor.take_over()
        supervisor.tick()
        assert (states(run), queue.run_ids()) == ([state], set())

    def test_a_claim_that_a_power_cut_undid_starts_no_run_twice(self, supervisor, backend, enqueue, queue):
        run = enqueue()
        update(run, state="running")  # run.json knows of a worker, the queue does not
        supervisor.take_over()
        supervisor.tick()
        assert (states(run), backend.given, queue.run_ids()) == (["lost"], {}, set())

    def test_a_living_worker_that_the_queue_forgot_is_known_again(self, supervisor, backend, enqueue, make_run, queue):
        run, other = make_run(), enqueue()
        mine = Attempt(number=1, started=time.time(), identity=identity(), host=socket.gethostname())
        update(run, state="running", attempts=(mine,))
        supervisor.take_over()
        supervisor.tick()
        (job,) = queue.claimed()
        assert (job.run_id, Identity.model_validate_json(job.worker)) == (run.id, mine.identity)
        assert (backend.given, queue.order()) == ({}, [other.id])  # the only slot is taken
        request_stop(run, force=True)
        supervisor.tick()
        assert backend.cancelled == [(job.worker, True)]

    def test_runs_that_the_queue_forgot_wait_again_in_their_order(self, supervisor, make_run, queue):
        runs = [make_run() for _ in range(3)]
        request_stop(runs[1])
        supervisor.take_over()
        assert [queue.position(run.id) for run in runs] == [1, None, 2]
        assert states(*runs) == ["queued", "cancelled", "queued"]

    def test_an_ended_run_that_the_queue_still_knows_is_forgotten(self, supervisor, backend, enqueue, queue):
        run = enqueue()
        queue.claim("earlier")
        update(run, state="succeeded")
        backend.ended["earlier"] = None
        supervisor.take_over()
        supervisor.tick()
        assert (states(run), queue.run_ids()) == (["succeeded"], set())


def test_it_is_idle_once_nothing_waits_or_runs_and_the_stated_time_is_over(home, queue, backend, enqueue):
    impatient = Supervisor(home, queue, backend, idle=lambda: 0)
    run = enqueue()
    assert not impatient.idle()
    impatient.tick()
    assert not impatient.idle()
    update(run, state="succeeded")
    backend.ended["w1"] = 0
    impatient.tick()
    assert impatient.idle()
    assert backend.spare is None  # nor was a worker kept warm
    assert not Supervisor(home, queue, backend, idle=lambda: 60).idle()


def test_how_long_it_stays_counts_as_it_is_set_now(home, queue, backend):
    minutes = [60.0]
    supervisor = Supervisor(home, queue, backend, idle=lambda: minutes[0])
    supervisor.tick()
    assert backend.spare and not supervisor.idle()
    minutes[0] = 0
    supervisor.tick()
    assert backend.spare is None and supervisor.idle()
