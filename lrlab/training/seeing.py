"""What the model sees: a few training images as they are, and as batches bring them, by the code that training runs.

S side that the model sees, in pixels; n images.
"""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lrlab.datasets import Dataset, as_cached, decoded, load_dataset, split
from lrlab.errors import LabError
from lrlab.experiments import Experiment
from lrlab.home import Home
from lrlab.training.batches import Pictures, TrainBatches
from lrlab.training.normalization import CENTRED, Normalization, statistics

MOST_PICTURES = 200
LARGEST_PNG = 96
"""Pictures of larger sides go out as WebP of a high quality: their files are a tenth of a PNG's."""


def augmented(home: Home, *, experiment: dict[str, Any], images: int = 6, variants: int = 5) -> dict[str, Any]:
    """Training images of `experiment`, spread over the classes, and `variants` of each as it would be seen.

    {"images": [{"name", "class", "original", "variants": [{"picture", "label"}]}]}: pictures are data URLs of S x S
    pixels; `original` is what validation would see, and `label` says in words what a mixed picture counts as, None
    where nothing was mixed. The seed decides which images are taken.
    LabError (field "dataset") where there is nothing to train on, (field "images") for too many pictures.
    """
    if not 1 <= images * (variants + 1) <= MOST_PICTURES:
        raise LabError(f"images: got {images} x {variants + 1} pictures, allowed: 1 to {MOST_PICTURES}", "images")
    asked = Experiment.model_validate(experiment)
    dataset = load_dataset(home, asked.dataset)
    train = split(dataset, asked.validation).train
    if not len(train):
        raise LabError(f"dataset: {dataset.name} has no images to train on", "dataset")
    rows = _spread(dataset, train, images, asked.seed)
    table = dataset.images.iloc[rows]
    files = zip(table["file"], table["name"], strict=True)
    squares = np.stack([as_cached(dataset.root / file, asked.image_size, name, taken=True) for file, name in files])
    labels = table["label"].to_numpy(dtype="int64")
    normalization = _normalization(home, dataset, asked, train)
    pictures = Pictures(squares, labels, asked.image_size, torch.device("cpu"), normalization)
    numbers = np.arange(len(rows), dtype=np.int64)
    originals, _ = pictures.centre(torch.from_numpy(numbers))
    batches = TrainBatches(pictures, numbers, len(rows), asked.seed, asked.augment)
    answer = [
        {"name": name, "class": dataset.classes[label], "original": _url(pixels), "variants": []}
        for name, label, pixels in zip(table["name"], labels, _bytes(originals, normalization), strict=True)
    ]
    for number in range(variants):
        cuts = batches.cuts(number)
        seen, targets = batches.batch(cuts, number, 0)
        words = _words(targets, dataset.classes)
        for row, pixels, word in zip(cuts.rows.tolist(), _bytes(seen, normalization), words, strict=True):
            answer[row]["variants"].append({"picture": _url(pixels), "label": word})
    return {"images": answer}


def _spread(dataset: Dataset, train: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """`count` of the training images (fewer where there are fewer): one of each class, then a second, and so on."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(train)
    labels = dataset.images["label"].to_numpy()[rows]
    rank = np.empty(len(rows), dtype=np.int64)
    for label in range(len(dataset.classes)):
        own = np.flatnonzero(labels == label)
        rank[own] = np.arange(len(own))
    turn = rng.permutation(len(dataset.classes))[labels]
    chosen: NDArray[np.int64] = rows[np.lexsort((turn, rank))[:count]]
    return chosen


def _normalization(home: Home, dataset: Dataset, asked: Experiment, train: NDArray[np.int64]) -> Normalization:
    """The experiment's, as far as it can be seen: once it is undone, only what was blotted out shows it."""
    if not asked.augment.erasing:
        return CENTRED
    if asked.normalization != "dataset":
        return statistics(asked, np.empty((0, 1, 1, 3), np.uint8), train)
    return statistics(asked, decoded(home, dataset, asked.image_size), train)


def _bytes(images: Tensor, normalization: Normalization) -> NDArray[np.uint8]:
    """Normalised images (n, 3, S, S) as the pixels (n, S, S, 3) that they stand for."""
    values = images.permute(0, 2, 3, 1).double().numpy() * np.array(normalization.std) + np.array(normalization.mean)
    pixels: NDArray[np.uint8] = np.rint(values * 255).clip(0, 255).astype(np.uint8)
    return pixels


def _words(targets: Tensor, classes: tuple[str, ...]) -> list[str | None]:
    if not targets.is_floating_point():
        return [None] * len(targets)
    return [
        " + ".join(f"{100 * share:.0f} % {classes[label]}" for share, label in _largest(row))
        for row in targets.tolist()
    ]


def _largest(shares: list[float]) -> list[tuple[float, int]]:
    """The two classes at most that a mixed image has, the larger share first; what rounds to nothing is left out."""
    found = sorted(((share, label) for label, share in enumerate(shares)), reverse=True)[:2]
    return [(share, label) for share, label in found if share >= 0.005]


def _url(pixels: NDArray[np.uint8]) -> str:
    kind, options = ("png", {}) if len(pixels) <= LARGEST_PNG else ("webp", {"quality": 92})
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
