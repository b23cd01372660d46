"""The heartbeat says what is done: at once where that changes, seldom where it does not."""

from __future__ import annotations

import json

import pytest

from lrlab.runs import Beat, beat


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

        def time(self):
            return 1_700_000_000 + self.now

    made = Clock()
    monkeypatch.setattr(beat, "time", made)
    return made


def test_it_is_read_as_it_was_said(make_run, clock):
    run = make_run()
    assert run.heartbeat is None
    pulse = Beat(run)
    pulse.say("decoding images", 320, 1262)
    assert (run.heartbeat.phase, run.heartbeat.done, run.heartbeat.total) == ("decoding images", 320, 1262)
    assert run.heartbeat.last_batch is None
    clock.now += 3
    pulse.batch(0.25, phase="training", step=7, epoch=1, images_per_second=128.0, done=8, total=12)
    assert run.heartbeat.model_dump() == {
        "phase": "training",
        "done": 8,
        "total": 12,
        "step": 7,
        "epoch": 1,
        "images_per_second": 128.0,
        "last_batch": 1_700_000_103.0,
        "slowest_batch": 0.25,
        "time": 1_700_000_103.0,
    }


def test_it_is_written_at_most_twice_a_second_unless_the_phase_changes(make_run, clock, monkeypatch):
    written = []
    monkeypatch.setattr(beat, "write_atomic", lambda path, content, sync: written.append(json.loads(content)))
    pulse = Beat(make_run())
    pulse.say("decoding images", 0, 1000)
    for done in range(1, 1001):  # ten seconds of a hundred batches each
        clock.now += 0.01
        pulse.say("decoding images", done, 1000)
    assert 20 <= len(written) <= 22
    assert written[-1]["done"] == 1000  # the last part of a phase is always said
    pulse.batch(0.01, phase="training", step=0)
    assert written[-1]["phase"] == "training"
    pulse.batch(0.01, step=1)
    assert written[-1]["step"] == 0
    pulse.flush()
    assert written[-1]["step"] == 1


def test_the_slowest_batch_is_kept(make_run, clock):
    run = make_run()
    pulse = Beat(run)
    for seconds in (0.5, 9.0, 0.25):
        pulse.batch(seconds)
    pulse.flush()
    assert run.heartbeat.slowest_batch == 9.0


HALTS = {
    # What the batches took, and the slowest that counts: a halt counts as what would have been waited for.
    "a machine that slept": ((0.5, 3600.0), 30.0),
    "twice": ((3600.0, 3600.0), 150.0),
    "slow batches": ((20.0, 100.0, 90.0), 100.0),
}


@pytest.mark.parametrize("case", HALTS)
def test_a_halt_does_not_make_whoever_watches_wait_for_hours(make_run, clock, case):
    batches, slowest = HALTS[case]
    run = make_run()
    pulse = Beat(run)
    for seconds in batches:
        pulse.batch(seconds)
    pulse.flush()
    assert run.heartbeat.slowest_batch == slowest


def test_what_is_no_heartbeat_is_none(make_run):
    run = make_run()
    for content in (b"", b"{", b"[]", b'{"phase": 1}'):
        (run.folder / "heartbeat.json").write_bytes(content)
        assert run.heartbeat is None
