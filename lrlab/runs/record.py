"""What run.json holds: everything about a run that is not its log. Frozen values, no deeds on disk."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from lrlab.experiments import Experiment
from lrlab.experiments.finder import Finder
from lrlab.process import Identity

State = Literal["queued", "running", "stalled", "succeeded", "failed", "cancelled", "lost"]
"""Where a run stands. "stalled" is never recorded: it is seen from the heartbeat, and it passes."""

FORMAT = 1
"""Of run.json. It grows where an older lrlab would misread what a newer one wrote; a field more does not count."""

FINAL: frozenset[State] = frozenset({"succeeded", "failed", "cancelled", "lost"})
"""The states that a run does not leave by itself."""

Measure = Literal["val_accuracy", "val_loss"]
"""What the best model of a run is chosen by."""

Kind = Literal["train", "find_lr"]
"""What a run is for: to train a model, or to find an LR for one."""


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
    by_folders: bool = False
    """Whether it brought its validation images in a folder of their own, so that none were drawn."""


class Attempt(_Part):
    """One worker's go at the run, counted from 1. Its rows count from `first_step` on, older attempts' rows before."""

    number: Annotated[int, Field(ge=1)]
    first_step: Annotated[int, Field(ge=0)] = 0
    validates_first: bool = False
    """Whether it began with the validation after update `first_step` - 1: that epoch's row is its own too."""
    started: float
    """Unix seconds."""
    ended: float | None = None
    """When it was over, known once a further attempt was asked for; unix seconds."""
    identity: Identity
    host: str
    device: str = ""
    """The device in words, such as "CPU" or "NVIDIA H100"."""
    processor: str = ""
    """What of torch's devices it was: "cpu", "cuda" or "mps"."""
    gpu: str = ""
    """The GPU that it had to itself, as CUDA_VISIBLE_DEVICES named it; empty where it was given none."""
    precision: str = ""
    """What the forward pass computed in: "float32", "bfloat16" or "float16"."""
    threads: int | None = None
    """torch's threads on the CPU."""
    placement: str = ""
    """Where the decoded images lay: "memory", "disk" (mapped from there) or "device" (the GPU's own memory)."""
    torch: str = ""
    """The version of torch."""
    remark: str = ""
    """What a person should know of how it began, a sentence, such as that it could not go on where the last one was."""


class LRChange(_Part):
    """A person's hand on the LR: from update `step` on, every LR is `factor` times what the schedule says.

    `factor` takes the place of an earlier one. `lr`: what that made of the base LR at `step`. `time`: unix seconds.
    """

    step: Annotated[int, Field(ge=0)]
    factor: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    time: float
    lr: float


class Result(_Part):
    """What came out. Accuracies are shares (0 to 1); None where not known.

    `stopped_at`: the last epoch of a run that early stopping ended; None where it was trained to its planned end.
    `closing`: why early stopping ended it, and what the schedule still had in store; empty where it did not.
    """

    best_epoch: int | None = None
    best_val_accuracy: float | None = None
    best_val_loss: float | None = None
    test_accuracy: float | None = None
    test_loss: float | None = None
    stopped_at: int | None = None
    closing: str = ""


class RunRecord(_Part):
    """run.json. Times are unix seconds; `cause` and `advice` are sentences for a person, empty where all is well."""

    format: Literal[1] = 1
    id: str
    name: str
    created: float
    owner: str = ""
    """The mail address of whoever started it; empty for the local user."""
    shared: bool = False
    """Whether the class may see it: everyone who signs in."""
    experiment: Experiment
    dataset: DatasetFacts
    steps_per_epoch: Annotated[int, Field(ge=1)]
    kind: Kind = "train"
    finder: Finder | None = None
    """What a run of kind "find_lr" was asked for; `experiment` is what it finds an LR for. Sweeps are its epochs."""
    more_epochs: int = 0
    """Epochs asked for beyond the experiment's, whose schedule goes on beyond its planned end. Below 0 where a run that
    was stopped early was given fewer than it had left."""
    more_from: int | None = None
    """How many epochs were over when more were asked for last; None where none ever were."""
    lr_changes: tuple[LRChange, ...] = ()
    """What a person did to the LR while the run trained, in order of `step`."""
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
    def epochs(self) -> int:
        """The epochs of the whole run, those asked for later included; the sweeps of one that finds an LR."""
        return self.finder.seeds if self.finder else self.experiment.epochs + self.more_epochs

    @property
    def best_by(self) -> Measure:
        """What its best model is chosen by: what early stopping watches, else the accuracy."""
        return "val_loss" if self.experiment.early_stopping.monitor == "val_loss" else "val_accuracy"

    def longer(self, epochs: int) -> dict[str, int]:
        """The fields that give the run so many more epochs: beyond its end, or beyond where it was stopped early."""
        stopped = self.result.stopped_at
        over = self.epochs if stopped is None else stopped + 1
        return {"more_epochs": over + epochs - self.experiment.epochs, "more_from": over}

    @property
    def steps(self) -> int:
        """The optimiser updates of the whole run."""
        return self.epochs * self.steps_per_epoch
