"""Logs cut at every byte of their last three rows: no value is ever wrong, at most the torn row is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lrlab.runs import EPOCH_COLUMNS, STEP_COLUMNS, Attempt, Run, Tail, open_log, status
from tests.runs.conftest import MakeRun, begin, make_run

__all__ = ["begin", "make_run"]

ROWS = 9
STEPS = [(step, step // 3, 1_700_000_000.1 + step / 7, 0.1 * 0.9**step, 1 / (step + 3)) for step in range(ROWS)]
EPOCHS = [
    (epoch, 3 * epoch + 2, 1_700_000_000.1 + epoch / 7, *(1 / (epoch + column) for column in range(3, 10)))
    for epoch in range(ROWS)
]


@pytest.mark.parametrize("kind", ["steps", "epochs"])
def test_no_value_is_wrong(
    make_run: MakeRun, begin: Callable[[Run], Attempt], figure: Callable[[str, str], None], kind: str
) -> None:
    run: Run = make_run(epochs=ROWS, steps_per_epoch=3)
    begin(run)
    rows: list[tuple[Any, ...]] = STEPS if kind == "steps" else EPOCHS
    columns = STEP_COLUMNS if kind == "steps" else EPOCH_COLUMNS
    with open_log(run, 1) as log:
        for row in rows:
            (log.step if kind == "steps" else log.epoch)(**dict(zip(columns, row, strict=True)))
    path = run.folder / f"{kind}-1.csv"
    whole = path.read_bytes()
    ends = [at + 1 for at, byte in enumerate(whole) if byte == 0x0A]  # of the header, then of each row
    followed, cuts = Tail(run), range(len(whole), ends[-4] - 1, -1)
    for length in cuts:
        path.write_bytes(whole[:length])
        committed = rows[: sum(end <= length for end in ends) - 1]
        fresh = Tail(run)
        fresh.poll()
        followed.poll()  # one that has seen more before
        for reader in (run, fresh, followed):
            read = getattr(reader, kind)
            assert list(read.itertuples(index=False, name=None)) == committed, length
        seen = status(run)
        if kind == "steps":
            assert seen.step == len(committed)
        else:
            assert seen.best_epoch == committed[0][0]
    figure(f"log cut ({kind})", f"{len(cuts)} cuts, 3 readers: 0 wrong values, at most the torn row missing")
