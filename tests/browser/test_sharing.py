"""A link shows the same curve wherever it is opened: in another tab, another profile, another browser. Code that is
pasted becomes the composed schedule."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from lrlab.schedules import Composition, from_link, to_link
from lrlab.ui import tabs_texts as texts

COMPOSER = "document.querySelector('.lrlab-plot').lrlabInstance"

SCHEDULES = {
    "nest": {
        "lr": 0.05, "epochs": 12, "steps_per_epoch": 17,
        "schedule": {
            "warmup": {"length": 20, "unit": "step", "start_factor": 0.05},
            "scheduler": {
                "name": "SequentialLR", "milestones": [3, 8],
                "schedulers": [
                    {
                        "name": "ChainedScheduler",
                        "schedulers": [{"name": "ExponentialLR", "gamma": 0.9}, {"name": "ConstantLR"}],
                    },
                    {"name": "LambdaLR", "formula": "0.5 + 0.5 * cos(pi * t)"},
                    {"name": "LambdaLR", "table": {"points": [[0, 0.5], [2, 0.1]], "scale": "log"}},
                ],
            },
        },
        "groups": [
            {"name": "<b>head</b>", "multiplier": 1}, {"name": "骨干", "multiplier": 0.1}, {"name": "c", "lr": 1e-3},
        ],
    },
    "plateau": {
        "lr": 0.01, "epochs": 40, "steps_per_epoch": 11,
        "schedule": {
            "warmup": {"length": 2},
            "scheduler": {"name": "ReduceLROnPlateau", "factor": 0.3, "patience": 2, "min_lr": 1e-5},
        },
        "metric": {"kind": "synthetic", "start": 3, "floor": 0.2, "speed": 0.9, "noise": 0.05, "seed": 7},
    },
    "momentum": {
        "epochs": 5, "steps_per_epoch": 40,
        "schedule": {
            "interval": "step",
            "scheduler": {"name": "OneCycleLR", "max_lr": 0.1, "total_steps": 200, "three_phase": True},
        },
    },
}  # fmt: skip


def drawn(page: Page) -> list[dict[str, Any]]:
    """Every line of the chart, value by value, once it stands."""
    expect(page.locator(".chart[data-drawn]")).to_be_visible()
    page.wait_for_function(f"{COMPOSER}.exchange.quiet && !{COMPOSER}.chart.busy")
    return page.evaluate(
        """() => document.querySelector('.chart')._fullData.map(({ name, yaxis, line, x, y }) =>
            ({ name, yaxis, dash: line?.dash, x: Array.from(x), y: Array.from(y) }))"""
    )


def copied(page: Page) -> str:
    page.get_by_role("button", name=texts.SHARE["share"]).click()
    field = page.get_by_role("textbox", name=texts.SHARE["address"])
    expect(field).to_have_value(re.compile(r"/\?schedule=1\.[A-Za-z0-9_-]+$"))
    return field.input_value()


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_link_shows_the_same_curve_in_another_session(page: Page, browser: Browser, server, name: str):
    composition = Composition.model_validate(SCHEDULES[name])
    page.goto(f"/?schedule={to_link(composition)}")
    lines = drawn(page)
    assert len(lines) >= 1 + len(composition.groups)
    address = copied(page)
    assert from_link(address) == composition
    context = browser.new_context()
    other = context.new_page()
    other.goto(address)
    assert drawn(other) == lines
    context.close()


def test_a_schedule_composed_by_hand_is_in_the_address_and_opens_in_another_browser(page: Page, launch):
    page.goto("/")
    expect(page.locator(".chart[data-drawn]")).to_be_visible()
    assert "schedule" not in page.url  # the first schedule needs no address
    page.get_by_test_id("scheduler").select_option("CosineAnnealingWarmRestarts")
    page.get_by_test_id("field-epochs").get_by_role("textbox").fill("13")
    page.wait_for_function(f"{COMPOSER}.exchange.quiet && {COMPOSER}.exchange.state.composition.epochs === 13")
    composition = Composition.model_validate(page.evaluate(f"{COMPOSER}.exchange.state.composition"))
    expect(page).to_have_url(re.compile(re.escape(to_link(composition))))
    history = page.evaluate("history.length")
    lines, address = drawn(page), copied(page)
    assert from_link(address) == composition
    # A movement of a control is no station of the way back.
    page.get_by_test_id("field-epochs").get_by_role("textbox").fill("14")
    expect(page).not_to_have_url(re.compile(re.escape(to_link(composition))))
    assert page.evaluate("history.length") == history
    other = launch()
    there = other.new_page()
    there.goto(address)
    assert drawn(there) == lines
    other.close()
    # A reload shows what was composed last.
    page.reload()
    drawn(page)
    assert page.evaluate(f"{COMPOSER}.exchange.state.composition.epochs") == 14


def test_a_copy_of_the_link_reaches_the_clipboard(page: Page, server):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    page.goto("/")
    expect(page.locator(".chart[data-drawn]")).to_be_visible()
    address = copied(page)
    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == address


def test_without_a_clipboard_the_address_is_selected_for_the_person(page: Page):
    page.add_init_script(
        "Object.defineProperty(navigator, 'clipboard', { value: undefined }); document.execCommand = () => false;"
    )
    page.goto("/")
    expect(page.locator(".chart[data-drawn]")).to_be_visible()
    address = copied(page)
    expect(page.get_by_text(texts.SHARE["by_hand"])).to_be_visible()
    assert page.evaluate("getSelection().toString() || document.activeElement.value") == address
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name=texts.SHARE["share"])).to_be_focused()


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ("1.AAAA", "broken"),
        ("1.<script>alert(1)</script>", "character"),
        ('{"lr":-3}', "lr"),
        ('{"schedule":{"scheduler":{"name":"<img src=x onerror=alert(1)>"}}}', "<img src=x onerror=alert(1)>"),
    ],
)
def test_a_bad_link_says_so_and_shows_the_first_schedule(page: Page, link: str, reason: str):
    page.goto(f"/?schedule={link}")
    expect(page.get_by_role("alert").filter(has_text="could not be read")).to_contain_text(reason)
    drawn(page)
    assert Composition.model_validate(page.evaluate(f"{COMPOSER}.exchange.state.composition")) == Composition()


def test_pasted_code_is_read_completed_and_composed_and_can_be_undone(page: Page):
    page.goto("/")
    drawn(page)
    page.get_by_role("tab", name=texts.PASTE).click()
    page.get_by_role("textbox", name=texts.PASTE_HERE).fill(
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.5)\n"
        "warm = optim.lr_scheduler.LinearLR(optimizer, total_iters=3)\n"
        "rest = optim.lr_scheduler.PolynomialLR(optimizer, total_iters=epochs - 3, power=0.9)\n"
        "scheduler = optim.lr_scheduler.SequentialLR(optimizer, [warm, rest], milestones=[3])\n"
    )
    page.get_by_role("button", name=texts.READ).click()
    answer = page.get_by_role("textbox", name="How much is `epochs`?")
    expect(answer).to_have_value("20")
    answer.fill("16")
    answer.press("Enter")
    page.get_by_role("button", name=texts.USE).click()
    page.wait_for_function(f"{COMPOSER}.exchange.state.composition.schedule.scheduler.name === 'SequentialLR'")
    composition = Composition.model_validate(page.evaluate(f"{COMPOSER}.exchange.state.composition"))
    assert composition.lr == 0.5
    assert composition.schedule.scheduler.schedulers[1].total_iters == 13
    page.get_by_role("button", name="Undo").click()
    page.wait_for_function(f"{COMPOSER}.exchange.state.composition.schedule.scheduler.name === 'StepLR'")
