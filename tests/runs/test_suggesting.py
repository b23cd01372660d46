"""valley, steepest, minimum / 10 and slide: worked by hand, against fastai's values, and against fastai itself.

`FASTAI` was printed by fastai 2.8.12 for these very losses; where fastai is installed it is asked again, and for many
more curves.
"""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from lrlab.runs.suggesting import INTERVAL, LEAST, minimum, slide, steepest, valley

LR = np.geomspace(1e-7, 10, 100)[10:-5]
PLACE = np.arange(len(LR))
X = np.log10(LR)

CURVES = {
    "a valley": 1.8 - 1.2 / (1 + np.exp(-2.5 * (X + 3))) + np.exp(3 * (X - 0.2)),
    "a valley with ripples": 1.8 - 1.2 / (1 + np.exp(-2.5 * (X + 3))) + np.exp(3 * (X - 0.2)) + 0.02 * np.sin(PLACE),
    "a shallow fall, a steep rise": 2.3 - 0.3 / (1 + np.exp(-4 * (X + 2))) + np.exp(4 * (X + 0.5)),
    "two falls": 3.0 - 0.8 / (1 + np.exp(-6 * (X + 5))) - 1.4 / (1 + np.exp(-4 * (X + 2))) + np.exp(5 * (X - 0.3)),
    "a long fall with a hump": 2.0 - 0.2 * (X + 6) + 0.3 * np.exp(-8 * (X + 3) ** 2) + np.exp(4 * (X - 0.4)),
}

# fmt: off
FASTAI = {  # valley, steep, minimum, slide
    "a valley": (0.00014174742, 0.00091116276, 0.0054622772, 0.00029836472),
    "a valley with ripples": (0.0010974988, 0.0010974988, 0.0054622772, 0.01023531),
    "a shallow fall, a steep rise": (0.00014174742, 0.0084975344, 0.0037649358, 0.0023101297),
    "two falls": (0.00029836472, 0.0084975344, 0.02009233, 6.7341507e-05),
    "a long fall with a hump": (0.0010974988, 0.0015922828, 0.042292429, 0.014849683),
}
# fmt: on

METHODS = {"valley": valley, "steep": steepest, "minimum": minimum, "slide": slide}
DECADES = 10.0 ** np.arange(-8, 2)


@pytest.mark.parametrize("name", CURVES)
def test_each_method_gives_what_fastai_gave(name: str) -> None:
    found = [method(LR, CURVES[name]) for method in METHODS.values()]
    assert [one.lr for one in found if one] == pytest.approx(FASTAI[name], rel=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_each_method_gives_what_fastai_gives(method: str) -> None:
    if importlib.util.find_spec("fastai") is None:
        pytest.skip("fastai is not installed")
    torch = pytest.importorskip("torch")
    theirs = getattr(pytest.importorskip("fastai.callback.schedule"), method)
    rng = np.random.default_rng(0)
    compared = 0
    for turn in range(200):
        points = int(rng.integers(LEAST, 120))
        lr = np.geomspace(10.0 ** -rng.integers(4, 9), 10, points)
        loss = 2 + np.cumsum(rng.normal(0, 0.03, points)) + np.exp(np.linspace(-20, rng.uniform(-3, 2), points))
        loss = np.round(loss, 2) if turn % 3 == 0 else loss  # equal losses too
        ours = METHODS[method](lr, loss)
        if ours is not None:
            compared += 1
            assert ours.lr == pytest.approx(theirs(torch.tensor(lr), torch.tensor(loss), points)[0], rel=1e-9)
    assert compared > 100


@pytest.mark.parametrize(
    ("loss", "place", "start", "end"),
    [
        # The longest fall is 5 4 3 2: four losses, whose end is place 4 and whose start counts as 4 - 4 = 0.
        # A third of 4 is 1.33; its whole part, and the whole part of its half, make place 0 + 1 + 0.
        ((5, 4, 6, 3, 2, 7, 8), 1, 0, 4),
        # All nine fall: the start counts as -1, a third is 3, the place is -1 + 3 + 1.
        ((9, 8, 7, 6, 5, 4, 3, 2, 1), 3, 0, 8),
        # Of two falls of equal length the first: 3 2 1, places 1 to 3, start 3 - 3 = 0, place 0 + 1 + 0.
        ((0.5, 3, 2, 1, 6, 5, 4), 1, 0, 3),
    ],
)
def test_valley_by_hand(loss: tuple[float, ...], place: int, start: int, end: int) -> None:
    lr = DECADES[: len(loss)]
    found = valley(lr, np.array(loss, float))
    assert (found.lr, found.start, found.end) == (lr[place], lr[start], lr[end])


def test_steepest_is_against_the_logarithm_of_the_lr() -> None:
    # For each doubling the loss falls by 1 from LR 1, by 0.95 from LR 2, and by 1.5 from LR 8; as differences alone,
    # the fall of 1.9 from LR 2 to 8 would be the largest.
    lr = np.array([1.0, 2.0, 8.0, 16.0, 32.0])
    assert steepest(lr, np.array([9.0, 8.0, 6.1, 4.6, 5.0])).lr == 8.0
    assert steepest(DECADES[:5], np.array([3.0, 3.0, 1.0, 0.5, 4.0])).lr == DECADES[1]


def test_minimum_is_a_tenth_of_the_lowest_place() -> None:
    found = minimum(DECADES[:5], np.array([3.0, 2.0, 1.0, 4.0, 5.0]))
    assert (found.lr, found.start, found.end) == (DECADES[2] / 10, DECADES[2], DECADES[2])


def test_slide_stops_below_the_bend() -> None:
    # Down by 0.1 a step to place 24, then up by 1: the slope is -0.1 to place 23, 0.45 at 24, 1 from 25 on. Ends 15
    # apart differ until the upper one is at 23; the last that differed were 24 and 9.
    lr = np.geomspace(1e-7, 10, 40)
    place = np.arange(40)
    loss = np.where(place <= 24, 10 - 0.1 * place, 7.6 + (place - 24))
    found = slide(lr, loss)
    assert found
    assert (found.lr, found.end) == (lr[9], lr[9 + INTERVAL])


@pytest.mark.parametrize(
    "loss",
    [
        pytest.param(np.linspace(3, 2, 40), id="a straight line has one slope from the beginning"),
        pytest.param(np.linspace(0, 3, 40) ** 2, id="slopes that differ everywhere have no end"),
    ],
)
def test_slide_finds_nothing_without_a_bend(loss: np.ndarray) -> None:
    assert slide(np.geomspace(1e-7, 10, 40), loss) is None
