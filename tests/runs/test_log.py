"""The log: what was acknowledged is there, exactly as it was written, whatever happened next."""

from __future__ import annotations

import math
import resource
import signal
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrlab.runs import EPOCH_COLUMNS, STEP_COLUMNS, Run, open_log

ROWS = [(step, step // 4, 1_700_000_000.1 + step / 7, 0.1 * 0.9**step, 1 / (step + 3)) for step in range(9)]


def write(run: Run, rows, attempt: int = 1) -> Path:
    with open_log(run, attempt) as log:
        for row in rows:
            log.step(**dict(zip(STEP_COLUMNS, row, strict=True)))
    return run.folder / f"steps-{attempt}.csv"


def rows_of(frame) -> list[tuple]:
    return list(frame.itertuples(index=False, name=None))


def test_nothing_logged_reads_as_empty_frames_with_the_right_columns_and_types(make_run, begin):
    run = make_run()
    for _ in ("before the first attempt", "after it began"):
        assert list(run.steps.columns) == list(STEP_COLUMNS) and len(run.steps) == 0
        assert list(run.epochs.columns) == list(EPOCH_COLUMNS) and len(run.epochs) == 0
        assert run.steps.dtypes.astype(str).tolist() == ["int64", "int64", "float64", "float64", "float64"]
        begin(run)


def test_rows_read_back_as_they_were_written(make_run, begin):
    run = make_run()
    begin(run)
    with open_log(run, 1, extra_step_columns=("accuracy", "lr_head")) as log:
        log.step(step=np.int64(0), epoch=0, time=5.5, lr=np.float32(0.1), loss=None, accuracy=1, lr_head=1e-300)
        log.epoch(
            epoch=0, step=0, time=6.5, lr=0.1, train_loss=math.nan, train_accuracy=0.5, val_loss=math.inf,
            val_accuracy=-math.inf, images_per_second=3, seconds=1,
        )  # fmt: skip
        assert run.steps.columns.tolist() == [*STEP_COLUMNS, "accuracy", "lr_head"]
        assert rows_of(run.steps.drop(columns="loss")) == [(0, 0, 5.5, float(np.float32(0.1)), 1.0, 1e-300)]
        assert math.isnan(run.steps.loss[0])
        assert rows_of(run.epochs.drop(columns="train_loss")) == [(0, 0, 6.5, 0.1, 0.5, math.inf, -math.inf, 3.0, 1.0)]
        assert math.isnan(run.epochs.train_loss[0])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(width=64), min_size=1, max_size=60))
def test_every_float_reads_back_bit_by_bit(make_run, begin, values):
    run = make_run()
    begin(run)
    write(run, [(step, 0, 1.0, 0.1, value) for step, value in enumerate(values)])

    def bits(value: float) -> bytes:
        return b"nan" if math.isnan(value) else struct.pack("d", value)

    assert [bits(value) for value in run.steps.loss] == [bits(value) for value in values]


def test_the_time_is_filled_in_where_it_is_left_out(make_run, begin):
    run = make_run()
    began = begin(run)
    with open_log(run, 1) as log:
        log.step(step=0, epoch=0, lr=0.1, loss=1.0)
    assert began.started <= run.steps.time[0]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"step": 0, "epoch": 0, "lr": 0.1}, "misses loss"),
        ({"step": 0, "epoch": 0, "lr": 0.1, "loss": 1, "momentum": 0.9}, "has no column for momentum"),
        ({"step": 0, "lr": 0.1, "loss": 1, "a": 1}, "misses epoch and has no column for a"),
    ],
)
def test_a_row_that_does_not_fit_is_refused(make_run, begin, row, message):
    run = make_run()
    begin(run)
    with open_log(run, 1) as log:
        with pytest.raises(ValueError, match=message):
            log.step(**row)
        assert len(run.steps) == 0


@pytest.mark.parametrize("name", ["loss", "a,b", 'a"b', "a\nb", "=1+1", ""])
def test_a_column_that_csv_could_not_hold_is_refused(make_run, name):
    with pytest.raises(ValueError, match="columns"):
        open_log(make_run(), 1, extra_step_columns=(name,))


def test_an_attempt_has_one_writer(make_run):
    run = make_run()
    with open_log(run, 1), pytest.raises(FileExistsError):
        open_log(run, 1)


def test_a_row_is_there_for_others_once_the_call_returned(make_run, begin):
    run = make_run()
    begin(run)
    with open_log(run, 1) as log:
        for row in ROWS:
            log.step(**dict(zip(STEP_COLUMNS, row, strict=True)))
            assert rows_of(run.steps)[-1] == row


def test_cut_inside_the_header_nothing_was_logged(make_run, begin):
    run = make_run()
    begin(run)
    path = write(run, ROWS)
    header = path.read_bytes().split(b"\n")[0]
    for length in range(len(header) + 1):
        path.write_bytes(header[:length])
        assert len(run.steps) == 0


def test_kill_9_loses_no_acknowledged_row(make_run, begin):
    run = make_run()
    begin(run)
    writer = (
        "import sys; from lrlab.runs import load_run, open_log\n"
        "log = open_log(load_run(sys.argv[1]), 1)\n"
        "for step in range(10**9):\n"
        "    log.step(step=step, epoch=0, time=1.0, lr=0.1, loss=step / 7)\n"
        "    print(step, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", writer, run.id], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if int(line) == 200:
                process.send_signal(signal.SIGKILL)
                break
        acknowledged = 200 + sum(line.endswith("\n") for line in process.stdout)
    steps = run.steps
    assert acknowledged <= steps.step.iloc[-1] <= acknowledged + 1  # one may have been killed before it said so
    assert steps.step.tolist() == list(range(len(steps)))
    assert steps.loss.tolist() == [step / 7 for step in range(len(steps))]


@pytest.mark.parametrize("room", range(120, 240, 6))
def test_a_full_disk_is_told_and_leaves_every_earlier_row_readable(make_run, begin, room):
    run = make_run()
    begin(run)
    log = open_log(run, 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    written = []
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))  # the kernel takes a part of the last row, then nothing
    try:
        with pytest.raises(OSError):
            for row in ROWS * 2:
                log.step(**dict(zip(STEP_COLUMNS, row, strict=True)))
                written.append(row)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with pytest.raises(ValueError, match="closed"):  # nothing may be appended to a torn row
        log.step(step=99, epoch=0, lr=0.1, loss=1.0)
    log.close()
    assert written and rows_of(run.steps) == written
