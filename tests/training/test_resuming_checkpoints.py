"""Checkpoints of a run: spoilt ones, a full disk, signs of life while they are written, and how often they are."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pandas.testing import assert_frame_equal

from lrlab import files
from lrlab.home import Home
from lrlab.runs import Beat, Run, request_stop
from lrlab.training import resuming
from lrlab.training.observers import Recorder
from lrlab.training.worker import attempt

from .conftest import MakeRun
from .interrupting import SGD, assert_same, go_on, train

pytestmark = pytest.mark.usefixtures("quick")

SPOILT: dict[str, Callable[[Path], object]] = {
    "torn": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "altered": lambda path: altered(path),
    "of another make": lambda path: torch.save({"format": 99}, path),
    "no mapping": lambda path: torch.save([1, 2], path),
    "gone": lambda path: path.unlink(),
}


def altered(path: Path) -> None:
    """Zeros amid the weights, as a power cut may leave them; the file's own structure is whole."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64)
    path.write_bytes(content)


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("kind", SPOILT)
def test_a_spoilt_checkpoint_falls_back_to_the_one_before(
    kind: str, home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"optimizer": SGD, "model": {"name": "small_cnn", "dropout": 0.4}}
    alone, run = train(home, make_run(**settings)), make_run(**settings)
    request = asked_to_stop_after(monkeypatch, run, 6)
    assert attempt(home, run) == 0 and not request
    kept = sorted(path.name for path in (run.folder / "checkpoints").glob("*.pt"))
    assert kept == ["1-6.pt", "1-7.pt"]  # of all that were written, the newest and the one before
    SPOILT[kind](run.folder / "checkpoints" / "1-7.pt")
    assert go_on(home, run) == 0
    assert [one.first_step for one in run.record.attempts] == [0, 6]
    assert_same(run, alone)


def asked_to_stop_after(monkeypatch: pytest.MonkeyPatch, run: Run, step: int) -> list[int]:
    left, real = [step], Recorder.after_update

    def told(recorder: Recorder, loop: Any) -> None:
        real(recorder, loop)
        if loop.step in left:
            left.clear()
            request_stop(run)

    monkeypatch.setattr(Recorder, "after_update", told)
    return left


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("kind", sorted(SPOILT.keys() - {"gone"}))
def test_a_run_of_which_no_checkpoint_can_be_read_keeps_what_it_has(
    kind: str, home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    asked_to_stop_after(monkeypatch, run, 6)
    assert attempt(home, run) == 0
    for path in (run.folder / "checkpoints").glob("*.pt"):
        SPOILT[kind](path)
    models = run.best_model.read_bytes(), run.last_model.read_bytes()
    steps, epochs, result = run.steps, run.epochs, run.record.result
    assert go_on(home, run) != 0
    assert (run.record.state, run.record.result) == ("failed", result)
    assert run.record.cause.startswith("none of its checkpoints can be read (1-7.pt, 1-6.pt). Its log and models stay")
    assert (run.best_model.read_bytes(), run.last_model.read_bytes()) == models
    assert_frame_equal(run.steps, steps)
    assert_frame_equal(run.epochs, epochs)


@pytest.mark.usefixtures("often")
def test_a_full_disk_ends_the_run_and_spoils_nothing(
    home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, run = train(home, make_run()), make_run()
    saves, real = itertools.count(), torch.save

    def fill(state: object, file: Any) -> None:
        if next(saves) < 4:
            return real(state, file)
        file.write(b"as much as had room")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", fill)
        assert attempt(home, run) == 1
    assert (run.record.state, run.record.cause) == ("failed", "the disk is full")
    folder = run.folder / "checkpoints"
    assert sorted(path.name for path in folder.glob("*.pt")) == ["1-3.pt", "1-4.pt"]
    (folder / ".1-5.pt.abcdef").touch()  # as a kill leaves it
    assert go_on(home, run) == 0
    assert run.record.attempts[1].first_step == 4
    assert_same(run, alone)
    # Two checkpoints, each with the best model as it knew it, and nothing that was not finished.
    assert sorted(path.name for path in folder.iterdir()) == ["2-8.pt", "2-8.safetensors", "2-9.pt", "2-9.safetensors"]


def test_whoever_saves_gives_signs_of_life(home: Home, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor waits for a stopped worker as long as it does: here for each 1 kB of what it keeps."""
    run, said, real = make_run(), Counter[str](), Beat.say

    def say(beat: Beat, phase: str, done: int = 0, total: int = 0) -> None:
        said[phase] += 1
        real(beat, phase, done, total)

    monkeypatch.setattr(files, "PIECE", 1024)
    monkeypatch.setattr(Beat, "say", say)
    asked_to_stop_after(monkeypatch, run, 4)  # once there is a best model
    assert attempt(home, run) == 0 and run.record.state == "cancelled"
    kept = {
        "saving a checkpoint": run.folder / "checkpoints" / "1-5.pt",
        "saving the best model": run.best_model,
        "saving": run.last_model,
    }
    for phase, path in kept.items():
        assert said[phase] >= path.stat().st_size // 1024 > 9, phase


def test_checkpoints_cost_no_more_than_their_share(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By a clock of the test's own: saving takes 2 s, an update 1 s, an epoch 50 of them."""
    clock = [0.0]
    monkeypatch.setattr(resuming, "time", _Clock(clock))
    saved: list[float] = []
    checkpointer = resuming.Checkpointer(None, 1, None, None)  # type: ignore[arg-type]

    def save(loop: Any) -> None:
        clock[0] += 2.0
        saved.append(clock[0])
        checkpointer._saved, checkpointer._seconds = clock[0], 2.0

    monkeypatch.setattr(checkpointer, "save", save)
    for _epoch in range(20):
        for done in range(1, 51):
            clock[0] += 1.0
            checkpointer.after_update(_At(done))
        checkpointer.after_epoch(_At(50))
    assert saved[0] == 22.0  # what it costs is not known before the first, which comes after 20 s
    assert min(after - before for before, after in itertools.pairwise(saved)) >= 2.0 / resuming.COST
    assert 2.0 * len(saved) / clock[0] <= resuming.COST


class _At:
    def __init__(self, done: int) -> None:
        self.done, self.updates_per_epoch = done, 50


class _Clock:
    def __init__(self, clock: list[float]) -> None:
        self._clock = clock

    def monotonic(self) -> float:
        return self._clock[0]

    time = staticmethod(time.time)
