"""Pasted code that cannot be read is refused with a sentence that quotes what is at fault."""

from __future__ import annotations

import pytest

from lrlab.errors import LabError
from tests.schedules.reading import read, script

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
