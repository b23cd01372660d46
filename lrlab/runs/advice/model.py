"""One finding about a run, and the log of a run as those who look for findings need it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lrlab.runs.record import RunRecord

if TYPE_CHECKING:
    import pandas as pd

Deed = Literal["form", "resume", "lr", "find_lr", ""]


@dataclass(frozen=True)
class Advice:
    """One finding. `seen`: what was measured. `why`: what it means and what may help.

    `deed`: what the button `label` does: "form" opens the form with `changes` (settings by their dotted names, as an
    Experiment takes them), "resume" trains `amount` more epochs, "lr" multiplies the LR by `amount`, "find_lr" looks
    for an LR; empty where there is no button.
    """

    name: str
    seen: str
    why: str
    label: str = ""
    deed: Deed = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    amount: float = 0.0


class Log:
    """The log of a run as the looks need it; epochs as arrays, one value each."""

    def __init__(
        self, record: RunRecord, steps: pd.DataFrame, epochs: pd.DataFrame, live: bool, images: Mapping[str, int]
    ) -> None:
        self.record, self.experiment, self.live, self.images = record, record.experiment, live, images
        self.steps = steps
        self.loss = steps["loss"].to_numpy(float)
        self.lr = steps["lr"].to_numpy(float)
        self.n = len(epochs)
        self.train_loss, self.val_loss, self.val_accuracy = (
            epochs[name].to_numpy(float) for name in ("train_loss", "val_loss", "val_accuracy")
        )
        self.epoch_lr = epochs["lr"].to_numpy(float)

    @property
    def early(self) -> bool:
        """Whether early stopping ended it."""
        return self.record.result.stopped_at is not None

    @property
    def guess(self) -> float:
        """The loss of giving every class the same probability."""
        return math.log(max(2, len(self.record.dataset.classes)))

    @property
    def plain_loss(self) -> bool:
        """Whether the training loss can be compared with that of guessing, and with the validation loss."""
        regularization, augment = self.experiment.regularization, self.experiment.augment
        return (
            regularization.label_smoothing == 0
            and regularization.class_weights == "none"
            and augment.mixup == 0
            and augment.cutmix == 0
        )

    def lowest_validation(self) -> int | None:
        """The epoch (from 0) with the lowest validation loss."""
        return int(np.nanargmin(self.val_loss)) if np.isfinite(self.val_loss).any() else None
