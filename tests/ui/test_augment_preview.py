"""The grid of what the model sees, on the Train page: asked for once, shown when it is there; refusals in words."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from lrlab import jobs
from lrlab.errors import LabError
from lrlab.ui import augment_preview
from lrlab.ui import augment_texts as texts
from lrlab.ui.augment_preview import IMAGES, VARIANTS, grid

PICTURE = "data:image/png;base64,AAAA"


def answer(name: str = "Dark", label: str | None = None) -> dict[str, Any]:
    variants = [{"picture": PICTURE, "label": label} for _ in range(VARIANTS)]
    return {"images": [{"name": "a.png", "class": name, "original": PICTURE, "variants": variants}] * IMAGES}


class Helper:
    """Stands in for the helper: keeps what was asked, and gives a future that the test may settle."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.futures: list[Future[Any]] = []
        self.at_once: Any = answer()

    def __call__(self, home: Any, question: str, *, keep: bool, **arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if question != "augmented":
            return future
        assert keep
        if isinstance(self.at_once, LabError):
            future.set_exception(self.at_once)
        elif self.at_once is not None:
            future.set_result(self.at_once)
        self.asked.append(arguments)
        self.futures.append(future)
        return future


@pytest.fixture
def helper(monkeypatch: pytest.MonkeyPatch) -> Helper:
    stand_in = Helper()
    monkeypatch.setattr(jobs, "ask_later", stand_in, raising=False)
    monkeypatch.setattr(augment_preview, "AT_ONCE", 0.0)
    return stand_in


def grids(page: Any) -> list[str]:
    return [element.proto.body for element in page.get("html") if "<img" in element.proto.body]


def captions(page: Any) -> list[str]:
    return [caption.value for caption in page.caption]


def shown(open_page: Any, run_page: Any) -> Any:
    page = open_page("train")
    page.toggle(key="augment.shown").set_value(True)
    return run_page(page)


def test_nothing_is_asked_until_a_person_wants_to_see(open_page, noise, helper):
    noise("coffee", 40)
    page = open_page("train")
    assert page.toggle(key="augment.shown").label == texts.SHOW
    assert helper.asked == []
    assert grids(page) == []


def test_what_is_there_at_once_is_shown_in_the_same_run(open_page, noise, helper, run_page):
    dataset = noise("coffee", 40)
    page = shown(open_page, run_page)
    (asked,) = helper.asked
    assert (asked["images"], asked["variants"]) == (IMAGES, VARIANTS)
    assert asked["experiment"]["dataset"] == dataset.id
    assert asked["experiment"]["augment"]["normalization"] == "centred"
    (drawn,) = grids(page)
    assert drawn.count("<img") == IMAGES * (1 + VARIANTS)
    assert texts.FIRST not in captions(page)


def test_only_what_the_pictures_depend_on_asks_anew(open_page, noise, helper, run_page):
    noise("coffee", 40)
    page = shown(open_page, run_page)
    page.text_input(key="train.lr").set_value("0.01")
    page.number_input(key="train.epochs").set_value(7)
    run_page(page)
    assert len(helper.asked) == 1
    page.number_input(key="train.augment.rotation").set_value(30.0)
    run_page(page)
    assert [asked["experiment"]["augment"]["rotation"] for asked in helper.asked] == [0, 30]
    page.button(key="augment.others").click()
    run_page(page)
    assert [asked["experiment"]["seed"] for asked in helper.asked] == [0, 0, 1]


def test_what_takes_longer_leaves_the_page_as_it_is_and_comes_by_itself(open_page, noise, helper, run_page):
    noise("coffee", 40)
    helper.at_once = None
    page = shown(open_page, run_page)
    assert texts.FIRST in captions(page)
    assert grids(page) == []
    assert not page.button(key="train.start").disabled
    helper.futures[-1].set_result(answer())
    helper.at_once = answer()  # as the disk has it from now on
    run_page(page)
    assert len(grids(page)) == 1
    helper.at_once = None
    page.number_input(key="train.augment.rotation").set_value(30.0)
    run_page(page)
    (old,) = grids(page)
    assert "lrlab-seen-old" in old
    assert texts.DRAWING in captions(page)


def test_a_refusal_is_told_once_and_not_asked_for_again(open_page, noise, helper, run_page):
    noise("coffee", 40)
    helper.at_once = LabError("'a.png' <b>is damaged</b>")
    page = shown(open_page, run_page)
    for _ in range(2):
        (told,) = [element.proto.body for element in page.get("html") if 'role="alert"' in element.proto.body]
        assert "&lt;b&gt;is damaged" in told
        run_page(page)
    assert len(helper.asked) == 1


def test_settings_that_are_refused_ask_nothing(open_page, noise, helper, run_page):
    noise("coffee", 40)
    page = open_page("train")
    page.text_input(key="train.lr").set_value("-1")
    page.toggle(key="augment.shown").set_value(True)
    run_page(page)
    assert texts.FAULTY in captions(page)
    assert helper.asked == []


def test_names_of_classes_are_text() -> None:
    drawn = grid(answer('<img src=x onerror="a">', "50 % <script> + 50 % b")["images"])
    assert "<script>" not in drawn
    assert drawn.count("<img") == IMAGES * (1 + VARIANTS)
    assert "&lt;img src=x onerror=&quot;a&quot;&gt;" in drawn
    assert "50 % &lt;script&gt; + 50 % b" in drawn


def test_every_picture_says_what_it_is() -> None:
    drawn = grid(answer()["images"])
    assert drawn.count('alt="Dark, as it is"') == IMAGES
    assert all(drawn.count(f'alt="Dark, as seen in epoch {number}"') == IMAGES for number in range(1, VARIANTS + 1))
