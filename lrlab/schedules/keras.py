"""A schedule as Keras 3 code that runs as it stands: Keras's own schedule where one gives the same LRs, else functions.

Keras asks a LearningRateSchedule for the LR of every update, counted from 0, so that epochs are written as updates. It
computes in float32. One LR holds for all weights and the momentum stays as it is; comments say what is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrlab.errors import LabError
from lrlab.schedules import spec as specs
from lrlab.schedules.code_parts import call, literal, rounded, wrapped
from lrlab.schedules.composition import Composition
from lrlab.schedules.curve import warmup_updates
from lrlab.schedules.keras_own import Own, own_schedule, warmed_cosine
from lrlab.schedules.keras_parts import Functions, is_textbook
from lrlab.schedules.leaves import Floats

MAX_LISTED = 500
"""So many LRs are listed one by one, where a nest follows no formula."""


@dataclass(frozen=True)
class _Rate:
    """What gives the LR: `value` is what the optimiser gets, `callbacks` what fit() gets; `lines` define them.

    `metric`: what a callback looks at.
    """

    value: str
    lines: Sequence[str] = ()
    callbacks: Sequence[str] = ()
    metric: str = ""


def keras_code(composition: Composition) -> str:
    """A training script for Keras 3 with the schedule on Adam and a stand-in for model and images.

    Every update has the LR of the curve, up to float32. ReduceLROnPlateau becomes Keras's callback, whose rules differ:
    comments in the code say in what. Raises LabError where torch would, and for a long nest in which torch's schedulers
    disturb each other, so that no code of readable length gives the same LRs.
    """
    scheduler = composition.schedule.scheduler
    rate = _plateau(composition, scheduler) if isinstance(scheduler, specs.ReduceLROnPlateau) else _rate(composition)
    ends_in_class = rate.lines and rate.lines[-1].startswith(" ")
    text = "\n".join(
        [
            f"lr, epochs, steps_per_epoch = {composition.lr!r}, {composition.epochs}, {composition.steps_per_epoch}",
            *_left_out(composition),
            *rate.lines,
            *(["", ""] if ends_in_class else [""]),
            *_training(rate),
        ]
    )
    needed = "".join(f"import {name}\n" for name in ("itertools", "math") if f"{name}." in text)
    lines = ["import keras", "import numpy as np", *(["from keras import ops"] if "ops." in text else [])]
    return "\n".join([*([needed] if needed else []), *lines, "", text, ""])


def _rate(composition: Composition) -> _Rate:
    used = by_call(composition, composition.curve().lr)
    schedule, own = composition.schedule, own_schedule(composition)
    if schedule.warmup:
        return _warmed_up(composition, own, used)
    if own:
        return _Rate("schedule", own.lines("schedule")) if own.name else _Rate(own.arguments[0])
    functions = _functions(composition, used)
    if schedule.interval == "epoch":
        asked = "scheduler = keras.callbacks.LearningRateScheduler(lr_at)  # asked once an epoch"
        return _Rate("lr", [*functions, "", "", asked], ["scheduler"])
    looked_up = 'return ops.take(lrs, ops.minimum(ops.cast(step, "int32"), len(lrs) - 1))'
    return _Rate("Schedule()", [*functions, *_listed(composition), *_schedule([looked_up])])


def _warmed_up(composition: Composition, own: Own | None, used: Floats) -> _Rate:
    """The rise and then the schedule, as one LearningRateSchedule."""
    schedule = composition.schedule
    assert schedule.warmup is not None
    cosine = warmed_cosine(composition)
    if cosine:
        return _Rate("schedule", cosine.lines("schedule"))
    by_epoch = schedule.interval == "epoch"
    lines = ["", _rise(schedule.warmup)]
    before: list[str] = []
    if own and not own.name:
        after = own.arguments[0]
    else:
        # Per epoch, the schedule counts from the beginning of the epoch in which the warm-up ends.
        within = by_epoch and schedule.warmup.unit == "step"
        started = "warmup // steps_per_epoch * steps_per_epoch" if within else "warmup"
        lines.append(f"started = {started}  # the update from which the schedule counts")
        after = "after(ops.maximum(step - started, 0))"
        if own:
            lines += own.lines("after")
        else:
            lines += [*_functions(composition, used), *_listed(composition)]
            calls = "(step - started) // steps_per_epoch" if by_epoch else "step - started"
            before = [f"call = ops.clip({calls}, 0, len(lrs) - 1)"]
            after = "ops.take(lrs, call)"
    body = [
        'step = ops.cast(step, "int32")',
        'rising = lr * (start_factor + (1 - start_factor) * ops.cast(step, "float32") / warmup)',
        *before,
        f"return ops.where(step < warmup, rising, {after})",
    ]
    return _Rate("Schedule()", [*lines, *_schedule(body)])


def _rise(warmup: specs.Warmup) -> str:
    length = f"{warmup.length} * steps_per_epoch" if warmup.unit == "epoch" else warmup.length
    return f"warmup, start_factor = {length}, {warmup.start_factor!r}  # updates, factor on the LR of the first one"


def _functions(composition: Composition, used: Floats) -> list[str]:
    """Lines that define `lr_at`, the LR as a function of the call; `used`: the LR of every call."""
    if is_textbook(composition, used):
        return Functions(composition).lines
    if composition.calls > MAX_LISTED:
        raise LabError(
            "keras: in this nest torch's schedulers disturb one another, and no code of readable length gives Keras "
            f"the same LRs for {composition.calls:,} calls; allowed: the PyTorch code, or the table of LRs",
            field="scheduler",
        )
    values = [literal(rounded(value)) for value in used.tolist()]
    return [
        "",
        "# In this nest torch's schedulers disturb one another; no formula gives its LRs.",
        *wrapped("listed = [", values, "]"),
        "",
        "",
        f"def lr_at({composition.schedule.interval}):",
        f"    return listed[{composition.schedule.interval}]",
    ]


def _listed(composition: Composition) -> list[str]:
    return ["", "", f'lrs = ops.convert_to_tensor([lr_at(call) for call in range({composition.calls})], "float32")']


def _schedule(body: Sequence[str]) -> list[str]:
    """A LearningRateSchedule whose __call__ does `body`, where `step` is the update, counted from 0."""
    return [
        "",
        "",
        "@keras.saving.register_keras_serializable()",
        "class Schedule(keras.optimizers.schedules.LearningRateSchedule):",
        '    """The LR of each update."""',
        "",
        "    def __call__(self, step):",
        *(f"        {line}" for line in body),
        "",
        "    def get_config(self):",
        "        return {}",
    ]


def _plateau(composition: Composition, scheduler: specs.ReduceLROnPlateau) -> _Rate:
    metric = "val_loss" if scheduler.mode == "min" else "val_accuracy"
    lines = ["", f"# Keras cuts on bad epoch number patience, torch on the one after: {scheduler.patience} + 1."]
    if scheduler.cooldown:
        lines.append(f"# The last epoch of Keras's cooldown counts as bad already: {scheduler.cooldown} + 1.")
    if scheduler.threshold_mode == "rel" and scheduler.threshold:
        more, least = "less" if scheduler.mode == "min" else "more", f"{scheduler.threshold!r}"
        lines += [
            f"# DIFFERS: torch calls an epoch better where {metric} is {more} than the best by {least} of",
            f"# the best, for Keras by {least} itself: the same only where the best is 1.",
        ]
    if scheduler.eps:
        lines.append(
            f"# DIFFERS: torch leaves out cuts that change the LR by {scheduler.eps!r} or less, Keras makes them."
        )
    lines += call(
        "plateau = keras.callbacks.ReduceLROnPlateau",
        [
            f'monitor="{metric}"',
            f'mode="{scheduler.mode}"',
            f"factor={scheduler.factor!r}",
            f"patience={scheduler.patience + 1}",
            f"min_delta={scheduler.threshold!r}",
            f"cooldown={scheduler.cooldown + 1 if scheduler.cooldown else 0}",
            f"min_lr={scheduler.min_lr!r}",
        ],
    )
    warmup = composition.schedule.warmup
    if warmup is None:
        return _Rate("lr", lines, ["plateau"], metric)
    rise = [
        "",
        "# DIFFERS: beside ReduceLROnPlateau the LR of Keras is a plain number, which rises from epoch to epoch,",
        "# not from update to update; and the callback counts bad epochs in the warm-up too, torch's after it.",
        _rise(warmup),
        "",
        "",
        "def warmed_up(epoch, current):",
        "    update = epoch * steps_per_epoch",
        "    if update < warmup:",
        "        return lr * (start_factor + (1 - start_factor) * update / warmup)",
        "    return lr if update - steps_per_epoch < warmup else current",
    ]
    return _Rate("lr", [*lines, *rise], ["keras.callbacks.LearningRateScheduler(warmed_up)", "plateau"], metric)


def _left_out(composition: Composition) -> list[str]:
    lines = []
    if composition.groups:
        names = ", ".join(literal(group.name) for group in composition.groups)
        lines.append(f"# DIFFERS: Keras has one LR for all weights; the parameter groups are left out: {names}.")
    if any(getattr(inner, "cycle_momentum", False) for _, inner in specs.walk(composition.schedule.scheduler)):
        lines.append("# DIFFERS: torch moves the momentum (Adam's beta1) too; a Keras optimizer keeps the one it has.")
    return lines


def _training(rate: _Rate) -> list[str]:
    compiled = [f"keras.optimizers.Adam(learning_rate={rate.value})", 'loss="sparse_categorical_crossentropy"']
    fitted = ["images", "labels", "batch_size=32", "epochs=epochs"]
    if rate.metric:
        fitted.append("validation_data=(images[:32], labels[:32])")
    if rate.metric == "val_accuracy":
        compiled.append('metrics=["accuracy"]')
    if rate.callbacks:
        fitted.append(f"callbacks=[{', '.join(rate.callbacks)}]")
    return [
        'model = keras.Sequential([keras.layers.Dense(2, activation="softmax")])  # put your model here',
        *call("model.compile", compiled),
        "images = np.random.randn(32 * steps_per_epoch, 8)  # put your images here, and their labels",
        "labels = np.random.randint(2, size=len(images))",
        *call("model.fit", fitted),
    ]


def by_call(composition: Composition, used: Floats) -> Floats:
    """The LR after 0, 1, ... calls, shape (calls,), out of that of every update."""
    steps = composition.steps_per_epoch
    warm = warmup_updates(composition.schedule.warmup, steps)
    after = used[warm:]
    if composition.schedule.interval == "step":
        return after
    return np.concatenate([after[:1], after[steps - warm % steps :: steps]])[: composition.calls]
