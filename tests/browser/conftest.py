"""A real browser and a real server: `server` is lrlab as a person starts it, on a lab of its own; `page` is a tab.

Both last for one module of tests. `tests/serving.py` says what happens where the machine has no Chromium.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from lrlab.home import Home
from tests.serving import Server, launched, serving
from tests.serving import free_port as find_port

from .composing import opened

LONGEST = 60.0  # seconds, for a machine that does much else


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def until() -> Callable[[Callable[[], object]], None]:
    """Waits until a condition holds; fails where it does not within a minute."""

    def wait(condition: Callable[[], object]) -> None:
        end = time.monotonic() + LONGEST
        while not condition():
            assert time.monotonic() < end, "the condition did not come true"
            time.sleep(0.05)

    return wait


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    # Not for the whole session: while it lives, asyncio.run() of other tests is refused.
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def launch(playwright: Playwright) -> Callable[[], Browser]:
    """Starts a Chromium of its own. Whoever asks closes it."""
    return lambda: launched(playwright)


@pytest.fixture(scope="module")
def browser(launch: Callable[[], Browser]) -> Iterator[Browser]:
    browser = launch()
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`streamlit run app.py` on a free port and an empty lab; at the end it and everything it started is ended."""
    with serving(Home(tmp_path_factory.mktemp("lab"))) as server:
        yield server


def fresh_profile(browser: Browser, server: Server) -> BrowserContext:
    """What a browser is that has never been here."""
    context = browser.new_context(base_url=server.url, viewport={"width": 1280, "height": 720})
    context.set_default_timeout(1000 * LONGEST)
    expect.set_options(timeout=1000 * LONGEST)
    return context


@pytest.fixture(scope="module")
def profile(browser: Browser, server: Server) -> Iterator[BrowserContext]:
    """The browser of a module's tests: scripts and styles that it has read once it keeps, which halves a visit."""
    context = fresh_profile(browser, server)
    yield context
    context.close()


@pytest.fixture
def page(profile: BrowserContext, server: Server) -> Iterator[Page]:
    """A fresh tab of somebody of whom the browser remembers nothing; page.goto("/images") opens a page of the server.

    Fails the test where a script threw an error.
    """
    page = profile.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    profile.clear_permissions()
    forget = {"origin": server.url, "storageTypes": "cookies,local_storage,indexeddb"}
    profile.new_cdp_session(page).send("Storage.clearDataForOrigin", forget)
    page.close()
    assert errors == []


@pytest.fixture
def composer(page: Page) -> Page:
    """The Schedule page, its first curve drawn."""
    return opened(page)


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    return find_port


@pytest.fixture(scope="session")
def served() -> Callable[..., AbstractContextManager[Server]]:
    """`with served(root, port, "--server.baseUrlPath", "x") as server:` is a server with settings of its own."""
    return lambda root, port, *flags: serving(Home(root), *flags, port=port)
