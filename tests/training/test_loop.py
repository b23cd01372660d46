"""The loop against a loop written out in plain torch, and from every place in an epoch on."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from lrlab.experiments import Augment, Clip, EarlyStopping, Regularization
from lrlab.runs.stopping import Course
from lrlab.schedules import ScheduleSpec
from lrlab.training.batches import EvalBatches, Pictures, TrainBatches
from lrlab.training.devices import Device
from lrlab.training.gradient import Gradient
from lrlab.training.loop import Loop, Observer, Score, Update
from lrlab.training.loss import Loss, build_loss
from lrlab.training.observers import EarlyStop, Recorder, recorder
from lrlab.training.rates import Rates
from lrlab.training.schedulers import Driver

N, SIDE, CLASSES = 32, 6, 3
TRAIN, VAL = np.arange(24), np.arange(24, N)
LABELS = np.random.default_rng(1).integers(0, CLASSES, N)
CPU = Device(torch.device("cpu"), "CPU", 1)


def pictures(device: Device = CPU) -> Pictures:
    images = np.random.default_rng(2).integers(0, 256, (N, SIDE + 1, SIDE + 1, 3), dtype=np.uint8)
    return Pictures(images, LABELS, SIDE, device.device)


def network(dropout: float = 0.0) -> nn.Module:
    """Without batch norm, so that a batch's images do not depend on each other."""
    torch.manual_seed(5)
    layers = [nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Dropout(dropout), nn.Flatten(), nn.Linear(4 * (SIDE - 2) ** 2, CLASSES)]
    return nn.Sequential(*layers)


class Log:
    """Keeps the rows that it is told, but for their times."""

    def __init__(self) -> None:
        self.steps: list[dict[str, float]] = []
        self.epochs: list[dict[str, float]] = []

    def step(self, *, time: float, **row: float) -> None:
        self.steps.append(row)

    def epoch(self, *, seconds: float, images_per_second: float, **row: float) -> None:
        self.epochs.append(row)


class Plain(Driver):
    """The LR falls by a tenth after each update, and what the loop tells of an epoch is kept."""

    def __init__(self, optimizer: torch.optim.Optimizer, steps: int = 100) -> None:
        spec = {"interval": "step", "scheduler": {"name": "ExponentialLR", "gamma": 0.9}}
        super().__init__(ScheduleSpec.model_validate(spec), optimizer, 10, steps)
        self.told: list[float] = []

    def after_epoch(self, val_loss: float = math.nan, val_accuracy: float = math.nan) -> None:
        assert math.isnan(val_loss) == math.isnan(val_accuracy)
        self.told.append(val_loss)


def make_loop(
    batch_size: int = 4,
    accumulate: int = 1,
    *,
    device: Device = CPU,
    log: Log | None = None,
    model: nn.Module | None = None,
    regularization: Regularization | None = None,
    clip: Clip | None = None,
    augment: Augment | None = None,
    watched: str = "val_loss",
    observers: tuple[Observer, ...] = (),
    rows: np.ndarray = TRAIN,
) -> Loop:
    net = (model or network()).to(device.device)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    rates, schedule = Rates(optimizer), Plain(optimizer)
    there = pictures(device)
    gradient = Gradient(net, regularization, clip)
    loss = build_loss(regularization or Regularization(), LABELS[TRAIN], CLASSES).to(device.device)
    columns = ("grad_norm", "clipped") if clip else ()
    logged = (Recorder(log, batch_size * accumulate, columns),) if log else ()  # type: ignore[arg-type]
    return Loop(
        net,
        optimizer,
        schedule,
        TrainBatches(there, rows, batch_size, 7, augment or Augment()),
        EvalBatches(there, VAL, 4),
        device,
        (*logged, *observers),
        Update(loss, gradient, accumulate),
        rates,
        watched,
    )


def weights(loop: Loop) -> Tensor:
    return torch.cat([one.detach().flatten() for one in loop.model.parameters()])


ALL_ON = Regularization(l1=0.003, l2=0.002, label_smoothing=0.1, class_weights="balanced")


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


class Interruption(Exception):
    pass


class At(Observer):
    """Takes every state of the loop and what it trains once, and then ends it: at the `call`-th call of `method`."""

    def __init__(self, method: str, call: int) -> None:
        self.method, self.left = method, call
        self.state: dict[str, Any] = {}

    def _hear(self, method: str, loop: Loop) -> None:
        if method != self.method:
            return
        self.left -= 1
        if self.left < 0:
            parts = {"loop": loop, "model": loop.model, "optimizer": loop.optimizer, "schedule": loop.schedule}
            watching = [one.state_dict() for one in loop.observers]
            told = {name: part.state_dict() for name, part in parts.items()}
            self.state = copy.deepcopy({**told, "observers": watching, "random": torch.get_rng_state()})
            raise Interruption

    def after_update(self, loop: Loop) -> None:
        self._hear("after_update", loop)

    def after_training(self, loop: Loop) -> None:
        self._hear("after_training", loop)

    def after_eval_batch(self, loop: Loop) -> None:
        self._hear("after_eval_batch", loop)

    def after_epoch(self, loop: Loop) -> None:
        self._hear("after_epoch", loop)


INTERRUPTIONS = [
    *[("after_update", call) for call in range(6)],
    *[("after_training", call) for call in range(2)],
    *[("after_eval_batch", call) for call in range(4)],
    *[("after_epoch", call) for call in range(2)],
]


def stopping() -> EarlyStop:
    settings = EarlyStopping(monitor="val_loss", patience=3)
    return EarlyStop(settings, lambda: Course(ScheduleSpec(), np.zeros(0), 3))


def interruptible(log: Log, *observers: Observer) -> Loop:
    """With dropout, which draws from torch's own generator, and an update of two batches."""
    return make_loop(
        4, 2, log=log, model=network(dropout=0.3), regularization=ALL_ON, clip=Clip(by="value", limit=0.05),
        observers=(stopping(), *observers),
    )  # fmt: skip


@pytest.mark.parametrize(("method", "call"), INTERRUPTIONS)
def test_an_interrupted_loop_goes_on_as_if_nothing_had_been(method: str, call: int) -> None:
    undisturbed = Log()
    torch.manual_seed(0)
    whole = interruptible(undisturbed)
    torch.manual_seed(0)
    whole.fit(2)

    before, after, at = Log(), Log(), At(method, call)
    first = interruptible(before, at)
    torch.manual_seed(0)
    with pytest.raises(Interruption):
        first.fit(2)
    second = interruptible(after, Observer())
    second.model.load_state_dict(at.state["model"])
    second.optimizer.load_state_dict(at.state["optimizer"])
    second.schedule.load_state_dict(at.state["schedule"])
    second.load_state_dict(at.state["loop"])
    for observer, state in zip(second.observers, at.state["observers"], strict=True):
        observer.load_state_dict(state)
    torch.set_rng_state(at.state["random"])
    second.fit(2)
    assert before.steps + after.steps == undisturbed.steps
    assert before.epochs + after.epochs == undisturbed.epochs
    assert torch.equal(weights(second), weights(whole))
    assert (second.epoch, second.step, second.score) == (whole.epoch, whole.step, whole.score)


def test_a_loop_that_is_done_does_nothing_more_until_more_is_asked_for() -> None:
    log = Log()
    loop = make_loop(log=log)
    loop.fit(2)
    kept, rows = weights(loop), len(log.steps)
    loop.fit(2)
    assert torch.equal(weights(loop), kept)
    assert len(log.steps) == rows
    loop.fit(3)
    assert [row["epoch"] for row in log.epochs] == [0, 1, 2]
    again = Log()
    other = make_loop(log=again)
    other.fit(3)
    assert torch.equal(weights(loop), weights(other))


@pytest.mark.parametrize("column", ["val_loss", "val_accuracy", "train_loss", "train_accuracy", ""])
def test_the_schedule_is_given_the_column_it_watches(column: str) -> None:
    log = Log()
    loop = make_loop(log=log, watched=column)
    loop.fit(3)
    assert isinstance(loop.schedule, Plain)
    logged = [row[column] for row in log.epochs] if column else [math.nan] * 3
    assert loop.schedule.told == pytest.approx(logged, abs=0, nan_ok=True)


class Scores(Observer):
    """Puts values in place of what the validation found."""

    def __init__(self, losses: list[float]) -> None:
        self.losses = losses

    def after_training(self, loop: Loop) -> None:
        loop.evaluate = lambda *_: Score(self.losses[loop.epoch], 0.5)  # type: ignore[method-assign]


def test_early_stopping_ends_the_loop_and_can_be_told_to_go_on() -> None:
    log, early = Log(), stopping()
    loop = make_loop(12, log=log, observers=(Scores([0.5, 0.4, *([0.45] * 20)]), early))
    loop.fit(20)
    assert [row["epoch"] for row in log.epochs] == [0, 1, 2, 3, 4]
    assert (early.stopped_at, loop.ended) == (4, True)
    assert early.closing == "Stopped early after epoch 4: val_loss had not improved for 3 epochs since epoch 1."
    loop.fit(20)
    assert len(log.epochs) == 5
    early.go_on(loop)
    assert (early.stopped_at, early.closing) == (None, "")
    loop.fit(20)  # three more epochs without an improvement on epoch 1
    assert [row["epoch"] for row in log.epochs] == [0, 1, 2, 3, 4, 5, 6, 7]
    assert early.stopped_at == 7


def test_without_a_monitor_nothing_is_ended() -> None:
    early = EarlyStop(EarlyStopping(patience=1), lambda: pytest.fail("asked for the course"))
    loop = make_loop(12, observers=(Scores([math.nan] * 6), early))
    loop.fit(6)
    assert (loop.epoch, early.stopped_at) == (5, None)


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


def grouped(*groups: tuple[str, float]) -> Rates:
    made = [{"params": [nn.Parameter(torch.zeros(1))], "lr": lr, "group_name": name} for name, lr in groups]
    return Rates(torch.optim.SGD(made, lr=0.1))


RATES: dict[str, tuple[tuple[tuple[str, float], ...], tuple[str, ...]]] = {
    "one group": ((("all", 0.1),), ()),
    "the head bears the LR": ((("backbone", 0.01), ("head", 0.1)), ("lr_backbone", "lr_head")),
    "no group bears it": ((("a", 0.05), ("b", 0.02)), ("lr_a", "lr_b")),
}


@pytest.mark.parametrize("case", RATES)
def test_the_runs_own_lr_is_the_base_lr_times_the_schedule(case: str) -> None:
    groups, columns = RATES[case]
    rates = grouped(*groups)
    assert rates.columns == columns
    assert rates.lr == pytest.approx(0.1)
    assert rates.of_groups == tuple(own for _, own in groups)
    for group in rates._optimizer.param_groups:
        group["lr"] *= 0.25
    assert rates.lr == pytest.approx(0.025)


def test_each_groups_lr_is_logged() -> None:
    net = network()
    groups = [
        {"params": list(net[0].parameters()), "lr": 0.01, "group_name": "backbone"},  # type: ignore[index]
        {"params": list(net[4].parameters()), "lr": 0.1, "group_name": "head"},  # type: ignore[index]
    ]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    rates, log, there = Rates(optimizer), Log(), pictures()
    loop = Loop(
        net, optimizer, Plain(optimizer), TrainBatches(there, TRAIN, 12, 7), EvalBatches(there, VAL, 4), CPU,
        (Recorder(log, 12, rates.columns),), Update(Loss(), Gradient(net)), rates,  # type: ignore[arg-type]
    )  # fmt: skip
    loop.fit(2)
    for step, row in enumerate(log.steps):
        assert row["lr"] == row["lr_head"] == pytest.approx(0.1 * 0.9**step, rel=1e-9)
        assert row["lr_backbone"] == pytest.approx(0.01 * 0.9**step, rel=1e-9)
