"""Every preset has a curve, and passes through the values that its source gives."""

from __future__ import annotations

import math
import re
from functools import lru_cache

import pytest

from lrlab.schedules import PRESETS, Composition, Curve, Preset

BY_NAME = {preset.name: preset for preset in PRESETS}


@lru_cache(maxsize=4)
def drawn(name: str) -> Curve:
    return BY_NAME[name].composition.curve()


def epoch(name: str, number: int) -> int:
    """The first update of an epoch."""
    return number * BY_NAME[name].composition.steps_per_epoch


LANDMARKS: dict[str, list[tuple[int, float]]] = {
    "food-fixed": [(0, 0.001), (599, 0.001)],
    "food-steps": [(0, 0.001), (149, 0.001), (150, 0.0005), (300, 0.00025), (450, 0.000125), (599, 0.000125)],
    "coffee-exponential": [(0, 1e-4), (29, 1e-4), (30, 0.92e-4), (60, 0.8464e-4), (599, 1e-4 * 0.92**19)],
    "pytorch-transfer": [(426, 0.001), (427, 0.0001), (854, 1e-5), (1281, 1e-6), (1524, 1e-6)],
    "keras-step-decay": [(0, 0.1), (80, 0.1), (81, 0.05), (171, 0.025), (261, 0.0125), (449, 0.003125)],
    "resnet50-imagenet": [(0, 0.1), (150_149, 0.1), (150_150, 0.01), (300_299, 0.01), (300_300, 0.001), (-1, 0.001)],
    "imagenet-1-hour": [
        (0, 0.1), (390, 1.65), (780, 3.2),
        (epoch("imagenet-1-hour", 30) - 1, 3.2), (epoch("imagenet-1-hour", 30), 0.32),
        (epoch("imagenet-1-hour", 60), 0.032), (epoch("imagenet-1-hour", 80) - 1, 0.032),
        (epoch("imagenet-1-hour", 80), 0.0032), (-1, 0.0032),
    ],
    "torchvision-resnet50-v2": [
        (0, 0.005), (1250, 0.005), (1251, 0.104), (epoch("torchvision-resnet50-v2", 5), 0.5),
        (epoch("torchvision-resnet50-v2", 5 + 119), 0.4522542), (-1, 0.5 * math.sin(math.pi / 1190) ** 2),
    ],
    "mobilenet-v2": [(0, 0.045), (5005, 0.0441), (epoch("mobilenet-v2", 100), 0.045 * 0.98**100)],
    "efficientnet": [(0, 0.256), (750, 0.256), (751, 0.24832), (7510, 0.256 * 0.97**10)],
    "vit-imagenet": [(0, 0.0), (5000, 0.0015), (10_000, 0.003), (51_800, 0.0015)],
    "convnext": [(0, 0.0), (3120, 0.002), (6240, 0.004), (49_920, 0.0020005), (-1, 1e-6)],
    "mae": [(0, 0.0), (12_480, 0.0024), (131_040, 0.0012)],
    "clip-vit-b32": [(0, 0.0), (2000, 5e-4), (196_312, 2.5e-4)],
    "wide-resnet": [
        (0, 0.1), (epoch("wide-resnet", 60), 0.02), (epoch("wide-resnet", 120), 0.004),
        (epoch("wide-resnet", 160), 0.0008), (-1, 0.0008),
    ],
    "resnet110-cifar": [
        (0, 0.01), (399, 0.01), (400, 0.1), (31_999, 0.1), (32_000, 0.01), (48_000, 0.001), (-1, 0.001),
    ],
    "sgdr": [
        (0, 0.05), (1955, 0.025), (3910, 0.05), (11_730, 0.05), (27_370, 0.05), (epoch("sgdr", 30) + 20 * 391, 0.025),
    ],
    "cifar10-fast": [(0, 0.0), (97, 0.08), (485, 0.4), (485 + 19 * 97 // 2, 0.4 * (1 - 921 / 1843)), (-1, 0.4 / 1843)],
    "fastai-one-cycle": [(0, 4e-5), (75, 0.00052), (150, 0.001), (375, 0.000500005)],
    "deeplab-poly": [(0, 0.007), (15_000, 0.007 * 0.5**0.9), (29_999, 0.007 * (1 / 30_000) ** 0.9)],
    "detectron2-1x": [
        (0, 2e-5), (1000, 0.02), (59_999, 0.02), (60_000, 0.002), (79_999, 0.002), (80_000, 0.0002), (-1, 0.0002),
    ],
    "transformer": [(0, 1 / (512**0.5 * 4000**1.5)), (3999, 1 / (512 * 4000) ** 0.5), (99_999, 1 / (512 * 1e5) ** 0.5)],
    "bert": [(0, 0.0), (5000, 5e-5), (9999, 0.9999e-4), (10_000, 0.99e-4), (500_000, 5e-5), (-1, 1e-10)],
    "bert-fine-tuning": [(0, 0.0), (17, 1e-5), (34, 2e-5 * 308 / 342), (-1, 2e-5 / 342)],
    "t5": [(0, 0.01), (9999, 0.01), (10_000, 0.01), (40_000, 0.005), (250_000, 0.002)],
    "gpt3-small": [(0, 0.0), (750, 6e-4), (260_375, 3.3e-4), (520_000, 6e-5), (-1, 6e-5)],
    "nanogpt": [(0, 0.0), (1000, 3e-4), (2000, 6e-4), (301_000, 3.3e-4), (-1, 6e-5)],
    "llama-7b": [(0, 0.0), (2000, 3e-4), (126_000, 1.65e-4), (-1, 3e-5)],
    "deepseek-7b": [
        (0, 0.0), (2000, 4.2e-4), (169_541, 4.2e-4), (169_542, 1.32816e-4), (190_734, 4.2e-5), (-1, 4.2e-5),
    ],
}  # fmt: skip
"""Update and LR, each figured from the source; -1 is the last update."""


@pytest.mark.parametrize("name", BY_NAME)
def test_a_preset_passes_through_its_landmarks(name: str) -> None:
    curve = drawn(name)
    for update, lr in LANDMARKS[name]:
        assert curve.lr[update] == pytest.approx(lr, rel=1e-5, abs=1e-12), update


@pytest.mark.parametrize(
    ("name", "highest", "epochs", "steps"),
    [
        ("resnet50-imagenet", 0.1, 90, 5005),  # 1,281,167 / 256, the last batch not full
        ("imagenet-1-hour", 3.2, 90, 156),  # 0.1 x 8,192 / 256
        ("torchvision-resnet50-v2", 0.5, 600, 1251),
        ("mobilenet-v2", 0.045, 300, 5005),
        ("efficientnet", 0.256, 350, 312),  # 0.016 x 4,096 / 256
        ("convnext", 0.004, 300, 312),
        ("mae", 0.0024, 800, 312),  # 1.5e-4 x 4,096 / 256
        ("clip-vit-b32", 5e-4, 32, 12_207),  # 400,000,000 / 32,768
        ("sgdr", 0.05, 150, 391),  # 10 + 20 + 40 + 80 epochs
        ("transformer", 6.98771e-4, 1, 100_000),
        ("t5", 0.01, 1, 524_288),
    ],
)
def test_the_run_is_that_of_the_original(name: str, highest: float, epochs: int, steps: int) -> None:
    composition = BY_NAME[name].composition
    assert (composition.epochs, composition.steps_per_epoch) == (epochs, steps)
    assert drawn(name).lr.max() == pytest.approx(highest, rel=1e-5)


def test_a_cycle_of_the_warm_restarts_ends_with_the_run() -> None:
    """Four cycles of 10, 20, 40 and 80 epochs: three restarts, and the lowest LR last."""
    lr = drawn("sgdr").lr
    assert (lr[1:] > lr[:-1]).sum() == 3
    assert lr[-1] == lr.min()


def test_every_preset_has_its_landmarks_and_its_name_once() -> None:
    assert len(BY_NAME) == len(PRESETS)
    assert set(LANDMARKS) == set(BY_NAME)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_preset_is_whole(preset: Preset) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", preset.name)
    assert preset.group in ("tutorial", "images", "text")
    assert preset.line.endswith(".")
    assert "!" not in preset.line
    title, address = preset.source
    assert preset.title
    assert title
    assert address.startswith("https://")
    assert Composition.model_validate_json(preset.composition.model_dump_json()) == preset.composition
