"""Statistics against NumPy's own in double precision, normalisation against torchvision's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as oracle

from lrlab.experiments import Experiment
from lrlab.training import normalization
from lrlab.training.augment import shares
from lrlab.training.normalization import CENTRED, IMAGENET, PLAIN, Normalization, Normalizer, measured, statistics


@pytest.fixture
def images() -> np.ndarray:
    """30 pictures of 9 px whose channels lie apart."""
    values = np.random.default_rng(0).normal((60, 128, 200), (10, 40, 5), (30, 9, 9, 3))
    return values.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("at_once", [1, 4, 256])
def test_statistics_are_those_of_all_pixels_of_the_training_images(
    images: np.ndarray, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(normalization, "AT_ONCE", at_once)
    rows = np.arange(1, 30, 3)
    found = measured(images, rows)
    shares = images[rows].reshape(-1, 3).astype(np.float64) / 255
    assert found.mean == pytest.approx(shares.mean(0), rel=1e-14)
    assert found.std == pytest.approx(shares.std(0), rel=1e-12)


def test_whoever_measures_says_how_far_it_is(images: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normalization, "AT_ONCE", 4)
    said: list[tuple[int, int]] = []
    measured(images, np.arange(10), lambda what, done, total: said.append((done, total)))
    assert said == [(4, 10), (8, 10), (10, 10)]


def test_a_small_spread_upon_a_large_mean_is_not_lost() -> None:
    images = np.full((1000, 16, 16, 3), 255, np.uint8)
    images[0, 0, 0] = 254  # one pixel of 256,000
    share = 1 / 256_000
    assert np.sqrt(share * (1 - share)) / 255 < normalization.LEAST_STD
    assert measured(images, np.arange(1000)).std == (normalization.LEAST_STD,) * 3
    images[:100] = 250
    expected = 5 * np.sqrt(0.1 * 0.9) / 255
    assert measured(images, np.arange(1000)).std == pytest.approx((expected,) * 3, rel=1e-12)


CHOICES = {
    "auto": ({}, CENTRED),
    "auto, pretrained": ({"model": {"name": "resnet18"}, "pretrained": "finetune"}, IMAGENET),
    "centred, pretrained": (
        {"augment": {"normalization": "centred"}, "model": {"name": "resnet18"}, "pretrained": "frozen"},
        CENTRED,
    ),
    "plain": ({"augment": {"normalization": "plain"}}, PLAIN),
    "imagenet": ({"augment": {"normalization": "imagenet"}}, IMAGENET),
}  # fmt: skip


@pytest.mark.parametrize("choice", CHOICES)
def test_what_an_experiment_asks_for(images: np.ndarray, choice: str) -> None:
    settings, expected = CHOICES[choice]
    assert statistics(Experiment.model_validate({"dataset": "a", **settings}), images, np.arange(30)) == expected


def test_the_sets_own_statistics_are_the_training_images_alone(images: np.ndarray) -> None:
    asked = Experiment.model_validate({"dataset": "a", "augment": {"normalization": "dataset"}})
    rows = np.arange(10)
    assert statistics(asked, images, rows) == measured(images[:10], rows)


SETTINGS = [CENTRED, PLAIN, IMAGENET, Normalization((0.1, 0.2, 0.3), (0.3, 0.3, 0.3))]


@pytest.mark.parametrize("settings", SETTINGS)
def test_both_ways_of_normalising_are_torchvisions(images: np.ndarray, settings: Normalization) -> None:
    pixels = torch.from_numpy(images)
    normalizer = Normalizer(settings, 9, torch.device("cpu"))
    expected = oracle.normalize(shares(pixels), list(settings.mean), list(settings.std))
    for found in (normalizer.of_bytes(pixels), normalizer.of_shares(shares(pixels))):
        assert torch.allclose(found, expected, rtol=0, atol=3e-6)
        assert found.is_contiguous(memory_format=torch.channels_last)
        assert found.dtype == torch.float32
    assert torch.equal(pixels, torch.from_numpy(images))
