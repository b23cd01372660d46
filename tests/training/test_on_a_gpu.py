"""On a real GPU, where there is one: nothing waits, and it trains what the CPU trains.

Everything here is left out on a machine without one; `test_waiting` shows there as much as can be shown.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch

from lrlab.experiments import Augment, Clip
from lrlab.training import batches
from lrlab.training.batches import EvalBatches, Pictures, TrainBatches
from lrlab.training.devices import Device
from lrlab.training.fetching import Fetch
from lrlab.training.observers import NonFinite, recorder

from .small_loop import ALL_ON, Log, make_loop
from .test_batches import AUGMENTS

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU")

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
GPU = Device(CUDA, "a GPU", 1)
N, P, S = 40, 36, 32
IMAGES = np.random.default_rng(0).integers(0, 256, (N, P, P, 3), dtype=np.uint8)
LABELS = np.random.default_rng(1).integers(0, 4, N)


def train_batches(device: torch.device, **augment: Any) -> TrainBatches:
    return TrainBatches(Pictures(IMAGES, LABELS, S, device), np.arange(N), 8, 3, Augment.model_validate(augment))


@pytest.fixture(params=["device", "disk"])
def placed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the images lie: on the GPU, or on the host, from where each batch is sent."""
    if request.param == "disk":
        monkeypatch.setattr(batches, "GPU_SHARE", 0.0)
    return str(request.param)


@pytest.mark.parametrize("name", AUGMENTS)
def test_batches_are_the_cpus(name: str, placed: str) -> None:
    found, expected = train_batches(CUDA, **AUGMENTS[name]), train_batches(CPU, **AUGMENTS[name])
    assert (found.pictures.home.type == "cuda") == (placed == "device")
    for epoch, start in ((0, 0), (1, 3)):
        pairs = list(zip(found.epoch(epoch, start), expected.epoch(epoch, start), strict=True))
        assert len(pairs) == 5 - start
        for ours, theirs in pairs:
            for one, other in zip(ours, theirs, strict=True):
                torch.testing.assert_close(one.cpu(), other, rtol=1e-4, atol=1e-3)


@pytest.mark.usefixtures("placed")
def test_validation_is_the_cpus() -> None:
    for found, expected in zip(
        *(EvalBatches(Pictures(IMAGES, LABELS, S, device), np.arange(N), 7) for device in (CUDA, CPU)), strict=True
    ):
        torch.testing.assert_close(found[0].cpu(), expected[0])
        assert found[1].tolist() == expected[1].tolist()


@pytest.mark.usefixtures("placed")
@pytest.mark.parametrize("augment", [{}, AUGMENTS["everything"]], ids=["crop and flip", "everything"])
def test_no_update_waits(augment: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "BUNDLE_SECONDS", 0)
    settings: dict[str, Any] = {"regularization": ALL_ON, "clip": Clip(by="norm")}
    loop = make_loop(4, 2, device=GPU, log=Log(), augment=Augment.model_validate(augment), **settings)
    loop._train()  # cuDNN chooses its ways, and memory is found
    loop.epoch, loop.done = 1, 0
    torch.cuda.synchronize()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that the mode is new
        torch.cuda.set_sync_debug_mode("error")
        try:
            loop._train()
        finally:
            torch.cuda.set_sync_debug_mode("default")


@pytest.mark.usefixtures("placed")
def test_the_log_is_the_cpus() -> None:
    logs = Log(), Log()
    for log, device in zip(logs, (GPU, None), strict=True):
        make_loop(4, log=log, **({"device": device} if device else {})).fit(2)  # type: ignore[arg-type]
    assert [row["step"] for row in logs[0].steps] == [row["step"] for row in logs[1].steps] == list(range(12))
    for ours, theirs in zip(logs[0].steps, logs[1].steps, strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=0.03)


def test_figures_arrive_after_the_work_before_them() -> None:
    square = torch.rand(2000, 2000, device=CUDA)
    for _ in range(50):
        square = (square @ square).sin_()
    fetch = Fetch([(square[0, 0], torch.tensor(True, device=CUDA)), (square[0, 1], torch.tensor(False, device=CUDA))])
    (first, yes), (_, no) = fetch.values()
    assert fetch.there()
    assert (first, yes, no) == (float(square[0, 0]), 1.0, 0.0)


def test_a_loss_that_is_no_number_ends_the_run() -> None:
    log = Log()
    loop = make_loop(4, device=GPU, log=log)
    with torch.no_grad():
        next(loop.model.parameters()).fill_(math.inf)
    with pytest.raises(NonFinite, match="at step 0"):
        loop.fit(1)
    assert len(log.steps) == 1
