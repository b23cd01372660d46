"""The experiments of the source tutorials, checked against what the tutorials say."""

from __future__ import annotations

import numpy as np
import pytest

from lrlab.experiments import EXPERIMENT_PRESETS, MODELS, Experiment
from lrlab.schedules import curve

STEPS = 30
"""960 images in batches of 32."""


def keras_staircase(step: int) -> float:
    """Keras' ExponentialDecay(1e-4, decay_steps=30, decay_rate=0.92, staircase=True) by its definition."""
    return 1e-4 * 0.92 ** (step // 30)


@pytest.mark.parametrize(
    ("name", "model", "image_size"),
    [("coffee-vgg16-by-hand", "vgg16_by_hand", 224), ("coffee-vgg16", "vgg16", 224), ("coffee-cpu", "vgg_light", 96)],
)
def test_the_coffee_tutorial(name, model, image_size):
    made = EXPERIMENT_PRESETS[name].experiment("coffee")
    assert (made.model.name, made.image_size, made.batch_size, made.epochs) == (model, image_size, 32, 20)
    assert (made.validation.fraction, made.validation.seed) == (0.2, 123)
    assert (made.optimizer.name, made.optimizer.lr, made.pretrained) == ("Adam", 1e-4, "none")
    drawn = curve(made.schedule, made.optimizer.lr, made.epochs, STEPS).lr
    assert drawn == pytest.approx([keras_staircase(step) for step in range(20 * STEPS)], rel=1e-12)


def test_the_food_tutorial():
    fixed, steps = (EXPERIMENT_PRESETS[name].experiment("food") for name in ("food-fixed", "food-steps"))
    for made in (fixed, steps):
        assert (made.epochs, made.optimizer.name, made.optimizer.lr) == (20, "Adam", 0.001)
    assert set(curve(fixed.schedule, 0.001, 20, STEPS).lr) == {0.001}
    by_epoch = curve(steps.schedule, 0.001, 20, STEPS).lr[::STEPS]
    assert by_epoch == pytest.approx(np.repeat([1e-3, 5e-4, 2.5e-4, 1.25e-4], 5), rel=1e-12)
    assert fixed.model_copy(update={"name": "", "schedule": steps.schedule}) == steps.model_copy(update={"name": ""})


@pytest.mark.parametrize("preset", EXPERIMENT_PRESETS.values(), ids=lambda preset: preset.name)
def test_a_preset_is_an_experiment_that_says_what_machine_it_is_for(preset):
    made = preset.experiment("mine")
    assert Experiment.model_validate_json(made.model_dump_json()) == made
    assert made.title == preset.title
    assert preset.source[1].startswith("https://")
    assert ("for a GPU" in preset.line) == ("Wants a GPU" in MODELS[made.model.name].when)
    assert "CPU" in preset.line or "GPU" in preset.line
