"""The pictures of the preview: those that training would bring, and the originals beside them."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lrlab.datasets import Dataset, decoded, split
from lrlab.errors import LabError, NotFound
from lrlab.experiments import Validation
from lrlab.home import Home
from lrlab.jobs import ask, end_helper
from lrlab.training import normalization
from lrlab.training.seeing import augmented

CLASSES = ("blue", "green", "red")

AS_IT_IS = {"crop": "none", "horizontal_flip": 0}


def pixels(url: str) -> np.ndarray:
    head, _, body = url.partition(";base64,")
    assert head in ("data:image/png", "data:image/webp")
    with Image.open(io.BytesIO(base64.b64decode(body))) as image:
        assert image.format == head.removeprefix("data:image/").upper()
        return np.array(image)


def asked(dataset: Dataset, size: int = 16, seed: int = 0, **augment: Any) -> dict[str, Any]:
    return {"dataset": dataset.id, "image_size": size, "seed": seed, "augment": augment}


def test_originals_are_the_middles_of_training_images_of_every_class(home: Home, dataset: Dataset) -> None:
    answer = augmented(home, experiment=asked(dataset, **AS_IT_IS), images=6, variants=2)
    rows = {name: row for row, name in enumerate(dataset.images["name"])}
    train = set(split(dataset, Validation()).train.tolist())
    cached = decoded(home, dataset, 16)
    assert sorted(image["class"] for image in answer["images"]) == sorted(2 * list(CLASSES))
    assert len({image["name"] for image in answer["images"]}) == 6
    for image in answer["images"]:
        row = rows[image["name"]]
        assert row in train
        assert dataset.classes[dataset.images["label"][row]] == image["class"]
        for shown in (image["original"], *(variant["picture"] for variant in image["variants"])):
            assert (pixels(shown) == cached[row, 1:17, 1:17]).all()
        assert [variant["label"] for variant in image["variants"]] == [None, None]


def test_variants_differ_and_come_again_with_the_same_seed(home: Home, dataset: Dataset) -> None:
    settings = asked(dataset, crop="resized", brightness=0.5)
    answer = augmented(home, experiment=settings, images=3, variants=4)
    for image in answer["images"]:
        assert len({variant["picture"] for variant in image["variants"]} | {image["original"]}) == 5
    assert augmented(home, experiment=settings, images=3, variants=4) == answer
    other = augmented(home, experiment={**settings, "seed": 1}, images=3, variants=4)
    assert {image["name"] for image in other["images"]} != {image["name"] for image in answer["images"]}


def test_what_is_blotted_out_shows_the_mean_of_the_normalisation(
    home: Home, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lrlab.training.draws.ERASED", (1.0, 1.0))
    monkeypatch.setattr("lrlab.training.draws.ERASED_RATIO", (1.0, 1.0))
    train = split(dataset, Validation()).train
    own = normalization.measured(decoded(home, dataset, 16), train).mean
    for name, mean in {"plain": (0, 0, 0), "imagenet": normalization.IMAGENET.mean, "dataset": own}.items():
        settings = asked(dataset, erasing=1.0, normalization=name)
        answer = augmented(home, experiment=settings, images=1, variants=1)
        shown = pixels(answer["images"][0]["variants"][0]["picture"])
        assert (shown == np.rint(255 * np.array(mean))).all(), name


def test_mixed_labels_are_told_in_words(home: Home, dataset: Dataset) -> None:
    answer = augmented(home, experiment=asked(dataset, mixup=1.0), images=3, variants=5)
    words = [variant["label"] for image in answer["images"] for variant in image["variants"]]
    for word in words:
        parts = [part.split(" % ") for part in word.split(" + ")]
        assert 99 <= sum(int(share) for share, _ in parts) <= 101
        assert {name for _, name in parts} <= set(CLASSES)
    assert any(" + " in word for word in words)


def test_large_pictures_are_small_files(home: Home, dataset: Dataset) -> None:
    answer = augmented(home, experiment=asked(dataset, size=224, **AS_IT_IS), images=1, variants=1)
    assert answer["images"][0]["original"].startswith("data:image/webp")
    assert pixels(answer["images"][0]["original"]).shape == (224, 224, 3)


@pytest.mark.parametrize(("images", "variants"), [(0, 5), (100, 5), (1, -1)])
def test_too_many_pictures_are_refused(home: Home, dataset: Dataset, images: int, variants: int) -> None:
    with pytest.raises(LabError, match="allowed: 1 to 200") as caught:
        augmented(home, experiment=asked(dataset), images=images, variants=variants)
    assert caught.value.field == "images"


def test_the_helper_answers_it(home: Home, dataset: Dataset) -> None:
    settings = asked(dataset, rotation=20)
    try:
        answer = ask(home, "augmented", experiment=settings, images=2, variants=1)
        with pytest.raises(NotFound, match="there is no data set 'nothing'"):
            ask(home, "augmented", experiment={**settings, "dataset": "nothing"})
        with pytest.raises(LabError, match=r"augment.rotation: got 200, allowed: at most 180"):
            ask(home, "augmented", experiment=asked(dataset, rotation=200))
    finally:
        end_helper()
    assert answer == json.loads(json.dumps(augmented(home, experiment=settings, images=2, variants=1)))
