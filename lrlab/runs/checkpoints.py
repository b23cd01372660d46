"""Where a run's checkpoints lie, and which of them it may go on from. What is in them is the worker's affair."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lrlab.runs.record import Attempt, RunRecord
from lrlab.runs.run import Run

_NAME = re.compile(r"([1-9][0-9]*)-([0-9]+)\.pt")


@dataclass(frozen=True)
class Checkpoint:
    """What attempt number `attempt` knew when `step` updates of the run had been made; `step` is the next one."""

    path: Path
    attempt: int
    step: int


def checkpoint_file(run: Run, attempt: int, step: int) -> Path:
    """Where attempt number `attempt` keeps its checkpoint before update `step`."""
    return run.folder / "checkpoints" / f"{attempt}-{step}.pt"


def usable_checkpoints(run: Run, attempts: Sequence[Attempt]) -> list[Checkpoint]:
    """The checkpoints that a further attempt may begin with, the best first.

    What an older attempt wrote counts up to the first step of the ones after it, as its rows do: a worker that lost its
    run and wrote on has left nothing of use.
    """
    limits = {
        attempt.number: min((later.first_step for later in attempts if later.number > attempt.number), default=None)
        for attempt in attempts
    }
    found = [
        one
        for one in all_checkpoints(run)
        if one.attempt in limits and ((limit := limits[one.attempt]) is None or one.step <= limit)
    ]
    return sorted(found, key=lambda one: (one.step, one.attempt), reverse=True)


def all_checkpoints(run: Run) -> list[Checkpoint]:
    """Every checkpoint in the run's folder, in any order."""
    names = [(path, _NAME.fullmatch(path.name)) for path in (run.folder / "checkpoints").glob("*.pt")]
    return [Checkpoint(path, int(name[1]), int(name[2])) for path, name in names if name]


def resume_step(run: Run) -> int:
    """The update at which a further attempt would begin, as far as the files' names tell; 0 where none is there."""
    usable = usable_checkpoints(run, run.record.attempts)
    return usable[0].step if usable else 0


def checkpoints_lost(run: Run, record: RunRecord, updates: int, step: int) -> bool:
    """Whether the checkpoints of a run that has ended are gone: a further attempt would replace its model and log.

    `updates`: how many the log holds; `step`: the run's `resume_step`. The first checkpoint comes with the end of the
    first epoch at the latest, so a run that broke off before has lost none; a last model comes after a checkpoint.
    """
    had_some = record.state == "succeeded" or run.last_model.exists() or updates > record.steps_per_epoch
    return had_some and run.best_model.exists() and not step
