"""What a first visitor waits for, in a real Chromium: the first page, a key press on a slider, and the sample run.

    python tests/benchmarks/first_visit.py

Start of the server to the first page and to its curve drawn; input event to drawn curve over 60 presses; click on Start
to the first logged update shown and to the end, first with a worker that has yet to import torch, then with the warm
one.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

PROJECT = Path(__file__).resolve().parents[2]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PRESSES = 60

PRESS = """async () => {
  const chart = document.querySelector('.chart');
  const slider = document.querySelector('[data-testid="field-scheduler.gamma"] input[type=range]');
  const before = chart.dataset.drawn;
  const began = performance.now();
  slider.value > 0.9 ? slider.value = slider.min : slider.stepUp();
  slider.dispatchEvent(new Event('input'));
  while (chart.dataset.drawn === before) await new Promise(requestAnimationFrame);
  return performance.now() - began;
}"""

UPDATED = "() => /step [1-9]/.test(document.querySelector('.live')?.innerText)"
OVER = "() => document.querySelector('.live .state')?.innerText === 'succeeded'"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def first_page(page: Page, port: int, began: float) -> None:
    with socket.socket() as probe:
        while probe.connect_ex(("127.0.0.1", port)):
            time.sleep(0.02)
    page.goto(f"http://127.0.0.1:{port}")
    page.get_by_role("heading", name="Schedule").wait_for()
    shown = time.perf_counter() - began
    page.wait_for_selector(".chart[data-drawn]")
    print(f"server start to first page: {shown:.1f} s, to its curve drawn: {time.perf_counter() - began:.1f} s")


def presses(page: Page) -> None:
    for steps in ("30", "1000"):
        page.get_by_test_id("field-steps_per_epoch").get_by_role("textbox").fill(steps)
        page.wait_for_timeout(1000)
        took = sorted(page.evaluate(PRESS) for _ in range(PRESSES))
        p50, p95 = took[PRESSES // 2], took[int(PRESSES * 0.95)]
        print(f"input event to drawn curve, 20 x {steps} updates: p50 {p50:.0f} ms, p95 {p95:.0f} ms")


def sample_run(page: Page, url: str, what: str) -> None:
    page.goto(f"{url}/train?new=1")
    page.get_by_role("button", name="Start training").wait_for()
    page.wait_for_timeout(500)
    began = time.perf_counter()
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url(re.compile("run="))
    page.wait_for_function(UPDATED, polling=50)
    first = time.perf_counter() - began
    page.wait_for_function(OVER, polling=200)
    print(
        f"sample run, {what}: first update shown {first:.1f} s, end {time.perf_counter() - began:.1f} s after the click"
    )


def main() -> None:
    root, port = Path(tempfile.mkdtemp()), free_port()
    environment = {**os.environ, "LRLAB_HOME": str(root)}
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    url = f"http://127.0.0.1:{port}"
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    subprocess.run([sys.executable, "-m", "lrlab", "data", "add", "--sample"], cwd=PROJECT, env=environment, check=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.set_default_timeout(300_000)
        page.goto("about:blank")
        began = time.perf_counter()
        server = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL)
        try:
            first_page(page, port, began)
            # The cold run: the worker that the server's start began to warm is ended, and another must begin anew.
            for child in psutil.Process(server.pid).children(recursive=True):
                if "work" in child.cmdline():
                    child.kill()
            sample_run(page, url, "cold worker")
            sample_run(page, url, "warm worker")
            page.goto(url)
            page.wait_for_selector(".chart[data-drawn]")
            presses(page)
        finally:
            started = psutil.Process(server.pid).children(recursive=True)
            server.terminate()
            server.wait()
            for child in started:
                if child.is_running():
                    child.kill()
            browser.close()
            shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
