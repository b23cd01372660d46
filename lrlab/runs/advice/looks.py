"""The looks at a run's log: each tells what stands out of one kind, or nothing. In the order of what matters most."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from lrlab.runs.advice.changes import against_overfitting, cosine, other_lr
from lrlab.runs.advice.model import Advice, Log
from lrlab.schedules import Fixed, ReduceLROnPlateau, number

RISEN = 1.5
"""A training loss that is this many times its first value has run away."""

UNLEARNT = 0.97
"""Above this share of the loss of guessing, nothing has been learnt."""

UNBALANCED = 3.0
"""The largest class has at least this many times the images of the smallest."""

OFTEN_CLIPPED = 0.5
FEW_EPOCHS = 3


def _not_a_number(log: Log) -> Iterator[Advice]:
    bad = np.flatnonzero(~np.isfinite(log.loss))
    if not len(bad):
        return
    row = int(bad[0])
    update = int(log.steps["step"].to_numpy()[row])
    yield Advice(
        "not-a-number",
        f"The loss was no number any more at update {update:,}, with an LR of {number(log.lr[row])}.",
        "An LR that is too large is the usual reason. Clipping the gradient's norm helps where single batches do it.",
        **other_lr(log.record, 0.1),
    )


def _ran_away(log: Log) -> Iterator[Advice]:
    finite = log.loss[np.isfinite(log.loss)]
    first = float(np.median(finite[:5])) if len(finite) else math.nan
    if not log.n or len(finite) < len(log.loss) or not first > 0:
        return
    risen = np.flatnonzero(log.train_loss > RISEN * max(first, log.guess))
    if not len(risen) or log.train_loss[-1] < first:
        return
    epoch = int(risen[0])
    yield Advice(
        "ran-away",
        f"The training loss rose from {number(first)} to {number(log.train_loss[epoch])} in epoch {epoch + 1}, "
        f"at an LR of {number(log.epoch_lr[epoch])}.",
        "The steps are too long: each one overshoots. A tenth of the LR should fall.",
        **other_lr(log.record, 0.1),
    )


def _not_learnt(log: Log) -> Iterator[Advice]:
    if log.n < FEW_EPOCHS or not log.plain_loss or not log.train_loss[-1] > UNLEARNT * log.guess:
        return
    if log.train_loss[-1] > RISEN * log.guess:
        return
    seen = (
        f"After {log.n} epochs the training loss is {number(log.train_loss[-1])}; guessing among "
        f"{len(log.record.dataset.classes)} classes gives {number(log.guess)}."
    )
    if (np.diff(log.train_loss) < 0).all():
        yield Advice(
            "lr-too-small", seen, "It falls with every epoch, but hardly: the LR is too small. Try ten times as much.",
            **other_lr(log.record, 10.0),
        )  # fmt: skip
    else:
        yield Advice(
            "not-learnt", seen,
            "Nothing is learnt yet. An LR far too large looks like one far too small; the LR finder tells which.",
            "Find an LR", "find_lr",
        )  # fmt: skip


def _learns_by_heart(log: Log) -> Iterator[Advice]:
    best = log.lowest_validation()
    if best is None or log.n - 1 - best < max(3, round(0.15 * log.n)):
        return
    low, now = log.val_loss[best], log.val_loss[-1]
    if not (now > 1.1 * low and log.train_loss[-1] < 0.9 * log.train_loss[best]):
        return
    yield Advice(
        "overfitting",
        f"The validation loss was lowest in epoch {best + 1} ({number(low)}) and is {number(now)} now, while the "
        f"training loss fell from {number(log.train_loss[best])} to {number(log.train_loss[-1])}.",
        **against_overfitting(log.experiment),
    )


def _decayed_too_early(log: Log) -> Iterator[Advice]:
    highest = float(np.nanmax(log.epoch_lr, initial=0.0))
    low = log.epoch_lr <= 0.1 * highest
    if log.n < 6 or not low[-1]:
        return
    start = int(np.flatnonzero(~low)[-1]) + 1  # the first epoch from which on it stays low
    if start < FEW_EPOCHS or log.n - start < 0.3 * log.record.epochs:
        return
    before = (log.train_loss[start - 3] - log.train_loss[start - 1]) / 2 if start >= 3 else 0.0
    since = (log.train_loss[start] - log.train_loss[-1]) / max(1, log.n - 1 - start)
    if not (before > 0.03 * log.train_loss[start - 1] and since < 0.25 * before):
        return
    yield Advice(
        "decayed-too-early",
        f"Up to epoch {start} the training loss fell by {number(before)} an epoch. Since then the LR is below a tenth "
        f"of its highest, and it falls by {number(max(since, 0.0))}.",
        "The LR was lowered while there was still much to learn: let it fall later, or slowly over the whole run.",
        "Try a cosine over the whole run",
        "form",
        {"schedule": cosine(log.experiment)},
    )


def _still_falling(log: Log) -> Iterator[Advice]:
    best = log.lowest_validation()
    if log.live or log.record.state != "succeeded" or log.early or best is None or log.n < 4:
        return
    last = max(2, log.n // 5)
    earlier = float(np.nanmin(log.val_loss[: log.n - last], initial=math.inf))
    gain = 1 - log.val_loss[best] / earlier if 0 < earlier < math.inf else 0.0
    if log.n - 1 - best > log.n // 10 or gain < 0.03:
        return
    low = number(log.val_loss[best])
    seen = f"The validation loss still fell in the last {last} epochs, by {100 * gain:.0f} % to {low}."
    more = max(1, log.record.epochs // 4)
    if log.epoch_lr[-1] > 0.01 * np.nanmax(log.epoch_lr):
        yield Advice(
            "still-falling", seen, "It ended while it was getting better: it can simply be trained on.",
            f"Train {more} more epoch{'s' if more > 1 else ''}", "resume", amount=more,
        )  # fmt: skip
    else:
        longer = log.record.epochs + 2 * more
        yield Advice(
            "still-falling", seen,
            "The LR has come to its end, so going on would change little: train longer from the start.",
            f"Try {longer} epochs", "form", {"epochs": longer},
        )  # fmt: skip


def _stands_still(log: Log) -> Iterator[Advice]:
    waited = max(5, log.n // 3)
    if log.n < 8 or log.early or not np.isfinite(log.val_loss).any():
        return
    best = max(int(np.nanargmin(log.val_loss)), int(np.nanargmax(np.nan_to_num(log.val_accuracy))))
    if log.n - 1 - best < waited or log.val_loss[-1] > 1.1 * np.nanmin(log.val_loss):
        return
    if not log.epoch_lr[-1] > max(0.5 * log.epoch_lr[best], 0.1 * float(np.nanmax(log.epoch_lr))):
        return
    steady = number(log.epoch_lr[-1])
    seen = f"Neither loss nor accuracy of validation has improved since epoch {best + 1}; the LR is still {steady}."
    why = "At a steady LR the weights jump to and fro about a good place: smaller steps settle."
    if log.live:
        yield Advice("plateau", seen, why, "Halve the LR now", "lr", amount=0.5)
    elif isinstance(log.experiment.schedule.scheduler, Fixed):
        changes = {"schedule": {"interval": "epoch", "scheduler": ReduceLROnPlateau().model_dump()}}
        yield Advice("plateau", seen, why, "Try ReduceLROnPlateau", "form", changes)
    else:
        yield Advice(
            "plateau", seen, why, "Try a cosine over the whole run", "form", {"schedule": cosine(log.experiment)}
        )


def _clipped(log: Log) -> Iterator[Advice]:
    if "clipped" not in log.steps or log.n < 2:
        return
    clipped = log.steps["clipped"].to_numpy(float)[-2 * log.record.steps_per_epoch :]
    share = float(np.nanmean(clipped))
    if not share > OFTEN_CLIPPED:
        return
    clip = log.experiment.clip
    norms = log.steps["grad_norm"].to_numpy(float)[-2 * log.record.steps_per_epoch :]
    usual = float(np.nanpercentile(norms, 90)) if clip.by == "norm" else 0.0
    change: dict[str, Any] = {}
    if usual > clip.limit:
        limit = float(f"{usual:.1g}")
        change = {"label": f"Try a limit of {number(limit)}", "deed": "form", "changes": {"clip.limit": limit}}
    yield Advice(
        "clipped",
        f"The gradient was clipped in {100 * share:.0f} % of the last two epochs' updates.",
        "Clipping is meant for the rare outlier. Clipped this often, the limit decides how long a step is.",
        **change,
    )


def _unbalanced(log: Log) -> Iterator[Advice]:
    if len(log.images) < 2 or log.experiment.regularization.class_weights != "none" or not min(log.images.values()):
        return
    large, small = (pick(log.images, key=log.images.__getitem__) for pick in (max, min))
    times = log.images[large] / log.images[small]
    if times < UNBALANCED:
        return
    yield Advice(
        "unbalanced",
        f"{large} has {log.images[large]:,} training images, {small} {log.images[small]:,}: {times:.1f} times as many.",
        "The rare class hardly counts in the loss. Balanced class weights let every class count the same.",
        "Try balanced class weights",
        "form",
        {"regularization.class_weights": "balanced"},
    )


LOOKS: Sequence[Callable[[Log], Iterator[Advice]]] = (
    _not_a_number,
    _ran_away,
    _not_learnt,
    _learns_by_heart,
    _decayed_too_early,
    _stands_still,
    _still_falling,
    _clipped,
    _unbalanced,
)
