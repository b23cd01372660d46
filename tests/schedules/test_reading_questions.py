"""Numbers that pasted code does not say are asked for, and answers are put where they belong."""

from __future__ import annotations

from typing import Any

import pytest

from lrlab.errors import LabError
from lrlab.schedules import Composition
from tests.schedules.reading import read, scheduler

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
