"""Pasted code gives the schedule that it says, or a refusal that quotes what is at fault; it is never executed."""

from __future__ import annotations

from typing import Any

import pytest

from lrlab.errors import LabError
from lrlab.schedules import Composition, ScheduleSpec
from tests.schedules.reading import read


def scheduler(text: str, answers: Any = None) -> dict[str, Any]:
    """The scheduler in `text`, in the JSON form, without what is not set."""
    reading = read(text, answers)
    assert reading.spec is not None, reading.questions
    return reading.spec.scheduler.model_dump(exclude_none=True, exclude_unset=True, mode="json") | {
        "name": reading.spec.scheduler.name
    }


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


LOOP = """
for epoch in range({epochs}):
    for batch in loader:
        optimizer.step()
{inner}
{outer}
"""


def script(before: str, inner: str = "", outer: str = "", epochs: str = "12") -> str:
    loop = LOOP.format(epochs=epochs, inner=" " * 8 + (inner or "pass"), outer=" " * 4 + (outer or "pass"))
    return before + loop


OPTIMIZER = "optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)\n"
STEP_LR = OPTIMIZER + "scheduler = StepLR(optimizer, step_size=5)\n"
INTERVALS = {
    "at the end of an epoch": (script(STEP_LR, outer="scheduler.step()"), "epoch"),
    "after every update": (script(STEP_LR, inner="scheduler.step()"), "step"),
    "with a loop in a function that is given the scheduler": (
        STEP_LR + "def train(model, optimizer, scheduler, epochs=25):\n"
        "    for epoch in range(epochs):\n        for x, y in loader:\n            optimizer.step()\n"
        "        scheduler.step()\n",
        "epoch",
    ),
    "with a call that trains": (STEP_LR + "for epoch in range(9):\n    train(epoch)\n    scheduler.step()\n", "epoch"),
    "over epochs by another name": (STEP_LR + "for i in range(epochs):\n    train(i)\n    scheduler.step()", "epoch"),
    "over batches alone": (STEP_LR + "for x, y in train_loader:\n    optimizer.step()\n    scheduler.step()", "step"),
    "one update an epoch": (STEP_LR + "for epoch in range(9):\n    optimizer.step()\n    scheduler.step()", "epoch"),
    "behind a condition": (script(STEP_LR, inner="if batch > 3: scheduler.step()"), "step"),
    "with mixed precision": (
        STEP_LR + "for epoch in range(9):\n  for x in d:\n    scaler.step(optimizer)\n  scheduler.step()", "epoch",
    ),
    "in folds": (
        STEP_LR + "for fold in folds:\n  for epoch in range(9):\n    train()\n    scheduler.step()", "epoch",
    ),
    "OneCycleLR without a loop": ("OneCycleLR(optimizer, 0.1, 600)", "step"),
    "CyclicLR without a loop": ("CyclicLR(optimizer, 0.1, 0.2)", "step"),
    "StepLR without a loop": ("StepLR(optimizer, 3)", "epoch"),
    "Lightning": (
        'return_ = {"optimizer": o, "lr_scheduler": {"scheduler": StepLR(o, 3), "interval": "step"}}', "step",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", INTERVALS)
def test_where_step_is_called_gives_the_interval(case: str) -> None:
    text, interval = INTERVALS[case]
    reading = read(text)
    assert reading.spec is not None
    assert reading.spec.interval == interval
    assumed = any("No loop in the text steps it" in note for note in reading.notes)
    assert assumed == case.endswith("without a loop")


def test_a_whole_script_gives_the_run_too() -> None:
    text = script(
        "num_epochs = 40\n" + OPTIMIZER + "scheduler = CosineAnnealingLR(optimizer, T_max=num_epochs)\n",
        outer="scheduler.step()", epochs="num_epochs",
    )  # fmt: skip
    reading = read(text.replace("in loader", "in range(25)"))
    assert (reading.lr, reading.epochs, reading.steps_per_epoch) == (0.1, 40, 25)
    assert reading.spec is not None
    assert reading.spec.scheduler.model_dump() == {"name": "CosineAnnealingLR", "T_max": 40, "eta_min": 0.0}
    assert reading.notes == ()


def test_fractions_of_epochs_become_steps() -> None:
    """torch's own way of stepping warm restarts within an epoch."""
    text = (
        "scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=3, T_mult=2)\n"
        "iters = len(loader)\nfor epoch in range(20):\n    for i, x in enumerate(loader):\n"
        "        optimizer.step()\n        scheduler.step(epoch + i / iters)\n"
    )
    reading = read(text)
    assert reading.spec is not None
    assert reading.spec.interval == "step"
    assert reading.spec.scheduler.T_0 == 90  # type: ignore[union-attr]
    assert "T_0=3 epochs became 90 steps, at 30 steps an epoch" in reading.notes[0]


def test_schedulers_that_are_stepped_one_after_the_other_are_a_chain() -> None:
    """The example of torch's documentation."""
    text = (
        "optimizer = SGD(model.parameters(), 0.1)\nscheduler1 = ExponentialLR(optimizer, gamma=0.9)\n"
        "scheduler2 = MultiStepLR(optimizer, milestones=[30,80], gamma=0.1)\n"
        "for epoch in range(20):\n    for input, target in dataset:\n        optimizer.zero_grad()\n"
        "        loss.backward()\n        optimizer.step()\n    scheduler1.step()\n    scheduler2.step()\n"
    )
    reading = read(text)
    assert reading.spec is not None
    assert reading.spec.scheduler.name == "ChainedScheduler"
    assert [one.name for one in reading.spec.scheduler.schedulers] == ["ExponentialLR", "MultiStepLR"]  # type: ignore[union-attr]
    assert "`scheduler1` and `scheduler2` are stepped one after the other" in reading.notes[0]


NOTES = {
    "verbose": ("StepLR(optimizer, 3, verbose=True)", "StepLR: verbose was dropped; torch no longer has it."),
    "verbose by position": ("StepLR(optimizer, 3, 0.1, -1, True)", "StepLR: verbose was dropped"),
    "last_epoch": ("StepLR(optimizer, 3, last_epoch=-1)", "last_epoch=-1 was dropped; it is the default."),
    "a resumed schedule": ("StepLR(optimizer, 3, last_epoch=e)", "the schedule is read from its beginning."),
    "set twice": (
        "s = StepLR(optimizer, 3)\ns = StepLR(optimizer, 4)",
        "`s` is set more than once; `StepLR(optimizer, 3)`",
    ),
    "never stepped": (
        script("a = StepLR(optimizer, 3)\nb = StepLR(optimizer, 4)\n", outer="b.step()"),
        "`StepLR(optimizer, 3)` is never stepped in the text and was left out.",
    ),
    "not stepped by the loop": (script(STEP_LR), "never calls the scheduler's step(): there the LR would stay fixed"),
    "stepped too early": (
        "s = StepLR(optimizer, 3)\nfor epoch in range(3):\n    s.step()\n    optimizer.step()\n",
        "`s.step()` stands before `optimizer.step()`: there the first LR would be skipped.",
    ),
    "an LR that is not in the text": (
        "o = Adam(p, lr=args.lr)\nStepLR(o, 3)", "The LR of Adam is `args.lr`, which is not in the text",
    ),
    "an LR that is not given": ("o = Adam(p)\nStepLR(o, 3)", "Adam is given no LR; torch then takes 0.001."),
    "an LR that is set by hand": (
        STEP_LR + "for g in optimizer.param_groups:\n    g['lr'] = 0.1\n",
        "also sets the LR by hand, which is not read",
    ),
    "an order of building": (
        "b = StepLR(o, 3)\na = LinearLR(o)\nSequentialLR(o, [a, b], [4])", "in another order than they are built in",
    ),
    "a plateau within an epoch": (
        script("s = ReduceLROnPlateau(optimizer)\n", inner="s.step(loss)"), "here it is stepped at its end",
    ),
    "no scheduler": (OPTIMIZER, "There is no scheduler in the text: the LR stays what the optimiser is given."),
    "Keras's schedule beside the optimiser": (
        "s = ExponentialDecay(1e-4, 30, 0.92)\nAdam(learning_rate=1e-4)",
        "`Adam(learning_rate=0.0001)` is not given the schedule as its LR: there the LR would stay fixed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NOTES)
def test_what_is_dropped_assumed_or_noticed_is_said(case: str) -> None:
    text, words = NOTES[case]
    assert any(words in note for note in read(text).notes), read(text).notes


QUESTIONS = {
    "OneCycleLR(o, max_lr=0.1, steps_per_epoch=len(dataloader), epochs=10)": {"len(dataloader)": (30, 50)},
    "CosineAnnealingLR(o, T_max=num_epochs)": {"num_epochs": (20, 7)},
    "OneCycleLR(o, 0.1, total_steps=len(train_loader) * epochs)": {"len(train_loader)": (30, 7), "epochs": (20, 3)},
    "CosineAnnealingLR(o, T_max=args.epochs - args.warmup)": {"args.epochs": (20, 9), "args.warmup": (None, 2)},
    "CosineAnnealingLR(o, T_max=cfg['train']['epochs'])": {"cfg['train']['epochs']": (20, 9)},
    "LambdaLR(o, lambda i: min(1, i / warmup))": {"warmup": (None, 4)},
    "LambdaLR(o, lambda i: 1 - i / (num_training_steps + 1))": {"num_training_steps": (600, 500)},
    "MultiStepLR(o, [a, b])": {"a": (None, 3), "b": (None, 5)},
    "SequentialLR(o, [LinearLR(o, total_iters=w), StepLR(o, s)], [w])": {"w": (None, 3), "s": (None, 4)},
    "ExponentialDecay(0.1, decay_steps=steps_per_epoch, decay_rate=0.9)": {"steps_per_epoch": (30, 11)},
    "CosineAnnealingLR(o, T_max=max_iters)": {"max_iters": (600, 11)},
    "StepLR(o, get_size(3))": {"get_size(3)": (None, 4)},
    "def f(o, epochs):\n    return CosineAnnealingLR(o, epochs)": {"epochs": (20, 4)},
    "for size in [1, 2]:\n    s = StepLR(o, size)": {"size": (None, 4)},
}  # fmt: skip


@pytest.mark.parametrize("text", QUESTIONS)
def test_numbers_that_are_not_in_the_text_are_asked_for(text: str) -> None:
    asked = QUESTIONS[text]
    reading = read(text)
    assert reading.spec is None
    assert {question.name: question.proposal for question in reading.questions} == {
        name: proposal for name, (proposal, _) in asked.items()
    }
    for question in reading.questions:
        assert f"`{question.name}`" in question.sentence
    with pytest.raises(LabError, match="How much is"):
        reading.onto(Composition())
    answers = {name: answer for name, (_, answer) in asked.items()}
    first = dict(list(answers.items())[:1])
    assert len(read(text, first).questions) == len(asked) - 1
    answered = read(text, answers)
    assert answered.questions == ()
    assert answered.spec is not None


def test_answers_are_put_where_they_belong() -> None:
    text = "CosineAnnealingLR(o, T_max=len(loader) * epochs - warmup)"
    assert scheduler(text, {"len(loader)": 30, "epochs": 5, "warmup": 10})["T_max"] == 140
    text = "LambdaLR(o, lambda i: min(1, i / warmup))"
    assert scheduler(text, {"warmup": 4})["formula"] == "min(1, epoch / 4)"


@pytest.mark.parametrize("answer", ["30", True, float("nan"), float("inf"), 10**400, None])
def test_answers_are_numbers(answer: Any) -> None:
    with pytest.raises(LabError, match="allowed: a number"):
        read("StepLR(o, n)", {"n": answer})


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


REFUSED = {
    "nothing": ("", "there is nothing in it"),
    "words": ("a step schedule, please", "line 1 is not Python"),
    "half a line": ("x = 3\nStepLR(optimizer, step_size=5", "line 2 is not Python ('(' was never closed): `StepLR("),
    "no scheduler": ("x = 3", "there is no scheduler in it"),
    "a scheduler of another library": (
        "CosineLRScheduler(optimizer, t_initial=3)",
        "`CosineLRScheduler(optimizer, t_initial=3)`",
    ),
    "Keras's callback of a function": (
        "keras.callbacks.LearningRateScheduler(f)",
        "`keras.callbacks.LearningRateScheduler(f)`",
    ),
    "an unknown argument": ("StepLR(optimizer, step=3)", "`StepLR(optimizer, step=3)`: StepLR has no argument 'step'"),
    "an argument twice": ("StepLR(optimizer, 3, step_size=3)", "gives 'step_size' twice"),
    "too many arguments": ("StepLR(optimizer, 3, 0.1, -1, True, 7)", "gives 6 arguments, allowed: at most 5"),
    "a missing argument": ("StepLR(optimizer)", "`StepLR(optimizer)`: step_size: is required"),
    "an argument out of range": (
        "StepLR(optimizer, 0)",
        "`StepLR(optimizer, 0)`: step_size: got 0, allowed: at least 1",
    ),
    "a text for a number": ("StepLR(optimizer, '3x')", "step_size: got '3x', allowed: a whole number"),
    "True for a number": ("StepLR(optimizer, True)", "step_size: got True"),
    "a list for a number": ("StepLR(optimizer, [3])", "step_size is not given in a way that can be read"),
    "a mode that is not in the text": (
        "ReduceLROnPlateau(optimizer, args.mode)",
        "mode is not given in a way that can be read",
    ),
    "arguments out of a dict": ("StepLR(optimizer, **args)", "no argument '**'"),
    "milestones that are computed": ("MultiStepLR(o, [i * 30 for i in range(3)])", "milestones is no list of numbers"),
    "a named function": ("LambdaLR(optimizer, lr_lambda=schedule_fn)", "the function `schedule_fn` is not in the text"),
    "a function from elsewhere": ("LambdaLR(o, partial(f, 3))", "the function `partial(f, 3)` is not in the text"),
    "functions for each group": (
        "LambdaLR(o, [lambda e: e // 30, lambda e: 0.95 ** e])",
        "lr_lambda is a list, a function for each parameter group",
    ),
    "a function of two arguments": ("LambdaLR(o, lambda e, f: e)", "takes 2 arguments"),
    "a function that does more": (
        "def f(e):\n    print(e)\n    return 1\nLambdaLR(o, f)", "`print(e)` in a function of the call is not read",
    ),
    "a function without a value": (
        "def f(e):\n    if e < 3:\n        return 1\nLambdaLR(o, f)",
        "may end without a value",
    ),
    "a formula that says too much": ("LambdaLR(o, lambda e: e.bit_length())", "`e.bit_length()` in a function"),
    "a formula that has no value": ("LambdaLR(o, lambda e: 1 / 0)", "is no formula: "),
    "a list of max_lr": ("OneCycleLR(o, max_lr=[0.1, 0.2], total_steps=9)", "max_lr is a list, a value for each"),
    "a scale_fn": ("CyclicLR(o, 0.1, 1, scale_fn=lambda x: x)", "scale_fn is a function of one's own"),
    "schedulers that are not in the text": ("SequentialLR(o, schedulers, [3])", "schedulers is no list of torch's"),
    "one milestone too few": ("SequentialLR(o, [StepLR(o, 1), StepLR(o, 2)], [])", "got 2 schedulers and 0 milestones"),
    "a plateau in a sequence": ("ChainedScheduler([ReduceLROnPlateau(o)])", "takes no ReduceLROnPlateau"),
    "two schedules": (
        "a = StepLR(o, 1)\nb = StepLR(o, 2)",
        "there are 2 schedules in it, `StepLR(o, 1)` and `StepLR(o, 2)`",
    ),
    "two intervals": (
        script("a = StepLR(o, 1)\nb = StepLR(o, 2)\n", "a.step()", "b.step()"),
        "is called both in an epoch and at its end",
    ),
    "a division by zero": ("StepLR(o, 1 / 0)", "`1 / 0` has no value (division by zero)"),
    "a number too large": ("StepLR(o, 10.0 ** 400)", "`10.0 ** 400` has no value"),
    "infinity": ("StepLR(o, 3, 1e999)", "no number that can be used"),
    "an LR of 0": ("o = SGD(p, lr=0)\nStepLR(o, 3)", "lr: got 0, allowed: above 0"),
    "a group's LR that is not in the text": (
        "o = SGD([{'params': a, 'lr': x}, {'params': b}], lr=1)\nStepLR(o, 3)",
        "the LR of group 'a' is not in the text",
    ),
    "a schedule that multiplies its peaks": ("CosineDecayRestarts(0.1, 5, m_mul=0.5)", "m_mul=0.5 lowers every peak"),
    "a cycle of Keras": ("PolynomialDecay(0.1, 5, cycle=True)", "cycle=True is not read"),
    "a Keras schedule without a length": ("ExponentialDecay(0.1)", "decay_steps is required"),
    "a Keras schedule of a text": ("ExponentialDecay('a', 1, 1)", "initial_learning_rate is not given in a way"),
    "a Keras schedule of length 0": ("CosineDecay(0.1, 0)", "decay_steps: got 0, allowed: above 0"),
    "pieces that do not fit": ("PiecewiseConstantDecay([1], [0.1])", "a list of one value more"),
    "too many schedulers": (
        "s = StepLR(o, 1)\n" + "s = ChainedScheduler([s, s])\n" * 30, "too many schedulers",
    ),
    "JSON that ends": ('{"interval": ', "begins like JSON, and is none"),
    "JSON of something else": ('{"name": "StepLR"}', "the name goes inside"),
    "too long a text": ("#" * 20_001, "got 20,001 characters, allowed: at most 20,000"),
    "half a character": ("StepLR(o, 3) # \ud800", "a character that no Python text has"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused_and_quoted(case: str) -> None:
    text, words = REFUSED[case]
    with pytest.raises(LabError) as caught:
        read(text)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 800
