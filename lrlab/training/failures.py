"""What ended a run, in plain words: a cause, and what to try next."""

from __future__ import annotations

import errno
from dataclasses import dataclass

import torch

from lrlab.errors import LabError
from lrlab.experiments import Experiment
from lrlab.schedules import number
from lrlab.training.observers import NonFinite

FULL = (errno.ENOSPC, errno.EDQUOT)

SEE_LOG = "The last lines of worker.log say where it happened."


@dataclass(frozen=True)
class Failure:
    """`cause`: what went wrong, as a clause. `advice`: what to do about it, a sentence, or empty."""

    cause: str
    advice: str


def explain(error: Exception, experiment: Experiment) -> Failure:
    """`error` as the person reads it who asked for `experiment`."""
    if isinstance(error, NonFinite):
        advice = f"Try a lower LR (such as {number(error.lr / 10)})"
        return Failure(
            str(error), advice + (" or a longer warm-up." if experiment.schedule.warmup else " or a warm-up.")
        )
    if _is_full(error):
        return Failure(
            "the disk is full", "Delete runs or data sets that are not needed any more, then start it again."
        )
    if isinstance(error, torch.OutOfMemoryError):
        return Failure(f"the GPU ran out of memory ({_size(experiment)})", _smaller(experiment))
    if isinstance(error, MemoryError) or "DefaultCPUAllocator" in str(error):
        return Failure(f"this machine ran out of memory ({_size(experiment)})", _smaller(experiment))
    if isinstance(error, LabError):
        return Failure(str(error), "")
    text = " ".join(str(error).split())[:300]
    return Failure(f"an error that lrlab does not know: {type(error).__name__}: {text}".removesuffix(": "), SEE_LOG)


def _is_full(error: BaseException | None) -> bool:
    """Whether a full disk is at the bottom of `error`, whoever put other words to it."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        error = error.__cause__
    return False


def _size(experiment: Experiment) -> str:
    return f"{experiment.model.name}, batch size {experiment.batch_size}, image size {experiment.image_size}"


def _smaller(experiment: Experiment) -> str:
    halves = [f"image size (such as {max(16, experiment.image_size // 2)})"]
    if experiment.batch_size > 1:
        halves.insert(0, f"batch size (such as {experiment.batch_size // 2})")
    return f"Try a smaller {' or '.join(halves)}."
