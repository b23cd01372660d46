"""Below a finished run in a real Chromium: the matrix, the mistakes with their pictures, and one's own image."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from playwright.sync_api import Page, expect

from lrlab.datasets import add_dataset, split
from lrlab.experiments import Experiment
from lrlab.home import Home
from lrlab.runs import DatasetFacts, Run, create_run, load_predictions
from lrlab.training.worker import attempt
from lrlab.ui.evaluation import texts

HOSTILE = "<img src=x onerror=alert(1)>"


def picture(path: Path, seed: int) -> Path:
    """A square that is brighter on top, with noise; the seed decides how bright."""
    rng = np.random.default_rng(seed)
    pixels = np.linspace(200, 30, 40)[:, None, None] + rng.normal(0, 30, (40, 40, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def run(server, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on pictures that nothing tells apart, so that there are mistakes; one class has a hostile name."""
    home: Home = server.home
    root = tmp_path_factory.mktemp("pictures") / "alike"
    for number in range(24):
        picture(root / ("Dark", HOSTILE)[number % 2] / f"{number}.png", number)
    dataset = add_dataset(home, root, "alike")
    wish = {"dataset": "alike", "image_size": 32, "batch_size": 4, "epochs": 2, "validation": {"fraction": 0.5}}
    experiment = Experiment.model_validate({**wish, "device": "cpu"})
    parts = split(dataset, experiment.validation)
    facts = DatasetFacts(
        id=dataset.id, name="alike", classes=dataset.classes, train=len(parts.train), val=len(parts.val)
    )
    run = create_run(home, experiment, dataset=facts, steps_per_epoch=len(parts.train) // 4)
    assert attempt(home, run) == 0, run.record.cause
    return run


def test_the_matrix_the_mistakes_and_their_pictures(page: Page, run: Run) -> None:
    found = load_predictions(run)
    assert found is not None
    wrong = found.frame[found.frame["predicted"] != found.frame["label"]]
    assert len(wrong), "the pictures were told apart, so there is nothing to see"
    page.goto(f"/train?run={run.id}")
    matrix = page.get_by_role("img", name=re.compile("Confusion matrix of 12 validation images"))
    expect(matrix.locator(".heatmaplayer image")).to_have_count(2)
    cards = page.get_by_test_id("mistakes").locator("li")
    expect(cards).to_have_count(min(len(wrong), 10))
    for image in cards.locator("img").all():
        image.scroll_into_view_if_needed()
        expect(image).to_have_js_property("complete", True)
        assert image.evaluate("node => node.naturalWidth") == 40
    expect(cards.first.locator(".said b")).to_have_text(re.compile("Dark|onerror"))
    page.get_by_text("Shares", exact=True).click()
    expect(matrix.locator(".textpoint text").first).to_have_text(re.compile(r"^\d+ %$"))


def test_ones_own_images_are_answered_or_refused_in_words(page: Page, run: Run, tmp_path: Path) -> None:
    upright = picture(tmp_path / "upright.png", 3)
    turned = Image.open(upright).transpose(Image.Transpose.ROTATE_90)  # EXIF 6 says: turn me back
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    turned.save(tmp_path / "turned.png", exif=exif)
    cut = tmp_path / f"{HOSTILE}.png"
    cut.write_bytes(upright.read_bytes()[:900])
    page.goto(f"/train?run={run.id}")
    page.get_by_test_id("own-image-input").set_input_files([upright, tmp_path / "turned.png", cut])
    cards = page.get_by_test_id("own-images").locator("li")
    expect(cards.nth(0)).to_have_attribute("data-answered", "best")
    expect(cards.nth(1)).to_have_attribute("data-answered", "best")
    expect(cards.nth(2).get_by_role("alert")).to_have_text(f"'{HOSTILE}.png' is cut off before its end")
    shares = [cards.nth(place).locator(".share").all_inner_texts() for place in (0, 1)]
    assert len(shares[0]) == 2
    assert shares[0] == shares[1]  # the same picture, once it is turned
    assert cards.nth(0).locator("img").get_attribute("src") == cards.nth(1).locator("img").get_attribute("src")
    page.get_by_role("button", name=texts.OWN["last"], exact=True).click()
    expect(cards.nth(1)).to_have_attribute("data-answered", "last")
    expect(cards.nth(0).locator(".of")).to_contain_text("epoch 2")
    page.get_by_role("button", name=texts.OWN["remove"]).click()
    expect(cards).to_have_count(0)


def test_a_server_that_is_gone_is_said_so(page: Page, run: Run, tmp_path: Path) -> None:
    page.goto(f"/train?run={run.id}")
    expect(page.get_by_text(texts.OWN["drop"])).to_be_visible()
    page.route("**/predict?**", lambda route: route.abort())
    page.get_by_test_id("own-image-input").set_input_files(picture(tmp_path / "a.png", 1))
    expect(page.get_by_test_id("own-images").get_by_role("alert")).to_have_text(texts.OWN["offline"])
