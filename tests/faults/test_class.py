"""A class on one server: everyone watches runs that gain rows every second, three of them in a real Chromium, while a
job trains niced beside the server; and how soon a server that was just started shows its first page.

Short: 10 sessions for 20 seconds. LRLAB_LONG=1: 30 sessions for 30 minutes, held to what is promised. The promises are
for 2 cores with nothing else on them, so that the short setting prints its figures and judges only the memory.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from lrlab import jobs
from lrlab.datasets import add_dataset
from lrlab.experiments import Experiment
from lrlab.home import Home
from lrlab.process import Identity, identity
from lrlab.runs import Run
from tests.serving import Server, launched, serving

from .classroom import LiveRun, Session, lesson, p95, slope
from .labs import wait_until
from .serving import LONG, MB, Usage

SESSIONS = 30 if LONG else 10
SECONDS = 1800.0 if LONG else 20.0
SETTLED = 120.0 if LONG else 5.0
AT_WORK = 4
"""Runs that gain rows beside the job: more than two cores could train at once."""

EVERYONES = 120.0 if LONG else 10.0
REFRESH = 1.0
"""Seconds: at 1 Hz a row may wait as long for the next look, and DELAY more until it is received."""

CPU, DELAY, MEMORY, SLOPE, FIRST_PAGE = 0.10, 0.1, 300 * MB, 1 * MB, 3.0

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("supervised"), pytest.mark.timeout(SECONDS + 600)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


@pytest.fixture
def served(home: Home) -> Iterator[Server]:
    """A server, and before it a supervisor whose worker is warm: its imports are not the server's."""
    supervisor = subprocess.Popen([sys.executable, "-m", "lrlab", "supervise"])
    try:
        wait_until(lambda: jobs.lab_status(home).warm, "no worker gets warm")
        with serving(home) as server:
            yield server
    finally:
        workers = psutil.Process(supervisor.pid).children(recursive=True)
        for process in (psutil.Process(supervisor.pid), *workers):
            process.kill()
        psutil.wait_procs(workers, timeout=10)
        supervisor.wait()


@pytest.fixture
def worker() -> Iterator[Identity]:
    """A process that does nothing: what a supervisor may do to a worker, it may."""
    with subprocess.Popen(["sleep", "7200"]) as process:
        yield identity(process.pid)
        process.kill()


def pictures(root: Path) -> Path:
    """Four classes of 60 pictures of noise."""
    rng = np.random.default_rng(0)
    for name in ("Dark", "Green", "Light", "Medium"):
        (root / name).mkdir(parents=True)
        for number in range(60):
            pixels = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


def started_job(home: Home, tmp_path: Path) -> Run:
    """A job that trains, niced, for longer than any lesson."""
    add_dataset(home, pictures(tmp_path / "noise"), "noise")
    run = jobs.submit(home, Experiment(dataset="noise", name="the teacher's", epochs=10_000, device="cpu"))
    wait_until(lambda: run.state == "running" and len(run.steps) > 5, "the job does not train")
    return run


def drawings(page: Page) -> int:
    return int(page.locator(".stage .chart").get_attribute("data-drawn") or 0)


def attended(server: Server, sessions: list[Session], runs: list[LiveRun], seconds: float) -> Usage:
    """The lesson, in a thread of its own: Playwright has the event loop of this one."""
    came: list[Usage] = []
    thread = threading.Thread(
        target=lambda: came.append(asyncio.run(lesson(sessions, runs, server.process.pid, seconds)))
    )
    thread.start()
    thread.join()
    assert came, "a session did not see all rows; the thread's own words are above"
    return came[0]


def session(server: Server, live: LiveRun) -> Session:
    return Session(server.port, f"/api/live?runs={live.run.id}", live)


def first_page(home: Home, browser: Browser) -> float:
    """Seconds from the start of a server to its first page."""
    with serving(home) as server:
        page = browser.new_page(base_url=server.url)
        page.goto("/")
        page.get_by_role("heading", name="Schedule").wait_for()
        took = time.monotonic() - server.began
        page.close()
        return took


def test_a_server_soon_shows_its_first_page(home: Home, browser: Browser, figure: Callable[[str, str], None]) -> None:
    first, later = first_page(home, browser), first_page(home, browser)
    figure(
        "class, first page",
        f"{later:.1f} s after the server's start (promised: at most {FIRST_PAGE:.0f} s); "
        f"{first:.1f} s the first time, where Python may have had to compile it",
    )
    if LONG:
        assert later <= FIRST_PAGE


def test_a_class_watches_runs(
    home: Home, browser: Browser, served: Server, worker: Identity, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    job = started_job(home, tmp_path)
    runs = [LiveRun(home, number, worker) for number in range(AT_WORK)]
    paths = [f"/train?run={job.id}", f"/train?run={runs[0].run.id}", f"/compare?runs={job.id},{runs[1].run.id}"]
    pages = [browser.new_page(base_url=served.url) for _ in paths]
    for shown, path in zip(pages, paths, strict=True):
        shown.goto(path)
        expect(shown.locator(".stage .chart")).to_have_attribute("data-drawn", re.compile(r"\d+"), timeout=60_000)
    before, updates = [drawings(shown) for shown in pages], len(job.steps)
    niceness = psutil.Process(job.record.attempts[-1].identity.pid).nice()

    timed = [session(served, runs[number % AT_WORK]) for number in range(SESSIONS - len(pages) - 1)]
    on_the_job = Session(served.port, f"/api/live?runs={job.id}", None)
    sessions = [on_the_job, *timed]
    usage = attended(served, sessions, runs, SECONDS)

    drawn = [drawings(shown) - count for shown, count in zip(pages, before, strict=True)]
    trained, still = len(job.steps) - updates, job.state
    jobs.stop(home, job.id)
    delays = [delay for one in sessions for delay in one.delays()]
    late, growth = p95(delays), slope(usage.memory, SETTLED)
    figure(
        "class, streams",
        f"{SESSIONS} sessions, {len(pages)} of them in Chromium, {SECONDS / 60:.1f} min: {100 * usage.cpu:.1f} % of a "
        f"core for the whole server (promised: at most {100 * CPU:.0f}); row written to row received p95 "
        f"{1000 * late:.0f} ms of {len(delays):,} (promised: {1000 * (REFRESH + DELAY):.0f}); an event of the job "
        f"every {1000 * on_the_job.interval():.0f} ms; memory {usage.peak / MB:.0f} MB (promised: 300)"
        + (f", growing by {growth / MB:.2f} MB/min (promised: 1)" if LONG else "")  # half a minute tells of no slope
        + f"; the job made {trained:,} updates with niceness {niceness}",
    )
    assert min(drawn) > SECONDS / 10, f"the pages drew {drawn} figures"
    assert (trained > 0, niceness > 0, still) == (True, True, "running")
    assert usage.peak <= MEMORY
    if LONG:
        assert usage.cpu <= CPU
        assert late <= REFRESH + DELAY
        assert growth <= SLOPE


def test_everyone_with_a_run_of_their_own_is_looked_at_more_seldom(
    home: Home, served: Server, worker: Identity, figure: Callable[[str, str], None]
) -> None:
    """More runs than any two cores train: the interval grows, and the server does not fall behind."""
    runs = [LiveRun(home, number, worker) for number in range(SESSIONS)]
    sessions = [session(served, live) for live in runs]
    usage = attended(served, sessions, runs, EVERYONES)
    delays = [delay for one in sessions for delay in one.delays()]
    interval = float(np.median([one.interval() for one in sessions]))
    figure(
        "class, a run each",
        f"{SESSIONS} sessions on {SESSIONS} runs that gain a row a second: {100 * usage.cpu:.1f} % of a core, "
        f"each looked at every {interval:.1f} s, p95 {1000 * p95(delays):.0f} ms, memory {usage.peak / MB:.0f} MB",
    )
    assert usage.peak <= MEMORY
    if LONG:
        assert interval > 1.5 * REFRESH  # rows come every second: were they looked at as ever, so would events
