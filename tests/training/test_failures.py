"""What a person reads for each way in which a run can end badly."""

from __future__ import annotations

import errno
import ssl

import pytest
import torch

from lrlab.errors import LabError
from lrlab.experiments import Experiment
from lrlab.training.failures import CHECK, RESTORE, SEE_LOG, TRY_AGAIN, explain
from lrlab.training.memory import OutOfMemory
from lrlab.training.observers import NonFinite

MORE_ROOM = "Delete runs or data sets that are not needed any more, then start it again."
SMALLER = (
    "Try batch size 32 with accumulate 2 (an update then still sees 64 pictures), image size 48 or a smaller model."
)
FINDER = "The LR finder shows which LRs this model bears."
EXPERIMENT = Experiment.model_validate({"dataset": "colours", "batch_size": 64, "image_size": 96})


def wrapped(error: Exception, text: str = "the cache could not be written", field: str | None = None) -> Exception:
    outer = LabError(text, field)
    outer.__cause__ = error
    return outer


CASES = {
    "nan": (
        NonFinite(float("nan"), 312, 3.0),
        "the loss became nan at step 312 (LR 3)",
        f"Try a lower LR (such as 0.3), a warm-up or gradient clipping (by norm, limit 1). {FINDER}",
    ),
    "disk full": (OSError(errno.ENOSPC, "No space left on device"), "the disk is full", MORE_ROOM),
    "quota": (OSError(errno.EDQUOT, "Disk quota exceeded"), "the disk is full", MORE_ROOM),
    "disk full, said by others": (wrapped(OSError(errno.ENOSPC, "")), "the disk is full", MORE_ROOM),
    "GPU memory": (
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        "the GPU ran out of memory (small_cnn, batch size 64, image size 96)",
        SMALLER,
    ),
    "GPU memory, measured": (
        OutOfMemory(24),
        "the GPU ran out of memory (small_cnn, batch size 64, image size 96)",
        "Measured with fewer pictures, batch size 16 with accumulate 4 (an update then still sees 64 pictures) "
        "should fit.",
    ),
    "GPU memory, none fits": (
        OutOfMemory(0),
        "the GPU ran out of memory (small_cnn, batch size 64, image size 96)",
        "Not even two pictures fit at a time. Try a smaller image size (such as 48) or a smaller model.",
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
    "an original that is gone": (
        wrapped(FileNotFoundError(2, "No such file"), "'a.png' cannot be read any more", "dataset"),
        "'a.png' cannot be read any more",
        CHECK,
    ),
    "weights that do not come": (
        wrapped(ssl.SSLError(1, "certificate verify failed"), "fetch them where there is internet", "pretrained"),
        "fetch them where there is internet",
        "",
    ),
    "a sentence for a person": (LabError("dataset: 'colours' was deleted"), "dataset: 'colours' was deleted", ""),
    "memory of the GPU, by a library": (
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        "the GPU ran out of memory (small_cnn, batch size 64, image size 96)",
        SMALLER,
    ),
    "the GPU itself": (
        torch.AcceleratorError("CUDA error: an illegal memory access\nwas encountered"),
        "the GPU failed: CUDA error: an illegal memory access was encountered",
        f"{TRY_AGAIN} {SEE_LOG}",
    ),
    "a file that vanished": (
        FileNotFoundError(2, "No such file or directory", "/lab/cache/a.npy"),
        "the file '/lab/cache/a.npy' vanished",
        f"{RESTORE} {SEE_LOG}",
    ),
    "a file that cannot be read": (
        PermissionError(13, "Permission denied", "/lab/runs/a/log"),
        "the file '/lab/runs/a/log' could not be read or written: Permission denied",
        f"{CHECK} {SEE_LOG}",
    ),
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


SETTINGS = {
    "the smallest batch of the smallest pictures": (
        MemoryError(),
        {"batch_size": 1, "image_size": 16},
        "Try a smaller model.",
    ),
    "one picture": (MemoryError(), {"batch_size": 1, "image_size": 20}, "Try image size 16 or a smaller model."),
    "an image size that the model allows": (
        MemoryError(),
        {"batch_size": 1, "image_size": 48, "model": {"name": "vit_b_16"}},
        "Try image size 32 or a smaller model.",
    ),
    "an update of several batches": (
        OutOfMemory(10),
        {"batch_size": 20, "accumulate": 3},
        "Measured with fewer pictures, batch size 10 with accumulate 6 (an update then still sees 60 pictures) "
        "should fit.",
    ),
    "an update that cannot be divided": (
        OutOfMemory(50),
        {"batch_size": 97},
        "Measured with fewer pictures, batch size 48 with accumulate 2 (an update then sees 96 pictures) should fit.",
    ),
    "a warm-up is there": (
        NonFinite(float("nan"), 1, 0.5),
        {"schedule": {"warmup": {"length": 3}}},
        f"Try a lower LR (such as 0.05), a longer warm-up or gradient clipping (by norm, limit 1). {FINDER}",
    ),
    "gradients are clipped": (
        NonFinite(float("inf"), 1, 0.5),
        {"clip": {"by": "value"}},
        f"Try a lower LR (such as 0.05) or a warm-up. {FINDER}",
    ),
    "numbers of 16 bits": (
        NonFinite(float("inf"), 1, 0.5),
        {"clip": {"by": "norm"}, "precision": "float16"},
        f"Try a lower LR (such as 0.05), a warm-up or precision float32. {FINDER}",
    ),
    "before the first update": (
        NonFinite(float("nan"), 0, 0.5),
        {},
        "It was so before the first update, so the LR is not the cause. Try another initialisation or other pictures.",
    ),
}


def test_a_full_disk_is_found_below_what_torch_makes_of_it() -> None:
    """torch.save loses the count of its bytes and complains of that."""
    try:
        try:
            raise OSError(28, "No space left on device")
        finally:
            raise RuntimeError("unexpected pos 704 vs 598")
    except RuntimeError as error:
        assert explain(error, EXPERIMENT).cause == "the disk is full"


@pytest.mark.parametrize("case", SETTINGS)
def test_advice_fits_the_experiment(case: str) -> None:
    error, settings, advice = SETTINGS[case]
    experiment = Experiment.model_validate({"dataset": "colours", **settings})
    assert explain(error, experiment).advice == advice
