"""What a person reads for each way in which a run can end badly."""

from __future__ import annotations

import errno

import pytest
import torch

from lrlab.errors import LabError
from lrlab.experiments import Experiment
from lrlab.training.failures import SEE_LOG, explain
from lrlab.training.observers import NonFinite

MORE_ROOM = "Delete runs or data sets that are not needed any more, then start it again."
SMALLER = "Try a smaller batch size (such as 32) or image size (such as 48)."
EXPERIMENT = Experiment.model_validate({"dataset": "colours", "batch_size": 64, "image_size": 96})


def wrapped(error: Exception) -> Exception:
    outer = LabError("the cache could not be written")
    outer.__cause__ = error
    return outer


CASES = {
    "nan": (
        NonFinite(float("nan"), 312, 3.0),
        "the loss became nan at step 312 (LR 3)",
        "Try a lower LR (such as 0.3) or a warm-up.",
    ),
    "disk full": (OSError(errno.ENOSPC, "No space left on device"), "the disk is full", MORE_ROOM),
    "quota": (OSError(errno.EDQUOT, "Disk quota exceeded"), "the disk is full", MORE_ROOM),
    "disk full, said by others": (wrapped(OSError(errno.ENOSPC, "")), "the disk is full", MORE_ROOM),
    "GPU memory": (
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        "the GPU ran out of memory (small_cnn, batch size 64, image size 96)",
        SMALLER,
    ),
    "memory, by Python": (
        MemoryError(),
        "this machine ran out of memory (small_cnn, batch size 64, image size 96)",
        SMALLER,
    ),
    "memory, by torch": (
        RuntimeError("[enforce fail at alloc_cpu.cpp:125] err == 0. DefaultCPUAllocator: can't allocate memory: ..."),
        "this machine ran out of memory (small_cnn, batch size 64, image size 96)",
        SMALLER,
    ),
    "a sentence for a person": (LabError("dataset: 'colours' was deleted"), "dataset: 'colours' was deleted", ""),
    "anything else": (
        RuntimeError("shape '[2, 3]'\n  is invalid"),
        "an error that lrlab does not know: RuntimeError: shape '[2, 3]' is invalid",
        SEE_LOG,
    ),
    "anything else, silent": (KeyError(), "an error that lrlab does not know: KeyError", SEE_LOG),
}


@pytest.mark.parametrize("case", CASES)
def test_cause_and_advice(case: str) -> None:
    error, cause, advice = CASES[case]
    failure = explain(error, EXPERIMENT)
    assert (failure.cause, failure.advice) == (cause, advice)


def test_advice_fits_the_experiment() -> None:
    smallest = EXPERIMENT.model_copy(update={"batch_size": 1, "image_size": 20})
    assert explain(MemoryError(), smallest).advice == "Try a smaller image size (such as 16)."
    values = {"dataset": "colours", "schedule": {"warmup": {"length": 3}}}
    warmed = Experiment.model_validate(values)
    assert explain(NonFinite(float("nan"), 1, 0.5), warmed).advice.endswith("or a longer warm-up.")
