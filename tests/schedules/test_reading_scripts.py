"""Pasted scripts: the loop tells how the scheduler is stepped and how long the run is; what is assumed is said."""

from __future__ import annotations

import pytest

from tests.schedules.reading import read, script

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
