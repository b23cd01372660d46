"""Whoever reads much from a slow disk gives signs of life all the while, and hears of a stop."""

from __future__ import annotations

from typing import Any

import pytest

from lrlab.home import Home
from lrlab.runs import Beat, Run, request_stop
from lrlab.training import batches, evaluation, resuming

from .conftest import CLASSES, TEST, TRAIN, VAL, MakeRun
from .interrupting import go_on, train

pytestmark = pytest.mark.usefixtures("quick")


def test_whoever_reads_a_checkpoint_says_so_for_each_piece(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train(home, make_run())
    size = (run.folder / "checkpoints" / "1-9.pt").stat().st_size
    said = says(monkeypatch)
    assert go_on(home, run, more_epochs=1, more_from=3) == 0
    assert said.count("reading the checkpoint") >= size // 1024 > 9


def test_a_stop_is_heard_while_a_checkpoint_is_read(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train(home, make_run())
    result, best = run.record.result, run.best_model.read_bytes()
    said = says(monkeypatch, stops=run)
    assert go_on(home, run, more_epochs=1, more_from=3) == 0
    assert run.record.state == "cancelled"
    assert said[-1] == "reading the checkpoint"
    assert (run.record.result, run.best_model.read_bytes()) == (result, best)
    assert go_on(home, run) == 0 and len(run.steps) == 12


def says(monkeypatch: pytest.MonkeyPatch, stops: Run | None = None) -> list[str]:
    """What the worker says it does, pieces being 1 kB; a person asks for a stop once it reads for the third time."""
    said: list[str] = []
    real = Beat.say

    def say(beat: Beat, phase: str, *counts: Any) -> None:
        said.append(phase)
        if stops and phase == "reading the checkpoint" and said.count(phase) == 3:
            request_stop(stops)
        real(beat, phase, *counts)

    monkeypatch.setattr(resuming, "PIECE", 1024)
    monkeypatch.setattr(Beat, "say", say)
    return said


def test_whoever_evaluates_a_run_says_how_many_images_were_read(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train(home, make_run(epochs=1))
    monkeypatch.setattr(batches, "READ_AT_ONCE", 1)  # an image at a time
    said: list[tuple[str, int, int]] = []
    evaluation.evaluate(home, run=run.id, progress=lambda *told: said.append(told))
    images = (TRAIN + VAL + TEST) * len(CLASSES)
    assert [told for told in said if told[0] == "reading the images"] == [
        ("reading the images", done, images) for done in range(1, images + 1)
    ]
