"""The loop against a loop written out in plain torch."""

from __future__ import annotations

import copy
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_

from lrlab.experiments import Augment, Clip, Regularization
from lrlab.training import loop as loop_module
from lrlab.training.batches import TrainBatches
from lrlab.training.devices import Device
from lrlab.training.loop import Loop, Observer
from lrlab.training.observers import Heartbeat, Recorder, recorder, signs

from .small_loop import ALL_ON, CLASSES, LABELS, TRAIN, Log, Plain, make_loop, pictures, weights


@pytest.mark.parametrize("mixup", [0.0, 0.5], ids=["labels", "mixed labels"])
@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("regularization", [Regularization(), ALL_ON], ids=["plain", "all on"])
@pytest.mark.parametrize("clip", [None, Clip(by="norm", limit=0.5)], ids=["free", "clipped"])
def test_the_loop_is_the_loop_written_out(
    clip: Clip | None, regularization: Regularization, accumulate: int, mixup: float
) -> None:
    augment = Augment(mixup=mixup)
    log = Log()
    loop = make_loop(4, accumulate, log=log, regularization=regularization, clip=clip, augment=augment)
    model = copy.deepcopy(loop.model)
    loop.fit(2)

    weight = None
    if regularization.class_weights == "balanced":
        counts = np.bincount(LABELS[TRAIN])
        weight = torch.tensor(len(TRAIN) / (CLASSES * counts), dtype=torch.float32)
    criterion = nn.CrossEntropyLoss(weight=weight, label_smoothing=regularization.label_smoothing)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    rows: list[tuple[float, float, float]] = []
    norms: list[float] = []
    for epoch in range(2):
        batches = list(TrainBatches(pictures(), TRAIN, 4, 7, augment).epoch(epoch))
        for start in range(0, len(batches) - accumulate + 1, accumulate):
            optimizer.zero_grad()
            total, right = 0.0, 0
            for images, targets in batches[start : start + accumulate]:
                scores = model(images)
                loss = criterion(scores, targets) / accumulate
                torch.autograd.backward(loss)
                total += float(loss.detach())
                right += int((scores.argmax(1) == (targets.argmax(1) if mixup else targets)).sum())
            layers = [model[0].weight, model[4].weight]  # type: ignore[index]
            penalty = sum(regularization.l1 * w.abs().sum() + regularization.l2 * (w * w).sum() for w in layers)
            torch.autograd.backward(penalty)  # type: ignore[arg-type]
            if clip:
                norms.append(float(clip_grad_norm_(model.parameters(), clip.limit)))
            optimizer.step()
            rows.append((optimizer.param_groups[0]["lr"], total, right / (4 * accumulate)))
            optimizer.param_groups[0]["lr"] *= 0.9
    expected = torch.cat([one.detach().flatten() for one in model.parameters()])
    torch.testing.assert_close(weights(loop), expected, rtol=1e-4, atol=1e-6)
    assert [row["step"] for row in log.steps] == list(range(2 * (6 // accumulate)))
    for row, (lr, mean_loss, accuracy) in zip(log.steps, rows, strict=True):
        assert row["lr"] == pytest.approx(lr, rel=1e-9)
        assert row["loss"] == pytest.approx(mean_loss, rel=1e-4)
        assert row["accuracy"] == pytest.approx(accuracy)
    if clip:
        assert [row["grad_norm"] for row in log.steps] == pytest.approx(norms, rel=1e-4)
        assert [row["clipped"] for row in log.steps] == [float(norm > 0.5) for norm in norms]
        assert any(norm > 0.5 for norm in norms)


class Spy(Observer):
    """Notes what it is called for, and takes a long time over it by the clock."""

    def __init__(self, clock: list[float]) -> None:
        self.calls: list[tuple[str, int]] = []
        self._clock = clock

    def _called(self, what: str, loop: Loop) -> None:
        self.calls.append((what, loop.step))
        self._clock[0] += 100.0

    def after_batch(self, loop: Loop) -> None:
        self._called("batch", loop)

    def after_update(self, loop: Loop) -> None:
        self._called("update", loop)

    def after_training(self, loop: Loop) -> None:
        self._called("training", loop)

    def after_eval_batch(self, loop: Loop) -> None:
        self._called("eval", loop)

    def after_epoch(self, loop: Loop) -> None:
        self._called("epoch", loop)


class Pulse:
    """What a Heartbeat says."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.phases: list[str] = []

    def batch(self, seconds: float, *, phase: str, **values: Any) -> None:
        self.seconds.append(seconds)
        self.phases.append(phase)


def test_every_batch_is_told_and_only_batches_are_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two epochs of two updates of three batches, two batches to validate on; a batch takes a second by the clock, and
    whatever an observer does takes a hundred."""
    clock = [0.0]
    for module in (loop_module, signs):
        monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    spy, pulse = Spy(clock), Pulse()
    loop = make_loop(4, 3, observers=(Heartbeat(pulse, 12, 4), spy, Recorder(Log(), 12)))  # type: ignore[arg-type]
    loop.model.register_forward_pre_hook(lambda *_: clock.__setitem__(0, clock[0] + 1.0))
    clock[0] += 5000.0  # as a checkpoint takes that is read before the first batch
    loop.fit(2)
    one = ["batch", "batch", "update"]
    assert [what for what, _ in spy.calls] == [*one, *one, "training", "eval", "eval", "epoch"] * 2
    assert [step for what, step in spy.calls if what == "batch"] == [-1, -1, 0, 0, 1, 1, 2, 2]
    assert pulse.seconds == [1.0] * 16
    assert pulse.phases == [*["training"] * 6, *["validating"] * 2] * 2


@pytest.mark.parametrize(("batch_size", "accumulate"), [(6, 2), (4, 3), (1, 12)])
def test_accumulated_batches_are_one_larger_batch(batch_size: int, accumulate: int) -> None:
    logs = Log(), Log()
    parts, whole = make_loop(batch_size, accumulate, log=logs[0]), make_loop(12, log=logs[1])
    for loop in (parts, whole):
        loop.fit(3)
    torch.testing.assert_close(weights(parts), weights(whole), rtol=1e-4, atol=1e-6)
    assert len(logs[0].steps) == len(logs[1].steps) == 6
    for ours, theirs in zip(logs[0].steps, logs[1].steps, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)
    assert logs[0].epochs[-1] == pytest.approx(logs[1].epochs[-1], rel=1e-4)


def test_a_rest_too_short_for_an_update_is_left_out() -> None:
    log = Log()
    loop = make_loop(5, 2, log=log)  # 24 images are 4 batches of 5, which are 2 updates
    loop.fit(2)
    assert loop.updates_per_epoch == 2
    assert [(row["step"], row["epoch"]) for row in log.steps] == [(0, 0), (1, 0), (2, 1), (3, 1)]
    log = Log()
    make_loop(5, 3, log=log).fit(2)  # 4 batches are one update of 3
    assert [(row["step"], row["epoch"]) for row in log.steps] == [(0, 0), (1, 1)]


@pytest.mark.parametrize("column", ["val_loss", "val_accuracy", "train_loss", "train_accuracy", ""])
def test_the_schedule_is_given_the_column_it_watches(column: str) -> None:
    log = Log()
    loop = make_loop(log=log, watched=column)
    loop.fit(3)
    assert isinstance(loop.schedule, Plain)
    logged = [row[column] for row in log.epochs] if column else [math.nan] * 3
    assert loop.schedule.told == pytest.approx(logged, abs=0, nan_ok=True)


def test_an_update_reads_nothing_from_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the meta device, which has no values, reading one raises."""
    monkeypatch.setattr(recorder, "BUNDLE_SECONDS", math.inf)
    meta = Device(torch.device("meta"), "nowhere", 1)
    for clip in (Clip(by="norm"), Clip(by="value")):
        loop = make_loop(4, 2, device=meta, log=Log(), regularization=ALL_ON, clip=clip)
        loop._train()
        assert loop.done == 3
        with pytest.raises(RuntimeError, match="meta"):
            float(loop.loss)


def precise(precision: Any) -> Device:
    return Device(torch.device("cpu"), "CPU", 1, precision)


@pytest.mark.parametrize(("precision", "near"), [("bfloat16", 0.02), ("float16", 0.005)])
def test_16_bits_train_nearly_what_32_do(precision: str, near: float) -> None:
    kinds: list[torch.dtype] = []
    logs = Log(), Log()
    loops = [make_loop(log=log, device=precise(one)) for log, one in zip(logs, (precision, "float32"), strict=True)]
    loops[0].model[4].register_forward_hook(lambda *args: kinds.append(args[2].dtype))  # type: ignore[index, union-attr, operator]
    for loop in loops:
        loop.fit(1)
    assert set(kinds) == {getattr(torch, precision)}
    assert {one.dtype for one in loops[0].model.parameters()} == {torch.float32}
    for ours, theirs in zip(logs[0].steps, logs[1].steps, strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=near)
    assert logs[0].steps != logs[1].steps


def test_only_float16_scales_its_gradients() -> None:
    assert precise("float32").gradient_scaler() is None
    assert precise("bfloat16").gradient_scaler() is None
    assert precise("float16").gradient_scaler() is not None


def test_float16_skips_an_update_whose_gradients_overflow_and_scales_less() -> None:
    log = Log()
    loop = make_loop(log=log, device=precise("float16"), clip=Clip(by="norm", limit=1e6))
    assert loop.scaler is not None
    loop.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40)
    before = weights(loop)
    loop._train()
    scales = [row["grad_norm"] for row in log.steps]
    assert not math.isfinite(scales[0])
    assert loop.scaler.get_scale() < 2.0**40
    assert torch.equal(weights(loop), before) == (not any(math.isfinite(norm) for norm in scales))
    state = loop.state_dict()
    other = make_loop(device=precise("float16"))
    other.load_state_dict(state)
    assert other.scaler is not None
    assert other.scaler.get_scale() == loop.scaler.get_scale()


def test_the_norm_of_float16_is_that_of_the_gradient_unscaled() -> None:
    logs = Log(), Log()
    clip = Clip(by="norm", limit=0.5)
    for log, precision in zip(logs, ("float16", "float32"), strict=True):
        make_loop(log=log, device=precise(precision), clip=clip).fit(1)
    norms = [[row["grad_norm"] for row in log.steps] for log in logs]
    assert norms[0] == pytest.approx(norms[1], rel=0.05)
