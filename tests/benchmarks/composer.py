"""Key press to painted answer in a real Chromium: lrlab's composer beside a bare Streamlit page, in turns, in one run.

    python tests/benchmarks/composer.py [--presses 60]

The composer draws a schedule of 20,000 updates; the bare page is one st.slider and one st.write. A press is timed from
the browser's keydown event until the first frame with the answer has been painted. Redraws are counted while the mouse
drags the composer's slider for two seconds. Arrow keys move both sliders.

Presses fall anywhere between two frames, as a person's do: after pauses of nine whole frames all of them would wait
equally long for the next one, a page that is a little faster not at all less. Before a page has its turn both come to
rest, so that none pays for what the other does after its last press.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from playwright.sync_api import Locator, Page, sync_playwright

PROJECT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BARE = 'import streamlit as st\n\nst.write("The value is", st.slider("value", 0, 1000, 100))\n'
BLOCK = 10
"""So many presses on one page before it is the other's turn."""
PACE_MS = 150
FRAME_MS = 1000 / 60
REST_MS = 1500
"""After this both pages have done what they do once nobody moves anything."""

WATCH = """(answer) => {
  window.took = [];
  window.redraws = 0;
  let pressed = 0;
  let known = answer();
  addEventListener("keydown", (event) => (pressed = event.timeStamp), true);
  new MutationObserver(() => {
    const now = answer();
    if (now === known) return;
    known = now;
    window.redraws += 1;
    const began = pressed;
    pressed = 0;
    if (began) requestAnimationFrame(() => setTimeout(() => window.took.push(performance.now() - began)));
  }).observe(document.body, { attributes: true, childList: true, subtree: true, characterData: true });
}"""
DRAWN = "() => document.querySelector('.chart').dataset.drawn"
WRITTEN = "() => document.querySelector('[data-testid=stMarkdown]')?.textContent"


@contextlib.contextmanager
def serving(script: str, folder: Path, home: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        script,
        "--server.port",
        str(port),
        "--server.headless",
        "true",
    ]
    process = subprocess.Popen(
        command, cwd=folder, env={**os.environ, "LRLAB_HOME": str(home)}, stdout=subprocess.DEVNULL
    )
    try:
        with contextlib.closing(socket.socket()) as probe:
            while probe.connect_ex(("127.0.0.1", port)):
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        started = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        process.wait()
        for child in started:  # the supervisor and its worker outlive the server
            if child.is_running():
                child.kill()


def press(page: Page, slider: Locator, times: int, chance: random.Random) -> None:
    """Presses an arrow key so many times, each after the answer to the last."""
    slider.focus()
    page.wait_for_timeout(REST_MS)
    for _ in range(times):
        before = page.evaluate("window.took.length")
        page.keyboard.press("ArrowRight")
        # Not looked at in every frame, which would make the page draw frames that nobody needs.
        page.wait_for_function("count => window.took.length > count", arg=before, timeout=20_000, polling=20)
        page.wait_for_timeout(PACE_MS + chance.uniform(0, FRAME_MS))


def drag(page: Page, slider: Locator, seconds: float) -> tuple[float, float]:
    """Redraws per second while the mouse moves the slider's thumb to and fro, and new values of it per second.

    It passes over most of the slider every half second, so that there are more values than can be drawn.
    """
    box = slider.bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.1, middle)
    page.mouse.down()
    slider.evaluate("node => { window.values = 0; node.addEventListener('input', () => (window.values += 1)); }")
    before, began = page.evaluate("window.redraws"), time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        share = abs((2 * passed + 1) % 2 - 1)
        page.mouse.move(box["x"] + box["width"] * (0.1 + 0.8 * share), middle)
    drawn = page.evaluate("window.redraws") - before
    values = page.evaluate("window.values")
    page.mouse.up()
    return drawn / passed, values / passed


def shown(name: str, took: list[float]) -> tuple[float, float]:
    took = sorted(took)
    p50, p95 = took[len(took) // 2], took[int(len(took) * 0.95)]
    print(f"{name}: p50 {p50:.0f} ms, p95 {p95:.0f} ms over {len(took)} presses")
    return p50, p95


def main() -> None:
    parser = argparse.ArgumentParser(description="Key press to painted answer, beside a bare Streamlit page.")
    parser.add_argument("--presses", type=int, default=60)
    presses = parser.parse_args().presses
    root = Path(tempfile.mkdtemp())
    (root / "bare.py").write_text(BARE)
    print(f"{os.cpu_count()} cores, load before {os.getloadavg()[0]:.2f}")
    with (
        serving("app.py", PROJECT, root / "lab") as ours,
        serving("bare.py", root, root / "lab") as bare,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        composer, plain = (browser.new_page(viewport={"width": 1280, "height": 720}) for _ in range(2))
        composer.goto(ours)
        composer.wait_for_selector(".chart[data-drawn]", timeout=60_000)
        composer.get_by_test_id("field-steps_per_epoch").get_by_role("textbox").fill("1000")
        gamma = composer.get_by_test_id("field-scheduler.gamma").get_by_role("slider")
        gamma.evaluate("node => { node.value = node.min; node.dispatchEvent(new Event('input', { bubbles: true })); }")
        plain.goto(bare)
        thumb = plain.get_by_role("slider")
        thumb.wait_for(timeout=60_000)
        composer.wait_for_timeout(2000)
        composer.evaluate(f"({WATCH})({DRAWN})")
        plain.evaluate(f"({WATCH})({WRITTEN})")
        chance = random.Random(0)
        for done in range(0, presses, BLOCK):
            for page, slider in ((composer, gamma), (plain, thumb)):
                page.bring_to_front()
                press(page, slider, min(BLOCK, presses - done), chance)
        composer.bring_to_front()
        redraws, values = drag(composer, gamma, 2.0)
        _, p95 = shown("composer, 20,000 updates", composer.evaluate("window.took"))
        _, bare_p95 = shown("bare Streamlit page", plain.evaluate("window.took"))
        print(f"bare p95 / composer p95: {bare_p95 / p95:.1f}")
        print(f"{redraws:.0f} redraws a second while dragging, of {values:.0f} values a second")
        print(f"load after {os.getloadavg()[0]:.2f}")
        browser.close()
    shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
