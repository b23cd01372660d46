"""The PyTorch code of a schedule is run as it stands; every update must use the LR and the momentum of the curve."""

from __future__ import annotations

import ast
import inspect
import os
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from torch.optim import lr_scheduler
from torch.optim.optimizer import register_optimizer_step_pre_hook

from lrlab.errors import LabError
from lrlab.schedules import (
    CATALOGUE,
    Composition,
    Fixed,
    ReduceLROnPlateau,
    ScheduleSpec,
    json_code,
    pytorch_code,
    starting,
)
from tests.schedules import strategies

EPOCHS, STEPS = 5, 3
EXAMPLES = 400 if os.environ.get("LRLAB_LONG") == "1" else 25
WARMUPS = {
    "no warm-up": None,
    "warm-up of whole epochs": {"length": 2, "unit": "epoch", "start_factor": 0.1},
    "warm-up that ends within an epoch": {"length": 7, "unit": "step", "start_factor": 0.0},
    "warm-up longer than the run": {"length": 100, "unit": "epoch", "start_factor": 0.5},
}
GROUPS = [{"name": "body", "multiplier": 0.1}, {"name": 'the "head"', "lr": 0.03}, {"name": "rest", "multiplier": 1.0}]


def composed(scheduler: Any, interval: str = "epoch", warmup: Any = None, **around: Any) -> Composition:
    schedule = {"interval": interval, "scheduler": scheduler, "warmup": warmup}
    return Composition.model_validate(
        {"lr": 0.1, "epochs": EPOCHS, "steps_per_epoch": STEPS, "schedule": schedule, **around}
    )


def run(code: str) -> tuple[np.ndarray, np.ndarray]:
    """LR and momentum of every optimiser update that `code` makes, shape (updates, groups) each."""
    lrs: list[list[float]] = []
    momenta: list[list[float]] = []

    def look(optimizer: torch.optim.Optimizer, _args: Any, _kwargs: Any) -> None:
        groups = optimizer.param_groups
        lrs.append([group["lr"] for group in groups])
        momenta.append([group["betas"][0] if "betas" in group else group["momentum"] for group in groups])

    hook = register_optimizer_step_pre_hook(look)
    torch.manual_seed(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            if code.count("SequentialLR(") + code.count("ChainedScheduler(") > 1:
                # torch's own building of a nest steps a scheduler and takes that for the loop's fault.
                warnings.filterwarnings("ignore", "Detected call of")
            exec(compile(code, "the code shown", "exec"), {"__name__": "__main__"})
    finally:
        hook.remove()
    return np.array(lrs), np.array(momenta)


def assert_runs_as_drawn(composition: Composition, optimizer: str = "Adam", logged: list[float] | None = None) -> None:
    base = composition.curve(logged)
    curves = [curve for _, curve in composition.group_curves(logged)] or [base]
    lrs, momenta = run(pytorch_code(composition, optimizer, logged))
    assert lrs.shape == (composition.updates, len(curves))
    for group, curve in enumerate(curves):
        # The curve takes torch's traces of rounding below 0 as 0.
        assert_allclose(lrs[:, group], curve.lr, rtol=1e-9, atol=1e-12 * curve.lr.max())
        if curve.momentum is None:
            assert (momenta == 0.9).all()
        else:
            assert_allclose(momenta[:, group], curve.momentum, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("warmup", WARMUPS)
@pytest.mark.parametrize(
    ("name", "interval"), [(entry.name, interval) for entry in CATALOGUE.values() for interval in entry.intervals]
)
def test_every_scheduler(name: str, interval: Any, warmup: str) -> None:
    scheduler = starting(name, interval, EPOCHS, STEPS, lr=0.1)
    assert_runs_as_drawn(composed(scheduler, interval, WARMUPS[warmup]), "SGD")


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_scheduler_on_several_groups(name: str) -> None:
    scheduler = starting(name, "epoch", EPOCHS, STEPS, lr=0.1)
    assert_runs_as_drawn(composed(scheduler, groups=GROUPS, warmup=WARMUPS["warm-up that ends within an epoch"]))


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "AdamW"])
def test_every_optimiser(optimizer: str) -> None:
    step = composed({"name": "StepLR", "step_size": 1, "gamma": 0.5}, lr=0.004, epochs=3, steps_per_epoch=2)
    code = pytorch_code(step, optimizer)
    assert f"torch.optim.{optimizer}(" in code
    assert_allclose(run(code)[0][:, 0], [0.004, 0.004, 0.002, 0.002, 0.001, 0.001])
    cycle = composed({"name": "OneCycleLR", "max_lr": 0.3, "total_steps": 15}, "step")
    assert_runs_as_drawn(cycle, optimizer)


around = {
    "interval": st.sampled_from(["epoch", "step"]),
    "warmup": st.one_of(st.none(), strategies.warmups),
    "lr": strategies.rates_above_zero,
    "steps_per_epoch": st.integers(1, 12),
    "updates": st.integers(1, 60),
    "groups": st.sampled_from([[], GROUPS]),
    "optimizer": st.sampled_from(["SGD", "Adam"]),
}
KINDS = {
    **{
        name: kind.map(lambda found, name=name: {"name": name, **found}) for name, kind in strategies.PARAMETERS.items()
    },
    "SequentialLR": strategies.sequential,
    "ChainedScheduler": strategies.chained,
}


@pytest.mark.parametrize("name", KINDS)
def test_every_scheduler_on_random_settings(name: str) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(scheduler=KINDS[name], **around)
    def check(
        scheduler: Any, interval: str, warmup: Any, lr: float, steps_per_epoch: int, updates: int, groups: Any,
        optimizer: str,
    ) -> None:  # fmt: skip
        composition = composed(
            scheduler, interval, warmup, lr=lr, epochs=max(1, updates // steps_per_epoch),
            steps_per_epoch=steps_per_epoch, groups=groups,
        )  # fmt: skip
        try:
            curves = [composition.curve(), *(curve for _, curve in composition.group_curves())]
        except LabError:
            assume(False)
        # Adam itself fails on a beta1 outside of [0, 1), which a CyclicLR with a gamma above 1 would set.
        assume(all(one.momentum is None or ((one.momentum >= 0) & (one.momentum < 1)).all() for one in curves))
        assert_runs_as_drawn(composition, optimizer)

    check()


PLATEAU = {"name": "ReduceLROnPlateau", "patience": 1, "factor": 0.5, "min_lr": 0.01, "threshold": 0.05}


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("mode", ["min", "max"])
def test_a_plateau_is_fed_the_metric_of_its_preview(mode: str, noise: float) -> None:
    metric = {"kind": "synthetic", "start": 1.0, "floor": 0.9 if mode == "min" else 1.1, "noise": noise, "seed": 3}
    composition = composed({**PLATEAU, "mode": mode}, epochs=20, metric=metric, groups=GROUPS)
    assert len(np.unique(composition.curve().lr)) > 2
    assert_runs_as_drawn(composition)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(parameters=strategies.plateau, metrics=strategies.metrics, warmup=st.one_of(st.none(), strategies.warmups))
def test_a_plateau_on_a_logged_metric(parameters: Any, metrics: list[float], warmup: Any) -> None:
    logged = {"kind": "logged", "run": "a run"}
    scheduler = {"name": "ReduceLROnPlateau", **parameters}
    composition = composed(scheduler, "epoch", warmup, epochs=30, steps_per_epoch=2, metric=logged)
    assert_runs_as_drawn(composition, "SGD", metrics)


@pytest.mark.parametrize(("mode", "measured"), [("min", "cross_entropy(model(images)"), ("max", "argmax(1) == labels")])
def test_a_plateau_without_the_logged_metric_measures_the_stand_in(mode: str, measured: str) -> None:
    code = pytorch_code(composed({**PLATEAU, "mode": mode}, metric={"kind": "logged", "run": "a run"}))
    assert measured in code
    assert len(run(code)[0]) == EPOCHS * STEPS


def test_a_phase_after_the_run_is_built_within_its_range() -> None:
    late = {"name": "LambdaLR", "formula": "1 - t"}
    nest = {"name": "SequentialLR", "milestones": [9], "schedulers": [{"name": "Fixed"}, late]}
    assert "lambda epoch: 1 - (min((epoch + 9) / 5, 1))" in pytorch_code(composed(nest))
    assert_runs_as_drawn(composed(nest))


READABLE = {
    "a formula": (
        {"name": "LambdaLR", "formula": "0.65 ** epoch"}, "epoch",
        "LambdaLR(optimizer, lr_lambda=lambda epoch: 0.65 ** epoch)\n",
    ),
    "a formula per step": (
        {"name": "LambdaLR", "formula": "0.65 ** step"}, "step", "lr_lambda=lambda step: 0.65 ** step)\n",
    ),
    "the share of the run": (
        {"name": "LambdaLR", "formula": "cos(t) / total"}, "epoch", "lambda epoch: math.cos(epoch / 5) / 5)\n",
    ),
    "steps counted per epoch": (
        {"name": "LambdaLR", "formula": "1 / (1 + step)"}, "epoch", "lambda epoch: 1 / (1 + (epoch * steps_per_epoch)",
    ),
    "what is at torch's default": (
        {"name": "OneCycleLR", "max_lr": 0.1, "total_steps": 15}, "step",
        "OneCycleLR(optimizer, max_lr=0.1, total_steps=15, pct_start=0.3)\n",
    ),
    "a nest": (
        {"name": "SequentialLR", "milestones": [2],
         "schedulers": [{"name": "LinearLR", "total_iters": 2}, {"name": "Fixed"}]}, "epoch",
        "scheduler1 = LinearLR(optimizer, start_factor=0.3333333333333333, end_factor=1.0, total_iters=2)\n"
        "scheduler2 = ConstantLR(optimizer, factor=1.0, total_iters=0)\n"
        "scheduler = SequentialLR(optimizer, schedulers=[scheduler1, scheduler2], milestones=[2])\n",
    ),
    "once an epoch": (
        {"name": "StepLR", "step_size": 2}, "epoch",
        "        optimizer.step()\n    scheduler.step()  # once an epoch, after its last update\n",
    ),
    "every step": (
        {"name": "StepLR", "step_size": 2}, "step",
        "        optimizer.step()\n        scheduler.step()  # after every update\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", READABLE)
def test_it_reads_as_a_person_would_write_it(case: str) -> None:
    scheduler, interval, text = READABLE[case]
    assert text in pytorch_code(composed(scheduler, interval))


def test_lists_for_each_group_are_scaled_from_the_base_lr() -> None:
    cycle = {"name": "CyclicLR", "base_lr": 0.01, "max_lr": 0.3, "step_size_up": 3}
    code = pytorch_code(composed(cycle, "step", groups=GROUPS))
    assert "base_lr=[0.001, 0.003, 0.01]" in code
    assert "max_lr=[0.03, 0.09, 0.3]" in code


def test_only_what_is_needed_is_written() -> None:
    plain = pytorch_code(composed({"name": "Fixed"}))
    assert "scheduler" not in plain
    assert "warmup" not in plain
    assert "import math" not in plain
    assert "numpy" not in plain


@pytest.mark.parametrize("name", ['")\nprint("out")#', "'\"\\\n", "\u2028", "{x}", "值"])
def test_a_groups_name_stays_text(name: str) -> None:
    code = pytorch_code(composed({"name": "Fixed"}, groups=[{"name": name, "multiplier": 1.0}]))
    names = [node.values[0].value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Dict)]  # type: ignore[attr-defined]
    assert names == [name]


def test_what_is_left_out_is_torchs_default() -> None:
    for name in ("CyclicLR", "OneCycleLR", "ReduceLROnPlateau", "StepLR", "LinearLR", "ConstantLR", "PolynomialLR"):
        known = inspect.signature(getattr(lr_scheduler, name)).parameters
        specified = type(starting(name, "epoch", EPOCHS, STEPS)).model_fields
        for field in specified.keys() & known.keys():
            if known[field].default is not inspect.Parameter.empty:
                assert specified[field].default == known[field].default, f"{name}.{field}"


def test_another_optimiser_is_refused() -> None:
    with pytest.raises(LabError, match=r"optimizer: got 'Adam\(\)', allowed: SGD, Adam, AdamW"):
        pytorch_code(Composition(), optimizer="Adam()")


@pytest.mark.parametrize("warmup", WARMUPS)
@pytest.mark.parametrize("name", CATALOGUE)
def test_json_gives_the_schedule_back(name: str, warmup: str) -> None:
    composition = composed(starting(name, "epoch", EPOCHS, STEPS), "epoch", WARMUPS[warmup])
    text = json_code(composition)
    assert ScheduleSpec.model_validate_json(text) == composition.schedule
    assert "null" not in text


def test_json_is_written_as_documented() -> None:
    assert json_code(Composition(schedule=ScheduleSpec(scheduler=ReduceLROnPlateau()))).startswith(
        '{\n  "interval": "epoch",\n  "scheduler": {\n    "name": "ReduceLROnPlateau",\n    "mode": "min",\n'
    )
    assert json_code(Composition(schedule=ScheduleSpec(scheduler=Fixed()))) == (
        '{\n  "interval": "epoch",\n  "scheduler": {\n    "name": "Fixed"\n  }\n}\n'
    )
