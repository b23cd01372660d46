"""Large uploads in a real Chromium: a zip and a folder arrive whole over connections that break, two at a time, past a
server that is killed, and the server's memory does not grow with them.

Short: 24 MB and 1,000 files. LRLAB_LONG=1: 1 GB and 50,000 files.
"""

from __future__ import annotations

import hashlib
import io
import os
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from lrlab.datasets import Dataset, list_datasets
from lrlab.home import Home
from lrlab.ui import images_texts as texts
from tests.serving import LONGEST, Server, launched, serving

from .serving import LONG, MB, Usage
from .wire import wired

WORDS = texts.CONTROL
CLASSES = ("Dark", "Green", "Light", "Medium")
ZIP_BYTES = 1024 * MB if LONG else 24 * MB
FILES = 50_000 if LONG else 1000
KILLED = 48 * MB if LONG else 24 * MB
RATE = 0 if LONG else 8 * MB
PATIENCE = 1500.0 if LONG else LONGEST
ALLOWED = 100 * MB

pytestmark = [pytest.mark.browser, pytest.mark.timeout(PATIENCE)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = _launched(playwright)
        yield browser
        browser.close()


def _launched(playwright: Playwright) -> Browser:
    expect.set_options(timeout=1000 * PATIENCE)
    return launched(playwright)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(Home(tmp_path_factory.mktemp("lab"))) as server:
        yield server


@pytest.fixture
def tab(browser: Browser) -> Iterator[Callable[[str], Page]]:
    """`tab(url)`: the Images page of that server, in a browser profile of its own, with its control there."""
    opened: list[Page] = []
    errors: list[str] = []

    def open_(url: str) -> Page:
        page = browser.new_context(base_url=url).new_page()
        opened.append(page)
        page.set_default_timeout(1000 * PATIENCE)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto("/images")
        expect(page.get_by_test_id("upload").get_by_text(WORDS["drop"])).to_be_visible()
        return page

    yield open_
    for page in opened:
        page.context.close()
    assert errors == []


# ---- what is uploaded -----------------------------------------------------------------------------------------------


def _jpeg(size: int) -> bytes:
    """A small picture that is `size` bytes large: comments of noise, which no decoder has to work on."""
    buffer = io.BytesIO()
    Image.new("RGB", (48, 48), tuple(os.urandom(3))).save(buffer, "JPEG")
    picture, comments = buffer.getvalue(), bytearray()
    while len(picture) + len(comments) < size:
        noise = os.urandom(min(65_000, size))
        comments += b"\xff\xfe" + (len(noise) + 2).to_bytes(2, "big") + noise
    return picture[:2] + comments + picture[2:]


def _png(number: int) -> bytes:
    """A picture of 8 x 8 pixels that no other number has."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    row = b"\0" + (number.to_bytes(4, "big") * 6)
    header = (8).to_bytes(4, "big") * 2 + bytes((8, 2, 0, 0, 0))
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * 8)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def make_zip(path: Path, size: int, each: int = MB) -> set[str]:
    """A zip of stored JPEGs of `each` bytes, `size` bytes in all; the sha256 of every one."""
    digests = set()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for number in range(size // each):
            picture = _jpeg(each)
            digests.add(hashlib.sha256(picture).hexdigest())
            archive.writestr(f"{CLASSES[number % 4]}/{number}.jpg", picture)
    return digests


def make_folder(root: Path, files: int) -> set[str]:
    """A folder of so many small PNGs; the sha256 of every one."""
    digests = set()
    for name in CLASSES:
        (root / name).mkdir(parents=True)
    for number in range(files):
        picture = _png(number)
        digests.add(hashlib.sha256(picture).hexdigest())
        (root / CLASSES[number % 4] / f"{number}.png").write_bytes(picture)
    return digests


# ---- what a person does, and what has come of it --------------------------------------------------------------------


def add_zip(page: Page, path: Path, name: str) -> None:
    page.get_by_test_id("zip-input").set_input_files(path)
    page.get_by_label(WORDS["name"]).fill(name)
    page.get_by_role("button", name=WORDS["add"]).click()


def add_folder(page: Page, path: Path, name: str) -> None:
    """Drops a folder as the file manager does; Playwright itself knows no such deed."""
    box = page.get_by_test_id("upload").bounding_box()
    assert box
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": box["x"] + 30, "y": box["y"] + 20, "data": data})
    page.get_by_label(WORDS["name"]).fill(name)
    page.get_by_role("button", name=WORDS["add"]).click()


def arrived(server: Server) -> int:
    """Bytes of all uploads that lie on the server's disk, those of files under way included."""
    total = 0
    for folder in server.home.uploads.iterdir():
        for entry in os.scandir(folder):
            if not entry.name.startswith("upload"):
                total += entry.stat().st_size
    return total


def share(page: Page) -> int:
    """The percentage that the progress bar shows; -1 where none is shown."""
    bar = page.get_by_role("progressbar")
    return int(bar.get_attribute("aria-valuenow") or -1) if bar.count() else -1


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.02)


def came(page: Page, server: Server, name: str, digests: set[str]) -> Dataset:
    """The data set `name` once the page shows it; every file must have come whole, and nothing else."""
    page.wait_for_url(lambda url: f"dataset={name}" in url)
    (dataset,) = [dataset for dataset in list_datasets(server.home) if dataset.name == name]
    assert dataset.classes == CLASSES
    assert set(dataset.images["sha256"]) == digests
    assert dataset.refused == ()
    return dataset


class Rise:
    """How far the server's memory rises above what it had before something was uploaded."""

    def __init__(self, server: Server) -> None:
        self._idle, self._usage = server.memory, Usage(server.process.pid)

    def stop(self) -> int:
        """Ends the measurement; the rise in bytes."""
        return self._usage.stop().peak - self._idle


def count_interruptions(page: Page) -> Callable[[], int]:
    """From now on: how often the page has said that an upload was interrupted, however briefly."""
    page.evaluate(
        """(words) => {
            window.interruptions = 0;
            const look = () => { if (document.body.textContent.includes(words)) window.interruptions += 1; };
            new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
        }""",
        WORDS["interrupted"],
    )
    return lambda: int(page.evaluate("window.interruptions"))


def told(rise: int) -> str:
    return f"server memory +{rise / MB:.0f} MB (promised: at most +{ALLOWED / MB:.0f})"


def sent(page: Page) -> None:
    """Waits until the browser has sent everything."""
    until(lambda: page.get_by_test_id("addition").get_attribute("data-phase") != "sending")


def nothing_left(server: Server) -> None:
    """Waits until nothing of any upload lies on the server's disk."""
    until(lambda: not list(server.home.uploads.iterdir()))


# ---- the tests ------------------------------------------------------------------------------------------------------


def test_a_large_zip_over_a_connection_that_breaks(
    server: Server, tab: Callable[[str], Page], tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    digests = make_zip(tmp_path / "beans.zip", ZIP_BYTES)
    size = (tmp_path / "beans.zip").stat().st_size
    with wired(server.port, RATE) as wire:
        page = tab(wire.url)
        memory, began = Rise(server), time.monotonic()
        wire.sent = 0
        add_zip(page, tmp_path / "beans.zip", "zipped")
        shown = []
        for part in (0.25, 0.6):
            until(lambda part=part: arrived(server) > part * size)
            shown.append(share(page))
            wire.cut()
            expect(page.get_by_text(WORDS["interrupted"])).to_be_visible()
        sent(page)
        seconds, again = time.monotonic() - began, wire.sent - size
        came(page, server, "zipped", digests)
        rise = memory.stop()
    assert 0 < shown[0] < shown[1] < 100
    nothing_left(server)
    figure(
        "uploads, one zip",
        f"{size / MB:,.0f} MB in {seconds:.0f} s, cut twice ({wire.cuts} connections), {again / MB:.0f} MB sent again, "
        f"{len(digests)} of {len(digests)} images whole, {told(rise)}",
    )
    assert rise <= ALLOWED


def test_many_small_files_over_a_connection_that_breaks(
    server: Server, tab: Callable[[str], Page], tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    digests = make_folder(tmp_path / "beans", FILES)
    with wired(server.port, RATE and RATE // 200) as wire:
        page = tab(wire.url)
        memory, began = Rise(server), time.monotonic()
        add_folder(page, tmp_path / "beans", "many")
        until(lambda: sum(1 for _ in server.home.uploads.glob("*/*")) > FILES // 4)
        wire.cut()
        expect(page.get_by_text(WORDS["interrupted"])).to_be_visible()
        sent(page)
        seconds = time.monotonic() - began
        came(page, server, "many", digests)
        rise = memory.stop()
    nothing_left(server)
    figure(
        "uploads, many files",
        f"{FILES:,} files in {seconds:.0f} s, cut once, {len(digests):,} of {FILES:,} whole, {told(rise)}",
    )
    assert rise <= ALLOWED


def test_two_people_at_once_do_not_disturb_each_other(
    server: Server, tab: Callable[[str], Page], tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    """The connection of one breaks; the other's does not even stutter."""
    mine = make_zip(tmp_path / "mine.zip", ZIP_BYTES // 2)
    theirs = make_folder(tmp_path / "theirs", FILES // 2)
    with wired(server.port, RATE) as wire, wired(server.port, RATE and RATE // 200) as other:
        one, two = tab(wire.url), tab(other.url)
        memory = Rise(server)
        mine_broke, theirs_broke = count_interruptions(one), count_interruptions(two)
        add_zip(one, tmp_path / "mine.zip", "mine")
        add_folder(two, tmp_path / "theirs", "theirs")
        until(lambda: arrived(server) > ZIP_BYTES // 8)
        wire.cut()
        came(one, server, "mine", mine)
        came(two, server, "theirs", theirs)
        assert (wire.cuts > 0, mine_broke() > 0) == (True, True)
        assert (other.cuts, theirs_broke()) == (0, 0)
        rise = memory.stop()
    figure(
        "uploads, two at once",
        f"{len(mine)} images of one and {len(theirs):,} of the other whole, one connection cut, " + told(rise),
    )
    assert rise <= ALLOWED


def test_a_server_that_is_killed_goes_on_with_the_upload(
    server: Server, tab: Callable[[str], Page], tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    digests = make_zip(tmp_path / "beans.zip", KILLED)
    with wired(server.port, 8 * MB) as wire:
        page = tab(wire.url)
        add_zip(page, tmp_path / "beans.zip", "restarted")
        until(lambda: arrived(server) > KILLED // 3)
        server.kill()
        expect(page.get_by_text(WORDS["interrupted"])).to_be_visible()
        kept = arrived(server)
        wire.sent = 0
        server.start()
        came(page, server, "restarted", digests)
    figure(
        "uploads, kill -9 of the server",
        f"{len(digests)} of {len(digests)} images whole; {kept / MB:.0f} of {KILLED // MB} MB had come before the "
        f"kill, {wire.sent / MB:.0f} MB were sent after it",
    )
