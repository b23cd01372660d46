"""The tailing reader equals the whole reader at every moment, and looks no further than it must."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lrlab.errors import NotFound
from lrlab.runs import Tail, delete_run, open_log, update


def row(step: int) -> bytes:
    return f"{step},{step // 4},{step}.5,0.1,{1 / (step + 1)!r}\n".encode()


def test_it_follows_a_growing_log(make_run, begin):
    run = make_run()
    tail = Tail(run)
    assert not tail.poll() and len(tail.steps) == 0 and len(tail.epochs) == 0
    begin(run)
    assert not tail.poll()
    with open_log(run, 1) as log:
        for step in range(12):
            log.step(step=step, epoch=step // 4, lr=0.1, loss=1 / (step + 1))
            if step % 4 == 3:
                log.epoch(
                    epoch=step // 4, step=step, lr=0.1, train_loss=1, train_accuracy=1, val_loss=1, val_accuracy=1,
                    images_per_second=1, seconds=1,
                )  # fmt: skip
            if step % 3 == 0:
                assert tail.poll() and tail.steps.equals(run.steps) and tail.epochs.equals(run.epochs)
                assert not tail.poll()
    assert tail.poll() and tail.steps.equals(run.steps) and tail.epochs.equals(run.epochs)
    assert tail.revision == 0


def test_a_row_counts_once_its_newline_is_there(make_run, begin):
    run = make_run()
    begin(run)
    tail, path, whole = Tail(run), run.folder / "steps-1.csv", b"step,epoch,time,lr,loss\n" + row(0) + row(1)
    for byte in range(len(whole)):  # written and polled byte by byte
        with path.open("ab") as file:
            file.write(whole[byte : byte + 1])
        tail.poll()
        assert len(tail.steps) == max(0, whole[: byte + 1].count(b"\n") - 1)
    assert tail.steps.equals(run.steps)


def test_nothing_is_opened_where_nothing_changed(make_run, begin, monkeypatch):
    run = make_run()
    begin(run)
    with open_log(run, 1) as log:
        log.step(step=0, epoch=0, lr=0.1, loss=1)
    tail = Tail(run)
    assert tail.poll()
    monkeypatch.setattr(Path, "open", None)
    monkeypatch.setattr(Path, "read_bytes", None)
    assert not tail.poll()


def test_a_new_attempt_is_told_by_the_revision(make_run, begin):
    run = make_run()
    begin(run)
    path = run.folder / "steps-1.csv"
    path.write_bytes(b"step,epoch,time,lr,loss\n" + b"".join(map(row, range(5))))
    tail = Tail(run)
    assert tail.poll() and tail.revision == 0
    update(run, notes="anything else in run.json is no new attempt")
    assert not tail.poll() and tail.revision == 0
    begin(run, number=2, first_step=2)
    assert tail.poll() and tail.revision == 1
    assert tail.steps.step.tolist() == [0, 1]


@pytest.mark.parametrize("rows", [2, 5, 9], ids=["shorter", "as long", "longer"])
def test_a_replaced_file_is_read_anew(make_run, begin, rows):
    run = make_run()
    begin(run)
    path = run.folder / "steps-1.csv"
    path.write_bytes(b"step,epoch,time,lr,loss\n" + b"".join(map(row, range(5))))
    tail = Tail(run)
    tail.poll()
    other = path.with_name("restored")
    other.write_bytes(b"step,epoch,time,lr,loss\n" + b"".join(map(row, range(100, 100 + rows))))
    other.replace(path)
    assert tail.poll() and tail.revision == 1
    assert tail.steps.step.tolist() == list(range(100, 100 + rows))


def test_the_rows_lie_in_memory_once(make_run, begin):
    run = make_run()
    begin(run)
    path, tail = run.folder / "steps-1.csv", Tail(run)
    path.write_bytes(b"step,epoch,time,lr,loss\n")
    for step in range(0, 8, 4):
        with path.open("ab") as file:
            file.write(b"".join(map(row, range(step, step + 4))))
        assert tail.poll() and tail.steps.equals(run.steps)
        (table,) = tail._steps._parts
        for name in table.column_names:
            assert np.shares_memory(tail.steps[name].to_numpy(), table[name].chunk(0).to_numpy(zero_copy_only=True))


def test_a_deleted_run_is_told(make_run):
    run = make_run()
    tail = Tail(run)
    delete_run(run)
    with pytest.raises(NotFound):
        tail.poll()
