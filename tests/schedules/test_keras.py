"""The Keras code of a schedule gives every update the LR of the curve: in a stand-in for Keras, and in Keras itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from lrlab.errors import LabError
from lrlab.schedules import CATALOGUE, PRESETS, RECIPES, Composition, ReduceLROnPlateau, keras_code, starting
from tests.schedules import keras_stand_in, strategies
from tests.schedules.test_code import EPOCHS, GROUPS, KINDS, STEPS, WARMUPS, composed

EXAMPLES = 1000 if os.environ.get("LRLAB_LONG") == "1" else 50


def assert_as_drawn(composition: Composition) -> None:
    drawn = composition.curve().lr
    assert_allclose(keras_stand_in.run(keras_code(composition)), drawn, rtol=1e-6, atol=1e-6 * drawn.max())


@pytest.mark.parametrize("warmup", WARMUPS)
@pytest.mark.parametrize(
    ("name", "interval"),
    [
        (entry.name, interval)
        for entry in CATALOGUE.values()
        for interval in entry.intervals
        if entry.name != "ReduceLROnPlateau"
    ],
)
def test_every_scheduler(name: str, interval: Any, warmup: str) -> None:
    assert_as_drawn(composed(starting(name, interval, EPOCHS, STEPS, lr=0.1), interval, WARMUPS[warmup]))


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe(recipe: str) -> None:
    schedule = RECIPES[recipe].expand({}, 12, 7, 0.1)
    assert_as_drawn(Composition(lr=0.1, epochs=12, steps_per_epoch=7, schedule=schedule))


@pytest.mark.parametrize(
    "preset", [one for one in PRESETS if one.composition.updates < 100_000], ids=lambda one: one.name
)
def test_every_preset(preset: Any) -> None:
    if not isinstance(preset.composition.schedule.scheduler, ReduceLROnPlateau):
        assert_as_drawn(preset.composition)


@pytest.mark.parametrize("name", KINDS)
def test_every_scheduler_on_random_settings(name: str) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        scheduler=KINDS[name],
        interval=st.sampled_from(["epoch", "step"]),
        warmup=st.one_of(st.none(), strategies.warmups),
        lr=strategies.rates_above_zero,
        steps_per_epoch=st.integers(1, 12),
        updates=st.integers(1, 200),
    )
    def check(scheduler: Any, interval: str, warmup: Any, lr: float, steps_per_epoch: int, updates: int) -> None:
        composition = composed(
            scheduler, interval, warmup, lr=lr, epochs=max(1, updates // steps_per_epoch),
            steps_per_epoch=steps_per_epoch,
        )  # fmt: skip
        try:
            composition.curve()
        except LabError:
            assume(False)
        assert_as_drawn(composition)

    check()


def nest(*milestones: int, of: Any) -> dict[str, Any]:
    return {"name": "SequentialLR", "milestones": list(milestones), "schedulers": of}


def product(*schedulers: Any) -> dict[str, Any]:
    return {"name": "ChainedScheduler", "schedulers": list(schedulers)}


STEP, LINEAR = {"name": "StepLR", "step_size": 2, "gamma": 0.5}, {"name": "LinearLR", "total_iters": 3}
COSINE = {"name": "CosineAnnealingLR", "T_max": 12, "eta_min": 0.01}
ONE_CYCLE = {"name": "OneCycleLR", "max_lr": 0.3, "total_steps": 15}
FORMULA = {"name": "LambdaLR", "formula": "1 - t / 2 if epoch < 9 else 0.1"}
TABLE = {"name": "LambdaLR", "table": {"points": [[1, 0.1], [4, 1], [9, 0.01]], "scale": "log"}}
NESTS = {
    "warm-up and cosine": nest(3, of=[LINEAR, COSINE]),
    "three phases": nest(3, 8, of=[LINEAR, {"name": "Fixed"}, FORMULA]),
    "a nest first": nest(6, of=[product(STEP, LINEAR), TABLE]),
    "a product": product(STEP, {**LINEAR, "total_iters": 6}),
    "a product in which one sets the LR": product(STEP, FORMULA, {"name": "ExponentialLR", "gamma": 0.9}),
    "a factor of its own": nest(4, of=[{"name": "MultiplicativeLR", "formula": "0.9"}, TABLE]),
    "schedulers that disturb one another": nest(3, of=[LINEAR, ONE_CYCLE]),
    "a cosine that does not end at 0 in a product": product({**STEP, "gamma": 0.9}, COSINE),
}


@pytest.mark.parametrize("warmup", WARMUPS)
@pytest.mark.parametrize("interval", ["epoch", "step"])
@pytest.mark.parametrize("case", NESTS)
def test_nests(case: str, interval: str, warmup: str) -> None:
    assert_as_drawn(composed(NESTS[case], interval, WARMUPS[warmup]))


def test_a_long_nest_without_a_formula_is_refused() -> None:
    disturbed = NESTS["schedulers that disturb one another"]
    long = {**disturbed, "schedulers": [LINEAR, {**ONE_CYCLE, "total_steps": 1000}]}
    with pytest.raises(LabError, match="keras: in this nest torch's schedulers disturb one another") as caught:
        keras_code(composed(long, "step", steps_per_epoch=200))
    assert caught.value.field == "scheduler"
    assert "listed = [" in keras_code(composed(disturbed))


WRITTEN = {
    "StepLR": (STEP, "epoch", None, "ExponentialDecay(\n    lr,\n    decay_steps=2 * steps_per_epoch,\n"),
    "StepLR per step": (STEP, "step", None, "    decay_steps=2,\n    decay_rate=0.5,\n    staircase=True,\n"),
    "ExponentialLR per step": (
        {"name": "ExponentialLR", "gamma": 0.9}, "step", None,
        "ExponentialDecay(lr, decay_steps=3, decay_rate=0.9 ** 3)\n",
    ),
    "MultiStepLR": (
        {"name": "MultiStepLR", "milestones": [2, 4]}, "epoch", None,
        "    boundaries=[2 * steps_per_epoch - 1, 4 * steps_per_epoch - 1],\n    values=[0.1, 0.01, 0.001],\n",
    ),
    "LinearLR": ({**LINEAR, "start_factor": 0.1}, "step", None, "    0.1 * lr,\n    decay_steps=3,\n"),
    "LinearLR per epoch": (LINEAR, "epoch", None, "keras.callbacks.LearningRateScheduler(lr_at)"),
    "PolynomialLR": ({"name": "PolynomialLR", "total_iters": 9, "power": 2}, "step", None, "power=2.0"),
    "CosineAnnealingLR": ({**COSINE, "T_max": 15}, "step", None, "CosineDecay(lr, decay_steps=15, alpha=0.01 / lr)"),
    "CosineAnnealingLR that climbs again": (
        {**COSINE, "T_max": 5}, "step", None, "(1 + math.cos(math.pi * step / 5)) / 2",
    ),
    "CosineAnnealingLR after a warm-up": (
        COSINE, "step", {"length": 3, "unit": "step"}, "warmup_target=lr,\n    warmup_steps=3,\n",
    ),
    "WarmRestarts": (
        {"name": "CosineAnnealingWarmRestarts", "T_0": 5}, "step", None,
        "CosineDecayRestarts(\n    lr,\n    first_decay_steps=5,\n",
    ),
    "WarmRestarts that grow": (
        {"name": "CosineAnnealingWarmRestarts", "T_0": 2, "T_mult": 2}, "step", None,
        "    while step >= start + length:\n        start, length = start + length, 2 * length\n",
    ),
    "a formula": ({"name": "LambdaLR", "formula": "0.65 ** epoch"}, "epoch", None, "return lr * (0.65 ** epoch)\n"),
    "a fixed LR": ({"name": "Fixed"}, "epoch", None, "keras.optimizers.Adam(learning_rate=lr)"),
    "once an epoch": (LINEAR, "epoch", None, "LearningRateScheduler(lr_at)  # asked once an epoch\n"),
    "at every update": (ONE_CYCLE, "step", None, '    """The LR of each update."""\n'),
}  # fmt: skip


@pytest.mark.parametrize("case", WRITTEN)
def test_it_reads_as_a_person_would_write_it(case: str) -> None:
    scheduler, interval, warmup, text = WRITTEN[case]
    assert text in keras_code(composed(scheduler, interval, warmup))


PLATEAU = {"name": "ReduceLROnPlateau", "threshold_mode": "abs", "eps": 0.0}


@settings(max_examples=EXAMPLES * 4, deadline=None)
@given(
    mode=st.sampled_from(["min", "max"]),
    factor=st.floats(0, 0.95),
    patience=st.integers(0, 4),
    threshold=st.floats(0, 0.5),
    cooldown=st.integers(0, 4),
    min_lr=st.sampled_from([0.0, 0.01, 0.5]),
    metrics=st.lists(st.one_of(st.floats(-2, 2), st.just(float("nan"))), min_size=60, max_size=60),
)
def test_a_plateau_cuts_when_torchs_does(metrics: list[float], **parameters: Any) -> None:
    """Keras's patience and cooldown count otherwise; with an absolute threshold the result is the same."""
    logged = {"kind": "logged", "run": "a run"}
    composition = composed({**PLATEAU, **parameters}, epochs=60, steps_per_epoch=2, metric=logged)
    code = keras_code(composition)
    assert "DIFFERS" not in code
    assert_allclose(keras_stand_in.run(code, metrics), composition.curve(metrics).lr, rtol=1e-9)


def test_a_warm_up_before_a_plateau_rises_once_an_epoch() -> None:
    for warmup in ({"length": 2}, {"length": 7, "unit": "step"}):
        composition = composed({**PLATEAU, "patience": 9}, "epoch", {**warmup, "start_factor": 0.0})
        code = keras_code(composition)
        assert "# DIFFERS: beside ReduceLROnPlateau" in code
        used = np.array(keras_stand_in.run(code, [1.0] * EPOCHS))[::STEPS]
        assert_allclose(used, composition.curve().lr[::STEPS])


DIFFERS = {
    "a relative threshold": ({**PLATEAU, "threshold_mode": "rel"}, {}, "val_loss is less than the best by 0.0001 of"),
    "and an accuracy": ({**PLATEAU, "threshold_mode": "rel", "mode": "max"}, {}, "val_accuracy is more than"),
    "small cuts": ({**PLATEAU, "eps": 1e-8}, {}, "cuts that change the LR by 1e-08 or less"),
    "momentum": (ONE_CYCLE, {}, "torch moves the momentum"),
    "momentum in a nest": (nest(3, of=[LINEAR, ONE_CYCLE]), {}, "torch moves the momentum"),
    "groups": (STEP, {"groups": GROUPS}, 'the parameter groups are left out: "body", '),
}  # fmt: skip


@pytest.mark.parametrize("case", DIFFERS)
def test_what_keras_cannot_say_is_told(case: str) -> None:
    scheduler, around, words = DIFFERS[case]
    code = keras_code(composed(scheduler, **around))
    assert f"{words}" in code
    assert "# DIFFERS: " in code


def test_a_groups_name_cannot_leave_its_comment() -> None:
    code = keras_code(composed(STEP, groups=[{"name": "a\nprint('out')\r\u2028\x0c", "multiplier": 1.0}]))
    assert not any(line.startswith("print") for line in code.splitlines())


def test_what_torch_refuses_is_refused() -> None:
    with pytest.raises(LabError, match="OneCycleLR"):
        keras_code(composed(ONE_CYCLE, "step", steps_per_epoch=30))


STARTING = {name: starting(name, "step", EPOCHS, STEPS, lr=0.1) for name in CATALOGUE if name != "ReduceLROnPlateau"}
RISE = {"length": 4, "unit": "step"}
IN_KERAS = {
    **{f"{name} per step": (scheduler, "step", None) for name, scheduler in STARTING.items()},
    **{f"{name} per epoch": (STARTING[name], "epoch", None) for name in ("StepLR", "LinearLR", "MultiStepLR")},
    **{f"{name} after a warm-up": (STARTING[name], "epoch", RISE) for name in ("StepLR", "LinearLR", "Fixed")},
    "a cosine after a warm-up": (COSINE, "step", RISE),
    "a plateau": ({**PLATEAU, "patience": 0, "threshold": 1e9, "cooldown": 2}, "epoch", None),
    "a plateau after a warm-up": ({**PLATEAU, "patience": 9}, "epoch", {"length": 2}),
}
"""In Keras itself, one script for all: importing it takes seconds."""

WATCH = """
import keras
class Watch(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        used.append(float(self.model.optimizer.learning_rate))
fit = keras.Sequential.fit
def watched(self, *given, callbacks=(), **rest):
    fit(self, *given, callbacks=[*callbacks, Watch()], verbose=0, **rest)
keras.Sequential.fit = watched
import json, sys
answers = {}
for name, code in json.load(sys.stdin).items():
    used = []
    exec(compile(code, name, "exec"), {"__name__": "__main__"})
    answers[name] = used
print(json.dumps(answers))
"""


def test_in_keras_itself() -> None:
    made = {name: composed(*given) for name, given in IN_KERAS.items()}
    codes = {name: keras_code(one) for name, one in made.items()}
    environment = {**os.environ, "KERAS_BACKEND": os.environ.get("KERAS_BACKEND", "torch")}
    done = subprocess.run(
        [sys.executable, "-c", WATCH], input=json.dumps(codes), capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers = json.loads(done.stdout.splitlines()[-1])
    for name, one in made.items():
        drawn = one.curve([1.0] * EPOCHS).lr
        if name == "a plateau after a warm-up":
            drawn = np.repeat(drawn[::STEPS], STEPS)
        assert_allclose(answers[name], drawn, rtol=1e-5, atol=1e-6 * drawn.max(), err_msg=name)
