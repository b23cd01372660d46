"""The sample set: balanced, the same every time, a task that is neither trivial nor hopeless."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from lrlab.datasets import SAMPLE_NAME, add_sample, counts, list_datasets
from lrlab.datasets.beans import ROASTS, SIDE, draw
from lrlab.datasets.sample import draw_sample
from lrlab.errors import LabError
from lrlab.home import Home


def test_it_is_a_data_set_like_any_other(home: Home) -> None:
    seen: list[tuple[str, int, int]] = []
    dataset = add_sample(home, lambda *args: seen.append(args))
    assert (dataset.name, dataset.source) == (SAMPLE_NAME, "sample")
    assert dataset.classes == ("Dark", "Green", "Light", "Medium")
    assert counts(dataset).to_numpy().tolist() == [[300, 150, 0]] * 4
    assert dataset.refused == () and dataset.notes == ()
    assert set(dataset.images["width"]) == set(dataset.images["height"]) == {SIDE}
    assert ("Drawing beans", 1800, 1800) in seen and ("Checking images", 1800, 1800) in seen
    assert [known.name for known in list_datasets(home)] == [SAMPLE_NAME]
    with pytest.raises(LabError, match="already"):
        add_sample(home)


def test_the_pictures_are_the_same_every_time_and_all_different() -> None:
    first, second = (draw(np.arange(24) % 4, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first, second)
    assert len({picture.tobytes() for picture in first}) == 24


def _features() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mean and spread of the colour in the middle of every picture, and its class; train first, then val."""
    features, labels = {"train": [], "val": []}, {"train": [], "val": []}
    for entry in draw_sample().entries:
        split, roast, _ = entry.parts
        with Image.open(io.BytesIO(entry.read(10**6))) as image:
            middle = np.asarray(image, dtype=float)[14:34, 14:34].reshape(-1, 3) / 255
        features[split].append([*middle.mean(0), *middle.std(0), 1])
        labels[split].append(ROASTS.index(roast))
    return (*(np.array(features[split]) for split in ("train", "val")), *map(np.array, labels.values()))


def test_colour_alone_tells_the_roasts_apart_in_part() -> None:
    """A linear fit on the colour of the middle: far better than chance (0.25), far from a solved task."""
    train, val, train_labels, val_labels = _features()
    weights, *_ = np.linalg.lstsq(train, np.eye(len(ROASTS))[train_labels], rcond=None)
    accuracy = ((val @ weights).argmax(1) == val_labels).mean()
    assert 0.5 < accuracy < 0.8
