"""What a finder's log comes to: sweeps, suggestions over seeds, the band, and the reason where there is none."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from lrlab.experiments import Finder
from lrlab.runs.finder import TITLES, Findings, Smoother, findings, has_diverged, read_sweeps
from lrlab.runs.suggesting import minimum, slide, steepest, valley

Course = Callable[[float, int], float]
"""The loss at an LR in the sweep of this number."""


def valley_at(place: float) -> Course:
    """Falls around 10**place and diverges above 1."""

    def course(lr: float, sweep: int) -> float:
        return 1.8 - 1.2 / (1 + (10**place / lr) ** 1.2) + 3 * max(0.0, math.log10(lr / 0.5))

    return course


def log(finder: Finder, course: Course, noise: float = 0.0, seed: int = 0, upto: int | None = None) -> pd.DataFrame:
    """The log that a worker writes where the losses are `course`, with `noise` on each; `upto`: updates in all."""
    rng = np.random.default_rng(seed)
    rows = []
    for sweep in range(finder.seeds):
        smooth, smoothed = Smoother(), []
        for step in range(finder.steps):
            if upto is not None and len(rows) == upto:
                break
            lr = finder.lr(step)
            loss = course(lr, sweep) + noise * rng.normal()
            smoothed.append(smooth(loss))
            rows.append((sweep * finder.steps + step, sweep, lr, loss, smoothed[-1]))
            if has_diverged(finder, np.array(smoothed)):
                break
    return pd.DataFrame(rows, columns=["step", "epoch", "lr", "loss", "smoothed"])


def rates(found: Findings) -> dict[str, float | None]:
    return {one.method: one.lr for one in found.suggestions}


def test_the_running_mean_is_bias_corrected() -> None:
    losses = np.random.default_rng(0).normal(2, 0.3, 60)
    smooth = Smoother()
    ours = [smooth(float(loss)) for loss in losses]
    assert ours[0] == pytest.approx(losses[0])
    # By its definition: weights 0.98**age, divided by their sum.
    for count in (1, 2, 30, 60):
        weights = 0.98 ** np.arange(count)[::-1]
        assert ours[count - 1] == pytest.approx(np.average(losses[:count], weights=weights), rel=1e-12)


@pytest.mark.parametrize(
    ("smoothed", "over"),
    [
        ([2.0, 1.0, 4.0], False),  # exactly four times the lowest is not above it
        ([2.0, 1.0, 4.1], True),
        ([2.0, 7.9], False),
        ([2.0, math.nan], True),
        ([math.inf], True),
    ],
)
def test_divergence_is_four_times_the_lowest_or_no_number(smoothed: list[float], over: bool) -> None:
    assert has_diverged(Finder(), np.array(smoothed)) is over


def test_one_seed_suggests_what_the_methods_read_off_its_curve() -> None:
    finder = Finder()
    steps = log(finder, valley_at(-3), noise=0.02)
    found = findings(finder, steps)
    # Without the first tenth of what was asked for and the last five of what was made.
    lr, loss = (steps[name].to_numpy()[10:-5] for name in ("lr", "smoothed"))
    assert found.reason == ""
    expected = [valley(lr, loss).lr, steepest(lr, loss).lr, minimum(lr, loss).lr, slide(lr, loss)]
    assert list(rates(found).values()) == [*expected[:3], expected[3] and expected[3].lr]
    assert found.best and found.best.method == "valley"
    assert all(one.sentence.endswith(".") for one in found.suggestions)


def test_several_seeds_suggest_their_geometric_mean() -> None:
    finder = Finder(seeds=3)
    steps = log(finder, valley_at(-3), noise=0.03)
    found = findings(finder, steps)
    alone = [findings(Finder(), steps[steps["epoch"] == sweep].assign(epoch=0)) for sweep in range(3)]
    for method in ("valley", "steepest", "minimum"):
        each = [rates(one)[method] for one in alone]
        assert rates(found)[method] == pytest.approx(math.prod(each) ** (1 / 3), rel=1e-12)
    assert found.suggestions[0].each == tuple(rates(one)["valley"] for one in alone)
    assert "Over 3 seeds" in found.suggestions[0].sentence


def test_the_band_goes_as_far_as_every_seed() -> None:
    finder = Finder(seeds=2)
    found = findings(finder, log(finder, lambda lr, sweep: valley_at(-3)(lr, sweep) + 0.1 * sweep))
    lr, low, mean, high = found.band
    one, other = found.sweeps
    count = min(len(one.lr), len(other.lr))
    assert len(lr) == len(low) == len(mean) == len(high) == count
    np.testing.assert_allclose(low, one.smoothed[:count])
    np.testing.assert_allclose(high, other.smoothed[:count])
    np.testing.assert_allclose(mean, (low + high) / 2)


def test_seeds_that_disagree_give_none() -> None:
    finder = Finder(seeds=2)
    found = findings(finder, log(finder, lambda lr, sweep: valley_at(-5 + 4 * sweep)(lr, sweep)))
    assert found.suggestions[1].lr is None
    assert "The 2 seeds disagree: from" in found.suggestions[1].sentence
    assert len(found.suggestions[1].each) == 2


def explosion(lr: float, sweep: int) -> float:
    return 1.8 if lr < 3e-7 else 1e4


NONE = [
    pytest.param(lambda lr, sweep: 1.8, "The loss stays flat from the LR 1e-7 to 10", id="flat"),
    pytest.param(
        lambda lr, sweep: 1.8 + max(0.0, math.log10(lr / 1e-2)),
        "The loss never falls from the LR 1e-7",
        id="only rises",
    ),
    pytest.param(
        explosion, "The loss diverges at once: after 7 of 100 updates, at the LR 3.05e-7", id="diverges at once"
    ),
    pytest.param(
        lambda lr, sweep: math.nan, "The loss diverges at once: after 1 of 100 updates, at the LR 1e-7", id="no number"
    ),
]


@pytest.mark.parametrize(("course", "reason"), NONE)
def test_no_suggestion_has_a_reason(course: Course, reason: str) -> None:
    found = findings(Finder(), log(Finder(), course))
    assert found.suggestions == ()
    assert found.best is None
    assert found.reason.startswith(reason)


def test_too_few_points_are_said_so() -> None:
    short = Finder(steps=20)
    assert (
        findings(short, log(short, valley_at(-3))).reason == "Too few points: 20 updates, and 24 are needed at least."
    )
    stopped = log(Finder(), valley_at(-3), upto=30)
    assert findings(Finder(), stopped).reason.startswith("Too few points: stopped after 30 of 100 updates")
    least = Finder(steps=24)
    assert "Too few" not in findings(least, log(least, valley_at(-3))).reason


def test_a_stopped_search_suggests_what_its_points_show() -> None:
    found = findings(Finder(), log(Finder(), valley_at(-4), upto=80))
    assert found.best and found.best.lr


def test_one_seed_without_a_fall_is_told() -> None:
    finder = Finder(seeds=3)
    found = findings(finder, log(finder, lambda lr, sweep: 1.8 if sweep == 1 else valley_at(-3)(lr, sweep)))
    assert found.reason.startswith(
        "The seeds disagree: 1 of 3 give no suggestion. With seed 2 of 3: The loss stays flat"
    )


def test_while_it_runs_only_sweeps_that_are_over_are_read() -> None:
    finder = Finder(seeds=2)
    whole = log(finder, valley_at(-3))
    first = int((whole["epoch"] == 0).sum())
    before, between = whole[: first - 20], whole[: first + 20]
    assert findings(finder, before, ended=False).suggestions == ()
    assert findings(finder, before, ended=False).reason == ""
    found = findings(finder, between, ended=False)
    assert len(found.sweeps) == 2
    assert len(found.suggestions[0].each) == 1


def test_an_empty_log_has_no_sweeps() -> None:
    empty = log(Finder(), valley_at(-3), upto=0)
    assert read_sweeps(Finder(), empty) == ()
    assert findings(Finder(), empty).reason == "No update was made."


def test_a_loss_that_still_falls_at_the_end_is_told() -> None:
    finder = Finder(highest=1e-3)
    found = findings(finder, log(finder, valley_at(-3)))
    assert found.notes
    assert found.notes[0].startswith("The loss still falls at the highest LR, 0.001")


def test_an_lr_beyond_the_lowest_loss_is_warned_of() -> None:
    found = findings(Finder(), log(Finder(), valley_at(-3), noise=0.02))
    lowest = 10 * (rates(found)["minimum"] or 0)
    for one in found.suggestions:
        assert ("likely to be too high" in one.sentence) is (one.lr is not None and one.lr > lowest)


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.2])
def test_chance_is_not_taken_for_a_fall(noise: float) -> None:
    flat = [findings(Finder(), log(Finder(), lambda lr, sweep: 1.8, noise, seed)) for seed in range(60)]
    assert sum(one.best is not None for one in flat) <= 1


@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_a_fall_is_seen_through_the_noise(noise: float) -> None:
    falls = [findings(Finder(), log(Finder(), valley_at(-3), noise, seed)) for seed in range(30)]
    assert sum(one.best is not None for one in falls) >= 29
    assert list(TITLES) == [one.method for one in falls[0].suggestions]
