"""The way a newcomer goes, in a real Chromium: compose, upload, train twice, watch, compare.

On the real coffee beans beside the project where they are, else on the sample set.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from lrlab.datasets import SAMPLE_NAME
from lrlab.runs import Run, list_runs
from lrlab.schedules import curve
from lrlab.ui import images_texts

COFFEE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "coffee_roast.zip"
EPOCHS = 3


@pytest.fixture(scope="module", autouse=True)
def _a_worker_is_kept_warm() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LRLAB_IDLE_SECONDS", "60")
        yield


def number(page: Page, label: str, value: int) -> None:
    field = page.get_by_role("spinbutton", name=label)
    field.fill(str(value))
    field.press("Enter")


def start(page: Page, server, until: Callable[[Callable[[], object]], None], runs: int) -> Run:
    page.get_by_role("button", name="Start training").click()
    until(lambda: len(list_runs(server.home)) == runs)
    newest = list_runs(server.home)[0]
    # The strip and the charts stream without a reload; the last event says that the run is over.
    expect(page.locator(".strip .state")).to_have_text("succeeded")
    expect(page.locator(".chart[data-drawn]")).to_be_visible()
    until(lambda: newest.state == "succeeded")
    return newest


def images(page: Page) -> str:
    page.goto("/images")
    if not COFFEE.exists():
        page.get_by_role("button", name="Use the sample set").click()
        expect(page.get_by_role("button", name="Train with these images")).to_be_visible()
        return SAMPLE_NAME
    page.get_by_test_id("zip-input").set_input_files(COFFEE)
    page.get_by_label(images_texts.CONTROL["name"]).fill("coffee")
    page.get_by_role("button", name=images_texts.CONTROL["add"]).click()
    expect(page.get_by_text("1,000 images in 4 classes")).to_be_visible()
    return "coffee"


@pytest.mark.timeout(600)
def test_from_sliders_to_two_compared_runs(page: Page, server, until):
    name = images(page)

    # A schedule: StepLR after every epoch, typed; the curve follows without a button.
    page.goto("/")
    chart = page.locator(".chart[data-drawn]")
    expect(chart).to_be_visible()
    drawn = int(chart.get_attribute("data-drawn") or 0)
    page.get_by_test_id("field-scheduler.step_size").get_by_role("textbox").fill("1")
    page.get_by_test_id("field-epochs").get_by_role("textbox").fill(str(EPOCHS))
    until(lambda: int(chart.get_attribute("data-drawn") or 0) > drawn)
    expect(page.get_by_test_id("words")).to_contain_text("It drops 2 times")
    page.get_by_role("button", name="Train with this").click()

    # The first run takes the composed schedule and its epochs along.
    expect(page.get_by_role("button", name="Start training")).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Epochs")).to_have_value(str(EPOCHS))
    number(page, "Image size", 32)
    stepped = start(page, server, until, runs=1)

    # The second run: fixed.
    page.goto("/train?new=1")
    expect(page.get_by_role("button", name="Start training")).to_be_visible()
    page.get_by_role("combobox", name="Schedule").click()
    page.get_by_role("option", name=re.compile("^Fixed")).click()
    number(page, "Epochs", EPOCHS)
    number(page, "Image size", 32)
    fixed = start(page, server, until, runs=2)

    for run, scheduler in ((stepped, "StepLR"), (fixed, "Fixed")):
        experiment = run.experiment
        assert (experiment.dataset, experiment.epochs, experiment.image_size) == (name, EPOCHS, 32)
        assert experiment.schedule.scheduler.name == scheduler
        per_epoch = run.record.steps_per_epoch
        previewed = curve(experiment.schedule, experiment.optimizer.lr, EPOCHS, per_epoch).lr
        assert np.array_equal(run.steps["step"], np.arange(EPOCHS * per_epoch))
        np.testing.assert_allclose(run.steps["lr"], previewed, rtol=1e-9)
        assert run.epochs["val_accuracy"].between(0, 1).all()

    # Both on Compare: two rows chosen, the charts overlaid, the setting that differs named.
    page.goto(f"/compare?runs={stepped.id},{fixed.id}")
    expect(page.locator(".chart[data-drawn]")).to_be_visible()
    expect(page.locator(".strip")).to_have_count(2)
    names = page.evaluate("() => document.querySelector('.chart').data.map((trace) => trace.name ?? '').join(' ')")
    assert "StepLR" in names
    assert "Fixed" in names
    expect(page.get_by_text("Settings that differ")).to_be_visible()
