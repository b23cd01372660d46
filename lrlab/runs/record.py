"""What run.json holds: everything about a run that is not its log. Frozen values, no deeds on disk."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from lrlab.experiments import Experiment
from lrlab.process import Identity

State = Literal["queued", "running", "stalled", "succeeded", "failed", "cancelled", "lost"]
"""Where a run stands. "stalled" is never recorded: it is seen from the heartbeat, and it passes."""

FINAL: frozenset[State] = frozenset({"succeeded", "failed", "cancelled", "lost"})
"""The states that a run does not leave by itself."""


class _Part(BaseModel):
    # A later lrlab may write more than this one knows; its runs stay readable.
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class DatasetFacts(_Part):
    """The data set as the run found it; `train`, `val` and `test` count images. Outlives the data set."""

    id: str
    name: str
    classes: tuple[str, ...]
    train: Annotated[int, Field(ge=0)]
    val: Annotated[int, Field(ge=0)]
    test: Annotated[int, Field(ge=0)] = 0


class Attempt(_Part):
    """One worker's go at the run, counted from 1. Its rows count from `first_step` on, older attempts' rows before."""

    number: Annotated[int, Field(ge=1)]
    first_step: Annotated[int, Field(ge=0)] = 0
    started: float
    """Unix seconds."""
    identity: Identity
    host: str
    device: str = ""
    """The device in words, such as "CPU" or "NVIDIA H100"."""
    threads: int | None = None
    torch: str = ""
    """The version of torch."""


class Result(_Part):
    """What came out. Accuracies are shares (0 to 1); None where not known."""

    best_epoch: int | None = None
    best_val_accuracy: float | None = None
    best_val_loss: float | None = None
    test_accuracy: float | None = None
    test_loss: float | None = None


class RunRecord(_Part):
    """run.json. Times are unix seconds; `cause` and `advice` are sentences for a person, empty where all is well."""

    format: Literal[1] = 1
    id: str
    name: str
    created: float
    experiment: Experiment
    dataset: DatasetFacts
    steps_per_epoch: Annotated[int, Field(ge=1)]
    state: Literal["queued", "running", "succeeded", "failed", "cancelled", "lost"] = "queued"
    cause: str = ""
    advice: str = ""
    attempts: tuple[Attempt, ...] = ()
    result: Result = Result()
    ended: float | None = None
    tags: tuple[str, ...] = ()
    notes: str = ""
    group: str = ""
    colour: Annotated[int, Field(ge=0)] = 0
    """The place in the palette that the run has on every page, whatever is deleted beside it."""

    @property
    def steps(self) -> int:
        """The optimiser updates of the whole run."""
        return self.experiment.epochs * self.steps_per_epoch
