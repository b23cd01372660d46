"""What ended a run, in plain words: a cause, and what to try next."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lrlab.errors import LabError, shown
from lrlab.experiments import MODELS, Experiment
from lrlab.schedules import number
from lrlab.training.memory import OutOfMemory, divided
from lrlab.training.observers import NonFinite

FULL = (errno.ENOSPC, errno.EDQUOT)

GPU_FULL = (
    "CUDA out of memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "MPS backend out of memory",
)
"""What torch and its libraries say of a full GPU where they have no error of its own for it."""

SEE_LOG = "The last lines of worker.log say where it happened."
RESTORE = "Put it back, then try the run again: it goes on from its newest checkpoint."
CHECK = "Check that the disk is there and that lrlab may use the file, then try the run again."
TRY_AGAIN = "Try the run again. If that happens once more, restart the machine or its driver."


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
    if isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in GPU_FULL):
        return Failure(f"the GPU ran out of memory ({_size(experiment)})", _smaller(experiment))
    if isinstance(error, MemoryError) or "DefaultCPUAllocator" in str(error):
        return Failure(f"this machine ran out of memory ({_size(experiment)})", _smaller(experiment))
    if isinstance(error, LabError):
        return Failure(str(error), _after(error))
    if isinstance(error, FileNotFoundError) and error.filename:
        return Failure(f"the file {shown(str(error.filename))} vanished", f"{RESTORE} {SEE_LOG}")
    if isinstance(error, OSError) and error.filename:
        why = error.strerror or type(error).__name__
        return Failure(
            f"the file {shown(str(error.filename))} could not be read or written: {why}", f"{CHECK} {SEE_LOG}"
        )
    if isinstance(error, torch.AcceleratorError):
        return Failure(f"the GPU failed: {_one_line(error)}", f"{TRY_AGAIN} {SEE_LOG}")
    known = f"an error that lrlab does not know: {type(error).__name__}: {_one_line(error)}"
    return Failure(known.removesuffix(": "), SEE_LOG)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _after(error: LabError) -> str:
    """What to do about a fault of an image or of its data set; what a setting's fault asks for, its sentence says."""
    if error.field == "dataset" and isinstance(error.__cause__, OSError):
        return CHECK
    return ""


def _is_full(error: BaseException | None) -> bool:
    """Whether a full disk is at the bottom of `error`, whoever put other words to it."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        error = error.__cause__ or error.__context__  # torch.save loses the count of its bytes, and complains of that
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
