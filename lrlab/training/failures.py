"""What ended a run, in plain words: a cause, and what to try next."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lrlab.errors import LabError
from lrlab.experiments import MODELS, Experiment
from lrlab.schedules import number
from lrlab.training.memory import OutOfMemory, divided
from lrlab.training.observers import NonFinite

FULL = (errno.ENOSPC, errno.EDQUOT)

SEE_LOG = "The last lines of worker.log say where it happened."


@dataclass(frozen=True)
class Failure:
    """`cause`: what went wrong, as a clause. `advice`: what to do about it, sentences, or empty."""

    cause: str
    advice: str


def explain(error: Exception, experiment: Experiment) -> Failure:
    """`error` as the person reads it who asked for `experiment`."""
    if isinstance(error, NonFinite):
        return Failure(str(error), _calmer(error, experiment))
    if _is_full(error):
        return Failure(
            "the disk is full", "Delete runs or data sets that are not needed any more, then start it again."
        )
    if isinstance(error, OutOfMemory):
        return Failure(f"{error} ({_size(experiment)})", _fitting(experiment, error.fits))
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


def _calmer(error: NonFinite, experiment: Experiment) -> str:
    """What keeps a loss from growing without bounds."""
    narrow = ["precision float32"] if experiment.precision == "float16" else []
    if error.step == 0:  # computed before anything was learnt
        means = [*narrow, "another initialisation", "other pictures"]
        return f"It was so before the first update, so the LR is not the cause. Try {_either(means)}."
    means = [f"a lower LR (such as {number(error.lr / 10)})"]
    means.append("a longer warm-up" if experiment.schedule.warmup else "a warm-up")
    if experiment.clip.by == "none":
        means.append("gradient clipping (by norm, limit 1)")
    return f"Try {_either([*means, *narrow])}. The LR finder shows which LRs this model bears."


def _size(experiment: Experiment) -> str:
    return f"{experiment.model.name}, batch size {experiment.batch_size}, image size {experiment.image_size}"


def _fitting(experiment: Experiment, fits: int) -> str:
    """`fits`: the batch size that was found to fit, 0 where none does."""
    if not fits:
        smaller = _image_size(experiment)
        means = [f"a smaller image size (such as {smaller})"] if smaller else []
        return f"Not even two pictures fit at a time. Try {_either([*means, 'a smaller model'])}."
    return f"Measured with fewer pictures, {_batch(experiment, fits)} should fit."


def _smaller(experiment: Experiment) -> str:
    means = []
    if experiment.batch_size > 1:
        means.append(_batch(experiment, experiment.batch_size // 2))
    if smaller := _image_size(experiment):
        means.append(f"image size {smaller}")
    return f"Try {_either([*means, 'a smaller model'])}."


def _batch(experiment: Experiment, fits: int) -> str:
    """A batch size of at most `fits`, and what to set beside it so that updates stay what they are."""
    size, batches = divided(experiment.images_per_update, fits)
    same = size * batches == experiment.images_per_update
    kept = f"an update then {'still sees' if same else 'sees'} {size * batches} pictures"
    return f"batch size {size} with accumulate {batches} ({kept})"


def _image_size(experiment: Experiment) -> int | None:
    """About half the image size, as the model allows it; None where it is the smallest already."""
    entry = MODELS[experiment.model.name]
    half = max(entry.least, experiment.image_size // 2 // entry.multiple * entry.multiple)
    fixed = entry.pretrained_size if experiment.pretrained != "none" else 0
    return half if half < experiment.image_size and not fixed else None


def _either(means: Sequence[str]) -> str:
    *others, last = means
    return f"{', '.join(others)} or {last}" if others else last
