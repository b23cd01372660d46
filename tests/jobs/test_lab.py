"""One look at the lab: who is at work, who waits and in which order, and what ended last."""

from __future__ import annotations

import shutil
import time

import pytest

from lrlab import jobs
from lrlab.disk import is_measuring
from lrlab.errors import LabError
from lrlab.home import Home
from lrlab.jobs.lab import LATELY, Watch
from lrlab.jobs.queue import Queue
from lrlab.process import identity
from lrlab.runs import update


def test_runs_stand_where_the_queue_has_them(home: Home, enqueue) -> None:
    first, second, third = (enqueue() for _ in range(3))
    watch = Watch(home)
    with Queue(home) as queue:
        queue.claim(identity().model_dump_json())
    lab = watch.look()
    assert (lab.running, lab.waiting, lab.lately()) == ((first.id,), (second.id, third.id), ())
    jobs.move(home, third.id, 1)
    assert watch.look().waiting == (third.id, second.id)
    jobs.stop(home, second.id)
    lab = watch.look()
    assert (lab.waiting, lab.lately()) == ((third.id,), (second.id,))


def test_the_newest_ends_are_told_and_no_run_that_was_queued_again(home: Home, enqueue, make_run) -> None:
    began = time.time()
    ended = [make_run() for _ in range(LATELY + 2)]
    for number, run in enumerate(ended):
        update(run, state="failed", ended=began - number)
    watch = Watch(home)
    assert watch.look().lately() == tuple(run.id for run in ended[:LATELY])
    with Queue(home) as queue:  # its worker has left, and its run.json is not written anew yet
        queue.add(ended[0].id)
    assert watch.look().lately() == tuple(run.id for run in ended[1 : LATELY + 1])
    jobs.delete(home, ended[1].id)
    assert ended[1].id not in watch.look().lately()


def test_each_person_has_ends_of_their_own(home: Home, make_run) -> None:
    began = time.time()
    runs = [make_run() for _ in range(3 * LATELY)]
    for number, run in enumerate(runs):
        update(run, state="failed", ended=began - number, owner="ann" if number < LATELY else "ben", shared=number == 2)
    lab = Watch(home).look()
    assert lab.lately() == tuple(run.id for run in runs[:LATELY])
    seen = lab.lately(lambda run: run.shared or run.owner == "ben")
    assert seen == (runs[2].id, *(run.id for run in runs[LATELY : 2 * LATELY - 1]))


def test_a_look_never_waits_for_the_disk_and_says_how_old_its_figure_is(home: Home) -> None:
    watch = Watch(home)
    first = watch.look()
    end = time.monotonic() + 30
    while is_measuring(home):
        assert time.monotonic() < end
        time.sleep(0.01)
    second = watch.look()
    assert first.disk is None or first.disk == second.disk
    assert second.disk is not None
    assert 0 <= time.time() - second.disk.measured < 30
    assert second.free == pytest.approx(shutil.disk_usage(home.root).free, rel=0.1)


def test_the_settings_are_told_and_their_faults_named(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(home)
    lab = watch.look()
    assert (lab.at_a_time, lab.supervisor_idle, lab.helper_idle) == (1, 900, 600)
    home.settings.write_text("[jobs]\nat_a_time = 3\nidle_minutes = 1\nhelper_idle_minutes = 0.5\n")
    lab = watch.look()
    assert (lab.at_a_time, lab.supervisor_idle, lab.helper_idle) == (3, 60, 30)
    monkeypatch.setenv("LRLAB_IDLE_SECONDS", "7")
    assert watch.look().supervisor_idle == 7
    home.settings.write_text("[jobs]\nat_a_time = 0\n")
    with pytest.raises(LabError, match=r"lab\.toml: jobs\.at_a_time: got 0"):
        watch.look()


def test_those_who_ask_at_the_same_moment_share_one_look(home: Home) -> None:
    shared = Watch(home, fresh=60)
    assert shared.look() is shared.look()
    anew = Watch(home)
    assert anew.look() is not anew.look()
