"""The upload control in a real Chromium: what a person drops or chooses arrives, and what fails leaves nothing."""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from lrlab.datasets import add_dataset, list_datasets, load_dataset
from lrlab.ui import images_texts as texts

Until = Callable[[Callable[[], object]], None]
Network = Callable[..., None]

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
WORDS = texts.CONTROL
PIECE_BYTES = 8 * 1024 * 1024  # what the control sends in one request


def png(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def folder(root: Path, classes: str, images: int) -> Path:
    for label, name in enumerate(classes.split()):
        (root / name).mkdir(parents=True)
        for number in range(images):
            (root / name / f"{number}.png").write_bytes(png(1000 * label + number))
    return root


def large_zip(path: Path, size: int) -> Path:
    """A zip of two classes that is larger than `size` bytes: a file of noise rides along."""
    with zipfile.ZipFile(path, "w") as archive:
        for seed, name in enumerate(("A/1.png", "A/2.png", "B/1.png", "B/2.png")):
            archive.writestr(name, png(seed))
        archive.writestr("noise.bin", os.urandom(size))
    return path


def control(page: Page) -> Locator:
    """Opens the Images page and waits for the control."""
    page.goto("/images")
    found = page.get_by_test_id("upload")
    expect(found.get_by_text(WORDS["drop"])).to_be_visible()
    return found


def add(page: Page, kind: str, path: Path, name: str) -> None:
    page.get_by_test_id(kind).set_input_files(path)
    page.get_by_label(WORDS["name"]).fill(name)
    page.get_by_role("button", name=WORDS["add"]).click()


def drop(page: Page, target: Locator, *paths: Path) -> None:
    """Drops files or folders as the file manager does; Playwright itself knows no such deed."""
    session = page.context.new_cdp_session(page)
    box = target.bounding_box()
    assert box
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        event = {"type": kind, "x": box["x"] + 30, "y": box["y"] + 20, "data": data}
        session.send("Input.dispatchDragEvent", event)


@pytest.fixture
def network(page: Page) -> Callable[..., None]:
    """`network(upload=..., offline=...)`: bytes a second that go out of the browser (-1: all), and whether any do."""
    session: Any = page.context.new_cdp_session(page)  # one for all calls: each session has conditions of its own
    session.send("Network.enable")

    def set_conditions(upload: int = -1, *, offline: bool = False) -> None:
        conditions = {"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": upload}
        session.send("Network.emulateNetworkConditions", conditions)

    return set_conditions


def left(server: Any) -> list[str]:
    return [path.name for path in server.home.uploads.iterdir()]


@pytest.fixture
def coffee(tmp_path: Path) -> Path:
    """coffee_roast.zip: the real one where it lies beside the project, else four pictures of noise."""
    real = SHARED / "coffee_roast.zip"
    return real if real.exists() else large_zip(tmp_path / "coffee_roast.zip", 1000)


def test_a_zip_is_uploaded_and_shown(page: Page, server: Any, until: Until, coffee: Path) -> None:
    zone = control(page)
    page.get_by_test_id("zip-input").set_input_files(coffee)
    expect(page.get_by_label(WORDS["name"])).to_have_value("coffee_roast")
    page.get_by_role("button", name=WORDS["add"]).click()
    expect(zone.get_by_role("progressbar", name="coffee_roast")).to_be_visible()
    expect(page).to_have_url(re.compile("dataset=coffee_roast"))
    expect(page.get_by_role("button", name=texts.TRAIN)).to_be_visible()
    dataset = load_dataset(server.home, "coffee_roast")
    expect(page.get_by_text(f"{len(dataset):,} images in {len(dataset.classes)} classes")).to_be_visible()
    pictures = page.get_by_test_id("gallery").get_by_role("img")
    expect(pictures).to_have_count(min(10, len(dataset)))
    page.wait_for_function(
        "[...document.querySelectorAll('.lrlab-gallery img')].every((image) => image.complete && image.naturalWidth)"
    )
    assert set(page.get_by_test_id("gallery").locator("figcaption").all_inner_texts()) == set(dataset.classes)
    expect(page.locator(".lrlab-plot .xtick").first).to_be_visible()
    expect(page.locator(".modebar-btn")).to_have_count(1)  # the picture as a file; nothing that sends it elsewhere
    until(lambda: not left(server))


def test_a_dropped_folder_of_many_small_files_arrives_whole(
    page: Page, server: Any, until: Until, tmp_path: Path
) -> None:
    source = folder(tmp_path / "many", "A B/C", 250)  # a folder is read a hundred entries at a time
    (source / ".hidden").mkdir()
    (source / ".hidden" / "1.png").write_bytes(png(0))
    bodies: list[str] = []
    zone = control(page)
    page.on("request", lambda request: bodies.append(request.url) if request.method == "PUT" else None)
    drop(page, zone, source)
    expect(zone.get_by_text("many: 500 files")).to_be_visible()
    page.get_by_role("button", name=WORDS["add"]).click()
    expect(page).to_have_url(re.compile("dataset=many"))
    dataset = load_dataset(server.home, "many")
    assert dataset.classes == ("A", "B/C")
    came = {row["name"]: (dataset.root / row["file"]).read_bytes() for _, row in dataset.images.iterrows()}
    assert came == {
        f"many/{path.relative_to(source).as_posix()}": path.read_bytes()
        for path in source.rglob("*.png")
        if ".hidden" not in path.parts
    }
    assert len(bodies) < 5
    until(lambda: not left(server))


def test_a_large_file_survives_a_dropped_connection(
    page: Page, server: Any, network: Network, tmp_path: Path, until: Until
) -> None:
    source = large_zip(tmp_path / "large.zip", 3 * PIECE_BYTES)
    zone = control(page)
    network(upload=PIECE_BYTES)
    add(page, "zip-input", source, "large")
    until(lambda: any(path.stat().st_size >= PIECE_BYTES for path in server.home.uploads.glob("*/.*")))
    network(offline=True)
    expect(zone.get_by_text(WORDS["interrupted"])).to_be_visible()
    network()
    expect(page).to_have_url(re.compile("dataset=large"))
    assert len(load_dataset(server.home, "large")) == 4
    until(lambda: not left(server))


def test_a_name_that_was_taken_meanwhile_is_changed_and_nothing_is_sent_again(
    page: Page, server: Any, network: Network, tmp_path: Path, until: Until
) -> None:
    source = large_zip(tmp_path / "large.zip", 2 * PIECE_BYTES)
    zone = control(page)
    network(upload=PIECE_BYTES)
    add(page, "zip-input", source, "contested")
    until(lambda: any(path.stat().st_size >= PIECE_BYTES for path in server.home.uploads.glob("*/.*")))
    add_dataset(server.home, folder(tmp_path / "first", "A B", 2), "contested")
    network()
    expect(zone.get_by_role("alert").filter(has_text="already a data set")).to_be_visible()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "PUT" else None)
    page.get_by_label(WORDS["name"]).fill("uncontested")
    page.get_by_role("button", name=WORDS["add"]).click()
    expect(page).to_have_url(re.compile("dataset=uncontested"))
    assert sent == []
    assert len(load_dataset(server.home, "uncontested")) == 4
    until(lambda: not left(server))


@pytest.mark.parametrize("way_out", ["cancel", "reload"])
def test_an_upload_that_ends_early_leaves_nothing(
    page: Page, server: Any, network: Network, tmp_path: Path, until: Until, way_out: str
) -> None:
    page.on("dialog", lambda dialog: dialog.accept())  # "leave this page?"
    zone = control(page)
    network(upload=PIECE_BYTES // 4)
    add(page, "zip-input", large_zip(tmp_path / "large.zip", 3 * PIECE_BYTES), "unwanted")
    bar = zone.get_by_role("progressbar", name="unwanted")
    until(lambda: any(path.stat().st_size > 0 for path in server.home.uploads.glob("*/.*")))
    if way_out == "cancel":
        zone.get_by_role("button", name=WORDS["cancel"]).click()
    else:
        page.reload()
        expect(zone.get_by_text("unwanted was cut off")).to_be_visible()
    expect(bar).to_have_count(0)
    until(lambda: not left(server))
    assert "unwanted" not in [dataset.name for dataset in list_datasets(server.home)]


def test_another_page_and_a_reload_do_not_end_what_goes_on(
    page: Page, server: Any, network: Network, tmp_path: Path
) -> None:
    zone = control(page)
    network(upload=PIECE_BYTES)
    add(page, "zip-input", large_zip(tmp_path / "large.zip", 3 * PIECE_BYTES), "meanwhile")
    page.get_by_role("link", name="Schedule").click()
    expect(page.get_by_role("heading", name="Schedule")).to_be_visible()
    network()
    page.get_by_role("link", name="Images").click()
    page.wait_for_function(
        "location.search.includes('meanwhile') || document.querySelector('.addition')?.dataset.phase === 'importing'"
    )
    page.reload()
    expect(page).to_have_url(re.compile("dataset=meanwhile"))
    expect(zone.get_by_test_id("addition")).to_have_count(0)
    assert len(load_dataset(server.home, "meanwhile")) == 4


def test_what_cannot_be_added_is_told_where_the_person_looks(
    page: Page, server: Any, tmp_path: Path, until: Until
) -> None:
    known = [dataset.name for dataset in list_datasets(server.home)]
    (tmp_path / "notes.zip").write_text("this is no zip")
    (tmp_path / "empty").mkdir()
    one = folder(tmp_path / "one", "Dark", 3)
    zone = control(page)

    add(page, "zip-input", tmp_path / "notes.zip", "![notes](notes.png)")
    expect(zone.get_by_role("alert").filter(has_text="notes.zip is not a zip file")).to_be_visible()
    zone.get_by_role("button", name=WORDS["dismiss"]).click()
    expect(zone.get_by_test_id("addition")).to_have_count(0)

    add(page, "folder-input", one, "one class")
    expect(zone.get_by_role("alert").filter(has_text="at least two are needed")).to_be_visible()
    zone.get_by_role("button", name=WORDS["dismiss"]).click()

    drop(page, zone, tmp_path / "empty")
    expect(zone.get_by_role("alert").filter(has_text="empty holds no files")).to_be_visible()
    drop(page, zone, one / "Dark" / "0.png")
    expect(zone.get_by_role("alert").filter(has_text="neither a zip nor a folder")).to_be_visible()

    zone.get_by_role("button", name=WORDS["name_folder"]).click()
    page.get_by_label(WORDS["path"]).fill("/no/such/place")
    page.get_by_role("button", name=WORDS["add"]).click()
    expect(zone.get_by_role("alert").filter(has_text="There is no file or folder")).to_be_visible()
    expect(page.get_by_label(WORDS["path"])).to_have_value("/no/such/place")

    until(lambda: not left(server))
    assert [dataset.name for dataset in list_datasets(server.home)] == known


def test_a_folder_on_the_server_is_taken_and_its_name_must_be_free(page: Page, server: Any, tmp_path: Path) -> None:
    source = folder(tmp_path / "on the server", "A B", 3)
    zone = control(page)
    for round_, name in enumerate(("on the server", "on the server 2")):
        zone.get_by_role("button", name=WORDS["name_folder"]).click()
        page.get_by_label(WORDS["path"]).fill(str(source))
        expect(page.get_by_label(WORDS["name"])).to_have_value(name)
        if round_:
            page.get_by_label(WORDS["name"]).fill("on the server")
            page.get_by_role("button", name=WORDS["add"]).click()
            expect(zone.get_by_role("alert").filter(has_text="already a data set")).to_be_visible()
        else:
            page.get_by_role("button", name=WORDS["add"]).click()
            expect(page.get_by_text("6 images in 2 classes")).to_be_visible()
    assert load_dataset(server.home, "on the server").root == source


def test_names_of_strangers_reach_no_page_as_markup(page: Page, server: Any, tmp_path: Path) -> None:
    names = [
        "<img src=x onerror=alert(1)>",
        "![pic](pic.png)",
        "<a href='javascript:alert(1)'>link",
        "**bold** $x$",
        "=1+1",
    ]
    source = tmp_path / "hostile.zip"
    with zipfile.ZipFile(source, "w") as archive:
        for label, name in enumerate(names):
            for number in range(3):
                archive.writestr(f"{name}/{number}<b>.png", png(100 * label + number))
            archive.writestr(f"{name}/![bad](bad.png).png", b"no image")
    asked: list[str] = []
    alerts: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    control(page)
    add(page, "zip-input", source, "![set](set.png) <b>bold")
    captions = page.get_by_test_id("gallery").locator("figcaption")
    expect(captions.filter(has_text="![pic](pic.png)").first).to_be_visible()
    assert set(captions.all_inner_texts()) == set(names)
    page.get_by_text(texts.TABLE).click()
    page.get_by_text(texts.refused_title(len(names))).click()
    page.locator(".lrlab-plot .barlayer .point").first.hover(force=True)
    expect(page.locator(".lrlab-plot .hoverlayer")).to_contain_text(f"{sorted(names)[0]}: 2 training")
    page.get_by_role("button", name=texts.DELETE).click()
    expect(page.get_by_role("dialog").get_by_text("![set](set.png) <b>bold", exact=False)).to_be_visible()
    assert alerts == []
    assert [url for url in asked if url.endswith(("/x", "pic.png", "set.png", "bad.png"))] == []
    assert page.locator(".stMain a[href^='javascript'], .stMain img[src='x']").count() == 0
    page.get_by_role("button", name=texts.DELETE_YES).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert "![set]" not in [dataset.name[:6] for dataset in list_datasets(server.home)]
