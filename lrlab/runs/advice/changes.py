"""What may help, as a change of a run's settings and the words on its button."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from lrlab.errors import LabError
from lrlab.experiments import Experiment
from lrlab.runs.record import RunRecord
from lrlab.schedules import Composition, CosineAnnealingLR, ReduceLROnPlateau, number, with_peak


def other_lr(record: RunRecord, factor: float) -> dict[str, Any]:
    """A button that tries the schedule on `factor` times its LR, absolute LRs in it included; none beyond the range."""
    experiment = record.experiment
    lr = experiment.optimizer.lr
    try:
        composed = Composition(
            lr=lr, epochs=experiment.epochs, steps_per_epoch=record.steps_per_epoch, schedule=experiment.schedule
        )
        plateau = isinstance(experiment.schedule.scheduler, ReduceLROnPlateau)
        peak = lr if plateau else float(composed.curve().lr.max())
        other = with_peak(composed, float(f"{factor * peak:.6g}"))
    except (LabError, ValidationError):
        return {}
    shown = number(factor * peak)
    called = f"Try an LR of {shown}" if peak == lr else f"Try LRs up to {shown}"
    changes = {"optimizer.lr": float(f"{other.lr:.6g}"), "schedule": other.schedule.model_dump()}
    return {"label": called, "deed": "form", "changes": changes}


def cosine(experiment: Experiment) -> dict[str, Any]:
    """A cosine from the LR to 0 over all epochs, after the warm-up that there is."""
    spec = experiment.schedule.model_dump()
    return spec | {"interval": "epoch", "scheduler": CosineAnnealingLR(T_max=experiment.epochs).model_dump()}


def against_overfitting(experiment: Experiment) -> dict[str, Any]:
    """Reason and button of the first of the usual remedies that the run has not taken."""
    remedies: list[tuple[bool, str, str, dict[str, Any]]] = [
        (
            experiment.augment.crop == "resized",
            "crops of all sizes show it another one each time", "resized crops", {"augment.crop": "resized"},
        ),
        (
            experiment.regularization.label_smoothing > 0,
            "with smoothed labels it gains less by being sure of each", "label smoothing 0.1",
            {"regularization.label_smoothing": 0.1},
        ),
        (
            experiment.early_stopping.monitor != "none",
            "early stopping ends the run at its best", "early stopping", {"early_stopping.monitor": "val_loss"},
        ),
    ]  # fmt: skip
    for taken, reason, called, changes in remedies:
        if not taken:
            why = f"The model learns its pictures by heart; {reason}."
            return {"why": why, "label": f"Try {called}", "deed": "form", "changes": changes}
    return {"why": "The model learns its pictures by heart. More pictures, or a smaller model, would help."}
