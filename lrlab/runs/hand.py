"""A person's hand on the LR of a run: what was asked for lies in the run's folder until its worker takes it up.

Each request is a file of its own, so that asking twice is two changes, and one that was taken up twice is told by its
time: run.json holds the change before it is made, and the file goes after that.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lrlab.files import write_atomic
from lrlab.runs.run import Run
from lrlab.schedules import LR_CAP

FACTOR_CAP = 1e9
"""The LR is multiplied by so much at most, at a time."""


class LRRequest(BaseModel):
    """From the next update on: the LR is `value`, or `factor` times what it is; exactly one is given.

    Either way the rest of the schedule is multiplied by what that takes. `time`: unix seconds, when it was asked for.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    value: Annotated[float, Field(gt=0, le=LR_CAP, allow_inf_nan=False)] | None = None
    factor: Annotated[float, Field(gt=0, le=FACTOR_CAP, allow_inf_nan=False)] | None = None
    time: float

    @model_validator(mode="after")
    def _one_of_both(self) -> LRRequest:
        if (self.value is None) == (self.factor is None):
            raise ValueError("allowed: either a value or a factor")
        return self


def request_lr(run: Run, *, value: float | None = None, factor: float | None = None) -> LRRequest:
    """Asks the worker of `run` for another LR at its next update. pydantic.ValidationError where that is none."""
    request = LRRequest(value=value, factor=factor, time=time.time())
    folder = _folder(run)
    folder.mkdir(exist_ok=True)
    write_atomic(folder / f"{time.time_ns():020}.json", request.model_dump_json().encode())
    return request


def lr_requests(run: Run) -> list[tuple[Path, LRRequest]]:
    """What was asked for and not taken up yet, the oldest first; cheap enough for every update where there is none."""
    folder = _folder(run)
    if not folder.exists():
        return []
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append((path, LRRequest.model_validate_json(path.read_bytes())))
        except (FileNotFoundError, ValidationError):  # gone meanwhile, or none of ours
            continue
    return found


def forget_lr_requests(run: Run) -> None:
    """Takes back all that was asked for and not taken up yet."""
    for path, _ in lr_requests(run):
        path.unlink(missing_ok=True)


def _folder(run: Run) -> Path:
    return run.folder / "lr"
