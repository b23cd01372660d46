"""Typed lengths: epochs, steps and per cent become calls of the run, and what is shown beside them is true."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrlab.errors import LabError
from lrlab.schedules import equivalents, in_calls

# A run of 20 epochs of 30 steps: what is typed, and the calls it is with interval epoch and with interval step.
TYPED = [
    ("5", 5, 5),
    ("0", 0, 0),
    (" 7 ", 7, 7),
    ("5 calls", 5, 5),
    ("5 epochs", 5, 150),
    ("5 ep", 5, 150),
    ("5epochs", 5, 150),
    ("1 Epoch", 1, 30),
    ("1.5 epochs", 2, 45),  # half a call is rounded up
    (".5 epochs", 1, 15),
    ("0.01 epochs", 1, 1),  # a third of a step: at least 1
    ("0 epochs", 0, 0),
    ("150 steps", 5, 150),
    ("1 step", 1, 1),
    ("150 updates", 5, 150),
    ("100 iterations", 3, 100),
    ("1,200 steps", 40, 1200),
    ("25%", 5, 150),
    ("25 %", 5, 150),
    ("12.5 percent", 3, 75),  # 2.5 epochs
    ("150 per cent", 30, 900),
    ("0 %", 0, 0),
    ("10000000", 10_000_000, 10_000_000),
]


@pytest.mark.parametrize(("text", "per_epoch", "per_step"), TYPED)
def test_a_typed_length_in_calls(text: str, per_epoch: int, per_step: int) -> None:
    assert in_calls(text, "epoch", 20, 30, calls=20) == per_epoch
    assert in_calls(text, "step", 20, 30, calls=600) == per_step


@pytest.mark.parametrize(
    ("text", "interval", "calls", "expected"),
    [
        ("50 %", "epoch", 17, 9),  # of what a warm-up leaves: 8.5 calls
        ("50 %", "step", 510, 255),
        ("50 %", "epoch", 0, 1),  # the warm-up takes the whole run
    ],
)
def test_per_cent_are_of_the_runs_calls(text: str, interval: Any, calls: int, expected: int) -> None:
    assert in_calls(text, interval, 20, 30, calls) == expected


NONSENSE = [
    "", " ", "epochs", "%", "five", "-5", "+5", "5 days", "5 e", "1e3", "nan", "inf", "1,5 epochs", "1,00", "5 10",
    "5..", "5 epochs 3 steps", "0x10", "1_000", "５", "٥", "5 %%", "5\x00", "5;", "5 per  cent", "9" * 41,
]  # fmt: skip


@pytest.mark.parametrize("text", NONSENSE)
def test_nonsense_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(LabError, match="allowed: a number of calls, or one with its unit") as caught:
        in_calls(text, "epoch", 20, 30, calls=20)
    assert caught.value.field == "length"
    assert str(caught.value).startswith("length: got '")
    assert str(caught.value).endswith("such as 5 epochs, 150 steps or 25 %")
    assert len(str(caught.value)) < 240


def test_the_example_is_one_of_the_run() -> None:
    with pytest.raises(LabError, match="such as 1 epoch, 7 steps or 25 %"):
        in_calls("?", "step", 3, 7, calls=21)


@pytest.mark.parametrize(
    ("text", "calls"), [("10000001", "10,000,001"), ("400000 epochs", "12,000,000"), ("9" * 30, "9")]
)
def test_too_long_is_refused(text: str, calls: str) -> None:
    with pytest.raises(LabError, match=f"got '{text}', which is {calls}.* allowed: at most 10,000,000") as caught:
        in_calls(text, "step", 20, 30, calls=600)
    assert caught.value.field == "length"


@pytest.mark.parametrize(
    ("length", "interval", "run", "expected"),
    [
        (5, "epoch", (20, 30), "5 epochs = 150 steps = 25 %"),
        (150, "step", (20, 30), "150 steps = 5 epochs = 25 %"),
        (1, "epoch", (20, 30), "1 epoch = 30 steps = 5 %"),
        (1, "step", (1, 1), "1 step = 1 epoch = 100 %"),
        (0, "epoch", (20, 30), "0 epochs = 0 steps = 0 %"),
        (45, "step", (20, 30), "45 steps = 1.5 epochs = 7.5 %"),
        (100, "step", (20, 30), "100 steps ≈ 3.33 epochs ≈ 16.7 % (rounded)"),
        (7, "epoch", (30, 30), "7 epochs = 210 steps ≈ 23.3 % (rounded)"),
        (40, "epoch", (20, 1000), "40 epochs = 40,000 steps = 200 %"),
        (20_000, "step", (200, 1000), "20,000 steps = 20 epochs = 10 %"),
    ],
)
def test_equivalents(length: int, interval: Any, run: tuple[int, int], expected: str) -> None:
    assert equivalents(length, interval, *run) == expected


def test_equivalents_after_a_warm_up_count_the_calls_that_are_left() -> None:
    assert equivalents(17, "epoch", 20, 30, calls=17) == "17 epochs = 510 steps = 100 %"
    assert in_calls("100 %", "epoch", 20, 30, calls=17) == 17


@settings(deadline=None)
@given(
    length=st.integers(0, 10_000), interval=st.sampled_from(["epoch", "step"]),
    epochs=st.integers(1, 200), steps_per_epoch=st.integers(1, 1000),
)  # fmt: skip
def test_what_is_shown_can_be_typed(length: int, interval: Any, epochs: int, steps_per_epoch: int) -> None:
    """Every equivalent that is not rounded means the same length."""
    calls = epochs if interval == "epoch" else epochs * steps_per_epoch
    shown = equivalents(length, interval, epochs, steps_per_epoch)
    assert shown.endswith(" (rounded)") == ("≈" in shown)
    first, *others = shown.removesuffix(" (rounded)").replace("≈", "= ≈").split(" = ")
    assert in_calls(first, interval, epochs, steps_per_epoch, calls) == length
    for other in others:
        if not other.startswith("≈"):
            assert in_calls(other, interval, epochs, steps_per_epoch, calls) == length
