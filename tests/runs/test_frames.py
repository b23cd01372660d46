"""Rows of several attempts as one frame, and the Parquet cache that may stand for them."""

from __future__ import annotations

import os

import pyarrow as pa
import pytest

from lrlab.errors import LabError
from lrlab.runs import EPOCH_COLUMNS, Tail, cache, open_log, update
from lrlab.runs.frames import STEPS, find_sources


def log_steps(run, attempt, steps, value):
    with open_log(run, attempt) as log:
        for step in steps:
            log.step(step=step, epoch=step // 4, time=float(step), lr=0.1, loss=value)


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        # (first step, steps logged) of each attempt -> (step, attempt it comes from) of each row that counts
        ([(0, range(3))], [(0, 1), (1, 1), (2, 1)]),
        ([(0, range(6)), (3, range(3, 5))], [(0, 1), (1, 1), (2, 1), (3, 2), (4, 2)]),
        ([(0, range(6)), (3, [])], [(0, 1), (1, 1), (2, 1)]),
        ([(0, range(6)), (0, range(2))], [(0, 2), (1, 2)]),
        ([(0, range(3)), (3, range(3, 5))], [(0, 1), (1, 1), (2, 1), (3, 2), (4, 2)]),
        ([(0, range(6)), (4, range(4, 6)), (2, range(2, 4))], [(0, 1), (1, 1), (2, 3), (3, 3)]),
        ([(0, range(6)), (2, range(2, 9)), (4, range(4, 6))], [(0, 1), (1, 1), (2, 2), (3, 2), (4, 3), (5, 3)]),
    ],
)
def test_the_newest_attempt_counts_from_its_first_step_on(make_run, begin, attempts, expected):
    run = make_run()
    tail = Tail(run)
    for number, (first_step, steps) in enumerate(attempts, start=1):
        begin(run, number=number, first_step=first_step)
        log_steps(run, number, steps, float(number))
        tail.poll()
    assert list(zip(run.steps.step, run.steps.loss, strict=True)) == expected
    assert list(zip(tail.steps.step, tail.steps.loss, strict=True)) == expected


@pytest.mark.parametrize(
    ("validates_first", "row", "expected"),
    [
        # Epochs of 4 updates; the second attempt begins at update 8, and writes the row of update 7 or of 11 first.
        (True, 7, [(3, 1), (7, 2)]),
        (True, None, [(3, 1)]),  # it will write it
        (False, 11, [(3, 1), (7, 1), (11, 2)]),
        (False, None, [(3, 1), (7, 1)]),
    ],
)
def test_an_epoch_that_is_validated_again_has_the_newest_attempts_row(make_run, begin, validates_first, row, expected):
    run = make_run()
    tail = Tail(run)
    begin(run)
    log_epochs(run, 1, [3, 7])
    tail.poll()
    begin(run, number=2, first_step=8)
    tail.poll()
    *earlier, newest = run.record.attempts
    update(run, attempts=(*earlier, newest.model_copy(update={"validates_first": validates_first})))
    log_epochs(run, 2, [] if row is None else [row])
    tail.poll()
    for epochs in (run.epochs, tail.epochs):
        assert list(zip(epochs.step, epochs.val_loss, strict=True)) == expected


def log_epochs(run, attempt, steps):
    with open_log(run, attempt) as log:
        for step in steps:
            others = dict.fromkeys(EPOCH_COLUMNS, 0.5)
            log.epoch(**{**others, "step": step, "epoch": step // 4, "val_loss": float(attempt)})


def test_a_file_of_an_attempt_that_run_json_does_not_name_counts_for_nothing(make_run, begin):
    run = make_run()
    begin(run)
    log_steps(run, 1, range(2), 1.0)
    log_steps(run, 2, range(9), 2.0)  # a writer that lost its lease
    assert run.steps.loss.tolist() == [1.0, 1.0]


def test_columns_of_one_attempt_are_missing_values_in_the_other(make_run, begin):
    run = make_run()
    begin(run)
    log_steps(run, 1, range(2), 1.0)
    begin(run, number=2, first_step=2)
    with open_log(run, 2, extra_step_columns=("momentum",)) as log:
        log.step(step=2, epoch=0, lr=0.1, loss=2.0, momentum=0.9)
    assert run.steps.momentum.isna().tolist() == [True, True, False]
    assert run.steps.step.dtype == "int64"
    tail = Tail(run)
    assert tail.poll() and tail.steps.equals(run.steps)


@pytest.mark.parametrize("damage", [b"1,0,1.0,0.1,high\n", b"1,0,1.0\n", b"1.5,0,1.0,0.1,1.0\n", b"\xff\xfe\n"])
def test_a_damaged_log_is_named(make_run, begin, damage):
    run = make_run()
    begin(run)
    log_steps(run, 1, range(1), 1.0)
    with (run.folder / "steps-1.csv").open("ab") as file:
        file.write(damage)
    with pytest.raises(LabError, match=rf"steps-1\.csv of run {run.id} is damaged"):
        _ = run.steps


class TestCache:
    """A frame with one value changed stands in the cache: whether it comes back tells where the rows came from."""

    @pytest.fixture
    def run(self, make_run, begin, monkeypatch):
        monkeypatch.setattr(cache, "WORTH_IT", 0)
        run = make_run()
        begin(run)
        log_steps(run, 1, range(5), 1.0)
        return run

    @pytest.fixture
    def marked(self, run):
        path = cache.cache_file(run.folder, "steps")
        rows = pa.Table.from_pandas(run.steps.assign(loss=7.0))
        cache.store(path, find_sources(STEPS, run.folder, run.record.attempts), rows)
        return path

    def test_it_is_written_when_the_log_is_closed(self, run):
        sources = run.folder / "steps.parquet", run.folder / "epochs.parquet"
        assert all(path.exists() for path in sources)

    def test_it_is_used_where_it_fits(self, run, marked):
        assert run.steps.loss.tolist() == [7.0] * 5

    def test_a_short_log_is_read_itself(self, run, marked, monkeypatch):
        monkeypatch.setattr(cache, "WORTH_IT", 10_000)
        assert run.steps.loss.tolist() == [1.0] * 5

    def test_not_where_the_log_is_newer(self, run, marked):
        facts = marked.stat()
        os.utime(run.folder / "steps-1.csv", ns=(facts.st_mtime_ns + 1, facts.st_mtime_ns + 1))
        assert run.steps.loss.tolist() == [1.0] * 5

    def test_not_where_the_log_has_other_bytes(self, run, marked):
        path = run.folder / "steps-1.csv"
        path.write_bytes(path.read_bytes() + b"5,1,5.0,0.1,1.0\n")
        os.utime(path, ns=(0, 0))
        assert run.steps.loss.tolist() == [1.0] * 6

    def test_not_where_another_attempt_began(self, run, marked, begin):
        begin(run, number=2, first_step=2)
        assert run.steps.step.tolist() == [0, 1]

    def test_not_where_it_is_cut_off(self, run, marked):
        marked.write_bytes(marked.read_bytes()[:-20])
        assert run.steps.loss.tolist() == [1.0] * 5

    def test_not_where_a_sector_of_it_came_back_as_zeros(self, run, marked):
        """Wherever that is, in a header, in the values or in the directory at the end: no number is a wrong one."""
        whole, cached = marked.read_bytes(), run.steps
        for place in range(0, len(whole) - 16, 7):
            marked.write_bytes(whole[:place] + bytes(16) + whole[place + 16 :])
            read = run.steps
            assert read.equals(cached) or read.equals(cached.assign(loss=1.0)), place
