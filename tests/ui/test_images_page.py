"""The Images page, run as Streamlit runs it; the controls' own side is tested in a browser."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from lrlab import desk
from lrlab.datasets import SAMPLE_NAME, Dataset, Sizes, add_dataset, list_datasets, load_dataset, sizes, split
from lrlab.errors import LabError
from lrlab.experiments import Experiment, Validation
from lrlab.home import Home
from lrlab.jobs import imports
from lrlab.runs import DatasetFacts, create_run, update
from lrlab.ui import asking, upload
from lrlab.ui import images_texts as texts

PAGE = Path(__file__).parents[2] / "pages" / "images.py"

Add = Callable[..., Dataset]


@pytest.fixture
def add(home: Home, tmp_path: Path) -> Add:
    """`add("name", "A/1.png A/2.png ...")`: a data set of coloured noise; "x.txt" becomes a file that is no image."""

    def make(name: str, paths: str = "A/1.png A/2.png A/3.png B/1.png B/2.png") -> Dataset:
        root = tmp_path / f"source of {len(list_datasets(home))}"
        for seed, path in enumerate(paths.split()):
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng([len(name), seed]).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "PNG")
            file.write_bytes(b"text" if path.endswith(".txt") else buffer.getvalue())
        return add_dataset(home, root, name)

    return make


def opened(**query: str) -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    for key, value in query.items():
        page.query_params[key] = value
    return run(page)


def run(page: AppTest) -> AppTest:
    page.run()
    assert not page.exception
    return page


def component(page: AppTest, name: str) -> dict[str, Any]:
    """What Python sent to one of the page's own components."""
    (found,) = [e.proto for e in page if e.type == "bidi_component" and e.proto.component_name == f"lrlab_{name}"]
    return dict(json.loads(found.json))


def words(page: AppTest) -> str:
    """All text that Streamlit reads as Markdown."""
    marked = [*page.markdown, *page.title, *page.subheader, *page.warning, *page.error, *page.info, *page.caption]
    labels = [*page.button, *page.expander, *page.metric, *page.selectbox]
    return "\n".join([*(str(element.value) for element in marked), *(element.label for element in labels)])


def test_a_first_visit_leads_with_the_sample_set(home: Home) -> None:
    page = opened()
    control = component(page, "upload")
    assert control["first"] is True
    assert control["taken"] == control["imports"] == []
    assert control["sample"] == SAMPLE_NAME
    assert not page.selectbox
    assert not page.button


def test_a_data_set_is_shown_whole(add: Add) -> None:
    dataset = add("made", "train/A/1.png train/A/2.png train/A/x.txt train/B/1.png train/B/2.png test/A/4.png")
    page = opened()
    assert component(page, "upload")["first"] is False
    assert component(page, "upload")["taken"] == ["made"]
    assert texts.headline(dataset, sizes(dataset)) in words(page)
    assert [metric.value for metric in page.metric] == ["2", "2", "1"]
    bars = [trace["name"] for trace in component(page, "plot")["figure"]["data"] if trace["type"] == "bar"]
    assert bars == ["training", "validation", "test"]
    assert [item["class"] for item in component(page, "gallery")["items"]] == ["A", "A", "A", "B", "B"]
    assert texts.refused_title(1) in words(page)
    counts, refused = (table.value for table in page.dataframe)
    assert counts.values.tolist() == [["A", 1, 1, 1], ["B", 1, 1, 0]]
    assert refused.values[0].tolist() == ["train/A/x.txt", dataset.refused[0].reason]


@pytest.mark.parametrize(("query", "shown"), [({}, "second"), ({"dataset": "first"}, "first")])
def test_the_address_chooses_and_train_is_told(add: Add, query: dict[str, str], shown: str) -> None:
    add("first"), add("second")
    page = opened(**query)
    assert page.selectbox[0].value == shown
    assert page.session_state["dataset"] == shown
    assert page.query_params["dataset"] in (shown, [shown])
    assert not page.warning


def test_the_choice_changes_everything_below_it(add: Add) -> None:
    other = add("first", "C/1.png C/2.png D/1.png D/2.png")
    add("second")
    page = opened()
    page.selectbox[0].select("first")
    run(page)
    assert page.session_state["dataset"] == "first"
    assert f"/{other.id}/" in component(page, "gallery")["address"]
    assert {item["class"] for item in component(page, "gallery")["items"]} == {"C", "D"}


def test_an_address_of_a_data_set_that_is_not_there_is_told(add: Add) -> None:
    add("made")
    page = opened(dataset="![x](http://evil.example/x.png)")
    assert [warning.value for warning in page.warning] == [texts.BAD_LINK]
    assert page.session_state["dataset"] == "made"


def test_other_ten_are_other_images(add: Add) -> None:
    add("made", " ".join(f"{name}/{i}.png" for name in "AB" for i in range(40)))
    page = opened()
    before = [item["row"] for item in component(page, "gallery")["items"]]
    page.button(key="other_ten").click()
    run(page)
    after = [item["row"] for item in component(page, "gallery")["items"]]
    assert len(set(before)) == len(set(after)) == 10
    assert before != after


def test_names_of_strangers_are_never_markdown(add: Add) -> None:
    names = ["![a](b.png)", "**bold**", "<b>x<b>", ":smile:"]
    add("![set](set.png)", " ".join(f"{name}/{i}.png {name}/*bad*.txt" for name in names for i in range(3)))
    page = opened()
    for name in ("![set]", "![a]", "bold", "<b>", ":smile:", "*bad*"):
        assert name not in words(page).replace(page.selectbox[0].label, "")
    assert {item["class"] for item in component(page, "gallery")["items"]} == set(names)


def test_a_data_set_is_deleted_after_a_question(add: Add, home: Home) -> None:
    add("kept"), add("doomed")
    page = opened()
    page.button(key="delete").click()
    run(page)
    assert len(list_datasets(home)) == 2
    page.button(key="dialog.yes").click()
    run(page)
    assert [dataset.name for dataset in list_datasets(home)] == ["kept"]
    assert page.selectbox[0].value == "kept"
    assert page.session_state["dataset"] == "kept"


@pytest.mark.parametrize(("state", "allowed"), [("queued", False), ("succeeded", True), ("cancelled", True)])
def test_a_data_set_that_a_run_needs_is_not_deleted(add: Add, home: Home, state: str, allowed: bool) -> None:
    dataset = add("made")
    facts = DatasetFacts(id=dataset.id, name="made", classes=dataset.classes, train=4, val=1)
    record = create_run(home, Experiment(dataset="made", name="a *run*"), dataset=facts, steps_per_epoch=1)
    update(record, state=state)
    page = opened()
    page.button(key="delete").click()
    run(page)
    assert ("dialog.yes" in [button.key for button in page.button]) is allowed
    assert (texts.in_use(["a *run*"]) in [text.value for text in page.text]) is not allowed


def test_a_run_started_while_the_question_stood_there_keeps_its_data_set(add: Add, home: Home) -> None:
    dataset = add("made")
    page = opened()
    page.button(key="delete").click()
    run(page)
    facts = DatasetFacts(id=dataset.id, name="made", classes=dataset.classes, train=4, val=1)
    create_run(home, Experiment(dataset="made", name="meanwhile"), dataset=facts, steps_per_epoch=1)
    page.button(key="dialog.yes").click()
    run(page)
    assert page.session_state[asking.REFUSED] == texts.in_use(["meanwhile"])
    assert page.selectbox[0].value == "made"


def test_why_a_data_set_could_not_be_deleted_is_kept_for_the_dialog(
    add: Add, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise LabError("the disk refuses")

    add("made")
    monkeypatch.setattr(desk, "delete_dataset", refused)
    page = opened()
    page.button(key="delete").click()
    run(page)
    page.button(key="dialog.yes").click()
    run(page)
    assert page.session_state[asking.REFUSED] == "the disk refuses"
    page.button(key="delete").click()
    run(page)
    assert asking.REFUSED not in page.session_state


def test_a_data_set_whose_folder_is_gone_is_told_once_it_is_looked_at(add: Add, home: Home) -> None:
    dataset = add("made")
    (dataset.folder / "images.parquet").unlink()
    page = opened()
    assert texts.GONE in [warning.value for warning in page.warning]


def test_an_import_under_way_is_shown_to_who_comes_back(home: Home) -> None:
    going = imports.ImportStatus(id="abcdefghjk", dataset="coming", started=2e10)
    (home.imports / f"{going.id}.json").write_text(going.model_dump_json())
    assert component(opened(), "upload")["imports"] == [{"id": going.id, "dataset": "coming"}]


def test_the_control_has_every_text_that_it_asks_for_and_no_other() -> None:
    scripts = "".join((upload.HERE / name).read_text() for name in upload.SCRIPTS)
    asked = set(re.findall(r"\btexts\.([a-z_]+)", scripts))
    assert asked == set(texts.CONTROL)
    for key, text in texts.CONTROL.items():
        for name in re.findall(r"\{(\w+)\}", text):
            assert re.search(rf"\b{name}\b", scripts), f"{key} waits for {name}"


SIZES = Sizes(
    images=8,
    bytes=2_345_678,
    smallest=(84, 90),
    median=(112, 112),
    largest=(1800, 1200),
    commonest=(112, 112),
    share=0.875,
)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "From 84 x 90 to 1,800 x 1,200 pixels (width x height), the median 112 x 112. 87.5 % are 112 x 112."),
        ({"share": 0.3}, "From 84 x 90 to 1,800 x 1,200 pixels (width x height), the median 112 x 112."),
        (
            {"smallest": (8, 9), "median": (8, 9), "largest": (8, 9), "share": 1.0},
            "All images are 8 x 9 pixels (width x height).",
        ),
    ],
)
def test_sizes_in_words(changes: dict[str, Any], sentence: str) -> None:
    assert texts.size_sentence(Sizes(**{**vars(SIZES), **changes})) == sentence


@pytest.mark.parametrize(
    ("paths", "parts"),
    [
        ("A/1.png A/2.png B/1.png B/2.png", ["25 % of each class", "fraction 0.25, seed 7", "Train"]),
        ("train/A/1.png train/B/1.png val/A/2.png val/B/2.png", ["val/ validate"]),
        (
            "train/A/1.png train/B/1.png val/A/2.png val/B/2.png test/A/3.png",
            ["val/ validate", "test/ are looked at once"],
        ),
    ],
)
def test_the_split_in_words(add: Add, home: Home, paths: str, parts: list[str]) -> None:
    add("made", paths)
    validation = Validation(fraction=0.25, seed=7)
    sentence = texts.split_sentence(split(load_dataset(home, "made"), validation), validation)
    for part in parts:
        assert part in sentence
    assert ("test/" in sentence) is ("test/" in paths)
