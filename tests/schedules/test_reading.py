"""Pasted code gives the schedule and the parameter groups that it says, in every form in which people write it."""

from __future__ import annotations

from typing import Any

import pytest

from lrlab.errors import LabError
from lrlab.schedules import ScheduleSpec
from tests.schedules.reading import read, scheduler


def step(size: Any, gamma: Any = None) -> dict[str, Any]:
    return {"name": "StepLR", "step_size": size} | ({} if gamma is None else {"gamma": gamma})


WARM_UP = {"name": "LinearLR", "start_factor": 0.1, "total_iters": 5}
EXPRESSIONS = {
    # the forms that tutorials paste
    "StepLR(optimizer, step_size=5, gamma=0.5)": step(5, 0.5),
    "scheduler = StepLR(optimizer, step_size=5, gamma=0.5)": step(5, 0.5),
    "lr_scheduler.StepLR(optimizer, 5, 0.5)": step(5, 0.5),
    "optim.lr_scheduler.StepLR(optimizer, 5, gamma=0.5)": step(5, 0.5),
    "torch.optim.lr_scheduler.StepLR(optimizer, 5)": step(5),
    "self.scheduler = lr_scheduler.StepLR(self.optimizer, step_size=7)": step(7),
    "exp_lr_scheduler = lr_scheduler.StepLR(optimizer_ft, step_size=7, gamma=0.1)": step(7, 0.1),
    "from torch.optim.lr_scheduler import StepLR as S\ns = S(opt, 3)": step(3),
    "import torch.optim.lr_scheduler as sched\ns = sched.StepLR(opt, 3)": step(3),
    "    scheduler = StepLR(\n        optimizer,\n        step_size=5,  # epochs\n    )\n": step(5),
    ">>> # the documentation\n>>> scheduler = StepLR(optimizer, step_size=30, gamma=0.1)\n": step(30, 0.1),
    "```python\nStepLR(optimizer, 4)\n```": step(4),
    "%matplotlib inline\n!pip install torch\nStepLR(optimizer, 4)": step(4),
    "StepLR(optimizer, step_size=4),": step(4),
    "return [optimizer], [StepLR(optimizer, 4)]".replace("return ", "x = "): step(4),
    "\ufeffStepLR(optimizer,\u00a0step_size=4)": step(4),
    # numbers
    "StepLR(optimizer, step_size=2 * 30, gamma=1e-3 / 10)": step(60, 1e-4),
    "StepLR(optimizer, step_size=(10 + 2) // 5 ** 1, gamma=-(-0.5))": step(2, 0.5),
    "StepLR(optimizer, step_size=int(0.25 * 41), gamma=max(0.1, 0.2))": step(10, 0.2),
    "n = 3\nn, g = 4, 0.3\nStepLR(optimizer, n, g)": step(4, 0.3),
    "n = 3\nn += 1\nStepLR(optimizer, n)": step(4),
    'config = {"step": 3}\nStepLR(optimizer, config["step"])': step(3),
    "class Config:\n    step = 3\nStepLR(optimizer, Config.step)": step(3),
    "args.step = 3\nStepLR(optimizer, args.step)": step(3),
    "ExponentialLR(optimizer, gamma=math.sqrt(0.81))": {"name": "ExponentialLR", "gamma": 0.9},
    "CosineAnnealingLR(optimizer, 1e2, eta_min=0)": {"name": "CosineAnnealingLR", "T_max": 100, "eta_min": 0.0},
    "MultiStepLR(optimizer, milestones=[30, 80], gamma=0.1)": {
        "name": "MultiStepLR", "milestones": [30, 80], "gamma": 0.1,
    },
    "MultiStepLR(optimizer, (80, 30))": {"name": "MultiStepLR", "milestones": [30, 80]},
    "MultiStepLR(optimizer, list(range(10, 40, 10)))": {"name": "MultiStepLR", "milestones": [10, 20, 30]},
    "epochs = 40\nMultiStepLR(optimizer, [int(epochs * 0.5), int(epochs * 0.75)])": {
        "name": "MultiStepLR", "milestones": [20, 30],
    },
    # every class, by position as torch has it
    "ConstantLR(optimizer, 0.5, 4)": {"name": "ConstantLR", "factor": 0.5, "total_iters": 4},
    "LinearLR(optimizer, 0.1, 0.9, 7)": {
        "name": "LinearLR", "start_factor": 0.1, "end_factor": 0.9, "total_iters": 7,
    },
    "PolynomialLR(optimizer, 7, 2.0)": {"name": "PolynomialLR", "total_iters": 7, "power": 2.0},
    "CosineAnnealingWarmRestarts(optimizer, 10, 2, 0.01)": {
        "name": "CosineAnnealingWarmRestarts", "T_0": 10, "T_mult": 2, "eta_min": 0.01,
    },
    'CyclicLR(optimizer, 0.01, 0.1, 5, None, "triangular2", cycle_momentum=False)': {
        "name": "CyclicLR", "base_lr": 0.01, "max_lr": 0.1, "step_size_up": 5, "mode": "triangular2",
        "cycle_momentum": False,
    },
    "OneCycleLR(optimizer, 0.1, 600, anneal_strategy='linear', three_phase=True)": {
        "name": "OneCycleLR", "max_lr": 0.1, "total_steps": 600, "anneal_strategy": "linear", "three_phase": True,
    },
    "OneCycleLR(optimizer, max_lr=[0.1], epochs=20, steps_per_epoch=30)": {
        "name": "OneCycleLR", "max_lr": 0.1, "epochs": 20, "steps_per_epoch": 30,
    },
    "ReduceLROnPlateau(optimizer, 'max', 0.5, 3, min_lr=1e-6)": {
        "name": "ReduceLROnPlateau", "mode": "max", "factor": 0.5, "patience": 3, "min_lr": 1e-6,
    },
    "SequentialLR(optimizer, [LinearLR(optimizer, 0.1, total_iters=5), StepLR(optimizer, 9)], [5])": {
        "name": "SequentialLR", "schedulers": [WARM_UP, step(9)], "milestones": [5],
    },
    "a = LinearLR(o, 0.1, total_iters=5)\nb = StepLR(o, 9)\ns = ChainedScheduler([a, b], optimizer=o)": {
        "name": "ChainedScheduler", "schedulers": [WARM_UP, step(9)],
    },
    "warm = LinearLR(o, 0.1, total_iters=5)\nmain = ChainedScheduler([StepLR(o, 9)])\n"
    "s = SequentialLR(o, schedulers=[main, warm], milestones=[10 * 2])": {
        "name": "SequentialLR", "milestones": [20],
        "schedulers": [{"name": "ChainedScheduler", "schedulers": [step(9)]}, WARM_UP],
    },
    # functions of the call
    "LambdaLR(optimizer, lr_lambda=lambda epoch: 0.65 ** epoch)": {"name": "LambdaLR", "formula": "0.65 ** epoch"},
    "LambdaLR(optimizer, lambda e: 0.95 ** e)": {"name": "LambdaLR", "formula": "0.95 ** epoch"},
    "LambdaLR(optimizer, [lambda e: 0.95 ** e])": {"name": "LambdaLR", "formula": "0.95 ** epoch"},
    "lmbda = lambda epoch: 0.95\ns = MultiplicativeLR(optimizer, lr_lambda=lmbda)": {
        "name": "MultiplicativeLR", "formula": "0.95",
    },
    "g = 0.9\nf = lambda x: g ** (x // 10)\nLambdaLR(optimizer, f)": {
        "name": "LambdaLR", "formula": "0.9 ** (epoch // 10)",
    },
    "LambdaLR(optimizer, lambda i: 1 if i < 5 else 1 + math.cos(math.pi * i / 40))": {
        "name": "LambdaLR", "formula": "1 if epoch < 5 else 1 + cos(pi * epoch / 40)",
    },
    "LambdaLR(optimizer, lambda i: 0.1 ** int(i / 30))": {"name": "LambdaLR", "formula": "0.1 ** floor(epoch / 30)"},
    "m = -2\nLambdaLR(optimizer, lambda i: (1 + i) ** m)": {"name": "LambdaLR", "formula": "(1 + epoch) ** (-2)"},
    "def f(step):\n    'the factor'\n    if step < 10:\n        return step / 10\n    elif step < 20: return 1\n"
    "    rest = step - 20\n    return 0.9 ** rest\nLambdaLR(optimizer, f)": {
        "name": "LambdaLR", "formula": "epoch / 10 if epoch < 10 else 1 if epoch < 20 else 0.9 ** (epoch - 20)",
    },
    "LambdaLR(opt, lambda e: np.interp([e], [0, 15, 30], [0, 1, 0.05])[0])": {
        "name": "LambdaLR", "table": {"points": [[0.0, 0.0], [15.0, 1.0], [30.0, 0.05]]},
    },
}  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions(text: str) -> None:
    expected = EXPRESSIONS[text]
    assert ScheduleSpec.model_validate({"scheduler": scheduler(text)}) == ScheduleSpec.model_validate(
        {"scheduler": expected}
    )


GROUPED = {
    "numbers": (
        '[{"params": model.body.parameters(), "lr": 1e-4}, {"params": model.head.parameters()}], lr=1e-2', 0.01,
        [{"name": "model.body", "lr": 1e-4}, {"name": "model.head", "multiplier": 1.0}],
    ),
    "shares of a name": (
        '[{"params": a, "lr": lr / 10}, {"params": b, "lr": lr}], lr=lr', 0.02,
        [{"name": "a", "multiplier": 0.1}, {"name": "b", "lr": 0.02}],
    ),
    "names": (
        '[{"name": "body", "params": a, "lr": 0.1}, {"name": "body", "params": b, "lr": 0.2}]', 0.2,
        [{"name": "body", "lr": 0.1}, {"name": "body 1", "lr": 0.2}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GROUPED)
def test_parameter_groups_are_read(case: str) -> None:
    arguments, lr, groups = GROUPED[case]
    reading = read(f"lr = 0.02\noptimizer = torch.optim.AdamW({arguments})\nStepLR(optimizer, 3)")
    assert reading.lr == pytest.approx(lr)
    assert [group.model_dump(exclude_none=True) for group in reading.groups] == groups


def test_lists_for_each_group_are_read_where_they_are_in_proportion() -> None:
    groups = "optimizer = SGD([{'params': a, 'lr': 0.01}, {'params': b}], lr=0.1)\n"
    assert scheduler(groups + "OneCycleLR(optimizer, max_lr=[0.03, 0.3], total_steps=600)")["max_lr"] == 0.3
    with pytest.raises(LabError, match=r"max_lr is a list.*allowed: one number"):
        read(groups + "OneCycleLR(optimizer, max_lr=[0.3, 0.3], total_steps=600)")
