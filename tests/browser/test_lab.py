"""The Lab page in a real Chromium: it follows the lab without a jump, and what is done on it is done."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

import psutil
import pytest
from filelock import FileLock, Timeout
from playwright.sync_api import Locator, Page, expect

from lrlab.experiments import Experiment
from lrlab.home import Home
from lrlab.jobs.processes import Census
from lrlab.jobs.queue import Queue
from lrlab.process import identity
from lrlab.runs import Beat, DatasetFacts, Run, create_run, stop_requested, update
from lrlab.ui.lab.texts import CANCEL, CONTROL, DELETE_YES

Until = Callable[[Callable[[], object]], None]

NAMES = ("Cosine", "StepLR <b>bold</b> ![x](http://evil.example/x.png)", "ReduceLROnPlateau on the validation loss")

SHIFTS = """() => {
  window.shifts = [];
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => window.shifts.push(
    entry.sources.map(({ node }) => node?.className ?? node?.nodeName)))).observe({ type: "layout-shift" });
}"""


@pytest.fixture(scope="module")
def unsupervised(server) -> Iterator[Home]:
    """The server's lab without a supervisor: its lock is held, and one that was faster is ended."""
    lock = FileLock(server.home.supervisor_lock)
    while not lock.is_locked:
        try:
            lock.acquire(timeout=1)
        except Timeout:
            for process in Census(server.home).look():
                if process.role == "supervisor":
                    psutil.Process(process.pid).kill()
    yield server.home
    lock.release()


@pytest.fixture
def home(unsupervised: Home) -> Home:
    return unsupervised


@pytest.fixture
def queue(home: Home) -> Iterator[Queue]:
    """The queue, empty before and after."""
    with Queue(home) as queue:
        yield queue
        for run_id in queue.run_ids():
            queue.remove(run_id)


@pytest.fixture
def enqueue(home: Home, queue: Queue) -> Callable[..., Run]:
    facts = DatasetFacts(id="abcdefghij", name="coffee", classes=("Dark", "Light"), train=160, val=40)

    def add(name: str) -> Run:
        run = create_run(home, Experiment(dataset="coffee", name=name), dataset=facts, steps_per_epoch=5)
        queue.add(run.id)
        return run

    return add


@pytest.fixture
def lab(page: Page, queue: Queue) -> Locator:
    page.goto("/lab")
    lab = page.get_by_test_id("lab")
    expect(lab.locator(".columns")).to_be_visible()
    return lab


def part(lab: Locator, kind: str) -> Locator:
    """A section of the page, by its heading."""
    return lab.locator("section").filter(has=lab.page.get_by_role("heading", name=re.compile(f"^{CONTROL[kind]}")))


def test_an_idle_lab_says_so_and_leads_to_training(lab: Locator, page: Page) -> None:
    expect(part(lab, "running")).to_contain_text(CONTROL["running_none"])
    expect(part(lab, "waiting")).to_contain_text(CONTROL["waiting_none"])
    lab.get_by_role("link", name=CONTROL["train"]).click()
    expect(page).to_have_url(re.compile(r"/train\?new=1"))


def test_the_chip_of_every_page_leads_here_within_the_tab(page: Page, queue: Queue) -> None:
    page.goto("/gallery")
    page.evaluate("window.kept = true")
    chip = page.locator(".lrlab-chip").get_by_role("link")
    expect(chip).to_have_text("idle")
    chip.click()
    expect(page.get_by_test_id("lab").locator(".columns")).to_be_visible()
    assert page.evaluate("window.kept")


def test_nothing_jumps_while_a_run_goes_on(lab: Locator, page: Page, queue: Queue, start_run) -> None:
    worker = start_run(name="at work", epochs=8)
    queue.add(worker.run.id)
    queue.claim(identity(os.getppid()).model_dump_json())
    beat = Beat(worker.run)
    row = part(lab, "running").locator(".run")
    expect(row).to_have_count(1)
    name = row.locator(".name").element_handle()
    page.evaluate(SHIFTS)
    for epoch in range(1, 5):
        worker.train(5)
        beat.say("training", epoch, 8)
        expect(row.locator(".facts")).to_contain_text(f"epoch {epoch} of 8")
        expect(row.get_by_role("progressbar")).to_have_attribute("aria-valuenow", re.compile(r"\d+"))
    assert page.evaluate("window.shifts") == []
    assert name is not None
    assert name.evaluate("(node) => node.isConnected")
    row.get_by_role("button", name=CONTROL["stop"]).click()
    expect(row.get_by_role("button", name=CONTROL["force"])).to_be_visible()
    assert stop_requested(worker.run)
    worker.end("cancelled")


def test_runs_are_moved_step_by_step_and_cancelled(
    lab: Locator, page: Page, queue: Queue, enqueue, until: Until
) -> None:
    first, second, third = (enqueue(name) for name in NAMES)
    rows = part(lab, "waiting").locator(".run .name")
    expect(rows).to_have_text(list(NAMES))  # as text, whatever is in them
    up = lab.get_by_role("button", name=f"Move {NAMES[2]} up")
    up.focus()
    page.keyboard.press("Enter")
    expect(rows).to_have_text([NAMES[0], NAMES[2], NAMES[1]])
    expect(up).to_be_focused()  # so that it can be pressed again
    page.keyboard.press("Enter")
    expect(rows).to_have_text([NAMES[2], NAMES[0], NAMES[1]])
    assert queue.order() == [third.id, first.id, second.id]
    page.keyboard.press("Enter")  # it is the first: nothing happens, and nothing is told
    expect(lab.get_by_role("alert")).to_be_hidden()
    lab.get_by_role("button", name=f"{CONTROL['cancel']}: {NAMES[0]}").click()
    expect(rows).to_have_text([NAMES[2], NAMES[1]])
    until(lambda: first.record.state == "cancelled")
    expect(part(lab, "ended").locator(".run").first).to_contain_text("cancelled")


def test_what_cannot_be_done_is_told(lab: Locator, enqueue, home: Home) -> None:
    run = enqueue("without images")
    update(run, state="failed", ended=2e9, cause="the disk is full")
    with Queue(home) as queue:
        queue.remove(run.id)
    row = part(lab, "ended").locator(".run").filter(has_text="without images")
    expect(row).to_contain_text("failed · the disk is full")
    row.get_by_role("button").click()
    expect(lab.get_by_role("alert")).to_contain_text("'coffee' was deleted")


def test_the_caches_are_cleared_and_a_run_only_after_a_question(
    lab: Locator, page: Page, home: Home, start_run, until: Until
) -> None:
    run = start_run(name="doomed", epochs=2).train().end()
    (run.folder / "checkpoints" / "1-10.pt").write_bytes(os.urandom(300_000))
    (home.cache / "c-36-v1.npy").write_bytes(os.urandom(2 * 1024**2))
    disk = part(lab, "disk")
    expect(disk).to_contain_text("measured")
    disk.get_by_role("button", name=CONTROL["clear"]).click()
    expect(disk.locator(".done")).to_have_text("2 MB freed.")
    disk.get_by_text(CONTROL["largest"]).click()
    delete = disk.get_by_role("button", name=f"{CONTROL['delete']} …: doomed")
    delete.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("doomed")
    dialog.get_by_role("button", name=CANCEL).click()
    expect(dialog).to_be_hidden()
    assert run.folder.exists()
    delete.click()
    dialog.get_by_role("button", name=DELETE_YES).click()
    until(lambda: not run.folder.exists())
    expect(dialog).to_be_hidden()
    expect(delete).to_be_hidden()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_is_legible(lab: Locator, page: Page, enqueue, width: int, height: int, scheme: str) -> None:
    for name in NAMES:
        enqueue(name)
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": height})
    expect(part(lab, "waiting").locator(".run")).to_have_count(len(NAMES))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    inside = (
        "(nodes, width) => nodes.filter((n) => n.offsetParent && n.getBoundingClientRect().right > width + 1).length"
    )
    assert lab.locator("button, a, h2, .amount").evaluate_all(inside, width) == 0
