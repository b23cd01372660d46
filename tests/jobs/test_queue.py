"""The queue: in order, each run claimed once, whoever asks."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from lrlab.errors import LabError
from lrlab.jobs.queue import Job, Queue


@pytest.fixture
def queue(home):
    with Queue(home) as made:
        yield made


def test_first_come_first_served(queue):
    for run_id in ("b", "a", "c"):
        queue.add(run_id)
    queue.add("b")  # keeps its place
    assert [queue.position(run_id) for run_id in ("b", "a", "c", "unknown")] == [1, 2, 3, None]
    assert queue.claim("w1") == Job("b", "w1", 1)
    assert [queue.position(run_id) for run_id in ("b", "a", "c")] == [None, 1, 2]
    assert queue.claim("w2") == Job("a", "w2", 1)
    assert queue.claimed() == [Job("b", "w1", 1), Job("a", "w2", 1)]
    assert (queue.waiting(), queue.run_ids()) == (1, {"a", "b", "c"})
    queue.claim("w3")
    assert queue.claim("w4") is None


def test_a_run_that_is_put_back_is_next_and_counts_its_claims(queue):
    for run_id in ("a", "b"):
        queue.add(run_id)
    queue.claim("w1")
    queue.put_back("a")
    assert [queue.position(run_id) for run_id in ("a", "b")] == [1, 2]
    assert queue.claim("w2") == Job("a", "w2", 2)


def test_a_run_is_withdrawn_only_while_it_waits(queue):
    for run_id in ("a", "b"):
        queue.add(run_id)
    queue.claim("w")
    assert [queue.withdraw(run_id) for run_id in ("a", "b", "unknown")] == [False, True, True]
    assert queue.run_ids() == {"a"}
    queue.remove("a")
    assert queue.run_ids() == set()


@pytest.mark.parametrize(
    ("run_id", "place", "order"),
    [
        ("d", 1, "dbce"),
        ("b", 3, "cdbe"),
        ("c", 2, "bcde"),
        ("b", 4, "cdeb"),
        ("c", 99, "bdec"),
        ("e", 0, "ebcd"),
    ],
)
def test_a_waiting_run_takes_the_place_it_is_given(queue, run_id, place, order):
    for waiting in "abcde":
        queue.add(waiting)
    queue.claim("w")
    assert queue.move(run_id, place)
    assert queue.order() == list(order)
    assert [queue.position(waiting) for waiting in order] == [1, 2, 3, 4]
    queue.add("f")
    queue.put_back("a")
    assert "".join(queue.order()) == f"a{order}f"
    assert queue.claim("w") == Job("a", "w", 2) and queue.claim("w") == Job(order[0], "w", 1)


def test_only_a_run_that_waits_is_moved(queue):
    for run_id in "ab":
        queue.add(run_id)
    queue.claim("w")
    assert [queue.move(run_id, 1) for run_id in ("a", "b", "unknown")] == [False, True, False]
    assert (queue.order(), queue.claimed()) == (["b"], [Job("a", "w", 1)])


def test_the_spare(queue):
    assert queue.spare() is None
    queue.set_spare("w1")
    queue.set_spare("w2")
    assert queue.spare() == "w2"
    queue.set_spare(None)
    assert queue.spare() is None


def test_changes_by_others_are_seen_without_reading(queue, home):
    before = queue.data_version()
    assert queue.data_version() == before
    queue.add("own")
    assert queue.data_version() == before
    with Queue(home) as other:
        other.add("theirs")
    assert queue.data_version() != before


def test_what_was_queued_is_there_for_the_next_process(home):
    with Queue(home) as queue:
        queue.add("a")
    with Queue(home) as queue:
        assert queue.position("a") == 1


def test_a_claim_for_some_devices_takes_the_first_run_that_asks_for_one(queue):
    for run_id, device in (("a", "cpu"), ("b", "auto"), ("c", "cuda"), ("d", "cpu")):
        queue.add(run_id, device)
    assert [queue.waiting(some) for some in ((), ("cpu",), ("auto", "cuda"), ("mps",))] == [4, 2, 2, 0]
    assert queue.claim("w1", ("auto", "cuda")).run_id == "b"
    assert queue.claim("w2", ("mps",)) is None
    assert queue.claim("w3", ("cpu", "mps")).run_id == "a"
    assert queue.claim("w4").run_id == "c"


VERSION_1 = """
CREATE TABLE jobs (turn INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL UNIQUE, worker TEXT,
                   claims INTEGER NOT NULL DEFAULT 0);
CREATE INDEX waiting ON jobs (turn) WHERE worker IS NULL;
CREATE TABLE spare (worker TEXT NOT NULL);
INSERT INTO jobs (run_id, worker, claims) VALUES ('a', 'w1', 1), ('b', NULL, 0);
PRAGMA user_version = 1;
"""


def test_a_queue_of_the_first_version_is_brought_to_this_one(home):
    with closing(sqlite3.connect(home.queue)) as old:
        old.executescript(VERSION_1)
    for _ in range(2):
        with Queue(home) as queue:
            assert (queue.claimed(), queue.order()) == ([Job("a", "w1", 1)], ["b"])
            assert queue.waiting(("auto",)) == 1


def test_a_queue_of_a_later_version_is_refused_and_left_as_it_is(home):
    with closing(sqlite3.connect(home.queue)) as later:
        later.execute("PRAGMA user_version = 3")
    before = home.queue.read_bytes()
    with pytest.raises(LabError, match=r"written by a later lrlab \(version 3, this one knows 2\); update lrlab"):
        Queue(home)
    assert home.queue.read_bytes() == before


def test_many_open_a_new_queue_at_once(home):
    program = "from lrlab.home import lab_home; from lrlab.jobs.queue import Queue; Queue(lab_home()).add('a')"
    openers = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(6)]
    assert [opener.wait() for opener in openers] == [0] * 6
    with Queue(home) as queue:
        assert queue.waiting() == 1
