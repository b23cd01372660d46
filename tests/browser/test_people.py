"""Two students and a teacher in real browsers, signed in through a real (small) OpenID Connect provider."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
from playwright.sync_api import Browser, Page, expect

from lrlab.experiments import Experiment
from lrlab.runs import DatasetFacts, Run, create_run, update

PROVIDER = Path(__file__).parents[1] / "people" / "provider.py"
TEACHER = "tea.cher@school.example"
LONGEST = 60_000.0

SECRETS = """
[auth]
redirect_uri = "{url}/oauth2callback"
cookie_secret = "a secret of the test, long enough to be one"
client_id = "lrlab"
client_secret = "of the test"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""


@pytest.fixture(scope="module")
def provider(free_port: Callable[[], int]) -> Iterator[str]:
    """The address of an identity provider."""
    port = free_port()
    process = subprocess.Popen([sys.executable, str(PROVIDER), str(port)])
    address = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"{address}/jwks", timeout=5):
                    break
            except (URLError, OSError):
                assert process.poll() is None and time.monotonic() < end, "the identity provider does not start"
                time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def server(browser: Browser, provider: str, served: Any, free_port: Any, tmp_path_factory: Any) -> Iterator[Any]:
    """A lab that people sign in to."""
    root, port = tmp_path_factory.mktemp("lab"), free_port()
    secrets = root / "secrets.toml"
    secrets.write_text(SECRETS.format(url=f"http://127.0.0.1:{port}", provider=provider))
    (root / "lab.toml").write_text(f'[people]\nteachers = ["{TEACHER}"]\n')
    with served(root, port, "--secrets.files", str(secrets)) as server:
        yield server


@pytest.fixture(scope="module")
def known() -> dict[str, Any]:
    """The cookies of those who have signed in."""
    return {}


@pytest.fixture
def enter(browser: Browser, server: Any, known: dict[str, Any]) -> Iterator[Callable[[str], Page]]:
    """`enter("ann")`: a browser of her own, signed in; from the second time on by the cookies of the first."""
    contexts, errors = [], []

    def enter(who: str) -> Page:
        context = browser.new_context(
            base_url=server.url, viewport={"width": 1280, "height": 720}, storage_state=known.get(who)
        )
        contexts.append(context)
        context.set_default_timeout(LONGEST)
        expect.set_options(timeout=LONGEST)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto("/")
        if who not in known:
            page.get_by_role("button", name="Sign in").click()
            page.get_by_role("link", name=who).click()
            page.wait_for_url(f"{server.url}/**")
            known[who] = context.storage_state()
        return page

    yield enter
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture(scope="module")
def runs(server: Any) -> dict[str, Run]:
    """Runs of Ann and Ben that have ended, and one of Ann's that waits."""
    facts = DatasetFacts(id="abcdefghij", name="coffee", classes=("Dark", "Light"), train=160, val=40)

    def made(name: str, mail: str, state: str) -> Run:
        experiment = Experiment(dataset="coffee", epochs=2, name=name)
        run = create_run(server.home, experiment, dataset=facts, steps_per_epoch=5, owner=mail)
        update(run, state=state)
        return run

    return {
        "ann": made("Run of Ann", "ann@school.example", "cancelled"),
        "shared": made("Run to share", "ann@school.example", "cancelled"),
        "ben": made("Run of Ben", "ben@school.example", "cancelled"),
    }


def names(page: Page) -> list[str]:
    """The runs in the list below Train's form."""
    expect(page.locator(".lrlab-run-list li").first).to_be_visible()
    return sorted(page.locator(".lrlab-run-list .name").all_inner_texts())


def test_nothing_is_shown_before_the_sign_in(browser: Browser, server: Any, runs: dict[str, Run]) -> None:
    context = browser.new_context(base_url=server.url)
    page = context.new_page()
    for address in ("/", "/train", f"/train?run={runs['ann'].id}", "/images", "/lab"):
        page.goto(address)
        expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=LONGEST)
        assert "Run of Ann" not in page.content()
        assert page.get_by_test_id("stTopNavLink").count() == 0
    for path in (f"/api/live?runs={runs['ann'].id}", "/api/status", "/media/x", "/_stcore/upload_file/a/b"):
        assert context.request.get(path).status == 401
    context.close()


@pytest.mark.parametrize("who", ["nil", "eve"])
def test_who_has_no_address_of_their_own_does_not_come_in(enter: Callable[[str], Page], who: str) -> None:
    """Nil has none, and Eve says the teacher's, which her provider has not verified."""
    page = enter(who)
    expect(page.get_by_text("has told no mail address")).to_be_visible()
    assert page.request.get("/api/status").status == 401


def test_two_students_and_a_teacher(
    enter: Callable[[str], Page], runs: dict[str, Run], server: Any, until: Callable[[Callable[[], object]], None]
) -> None:
    ann, ben, teacher = enter("ann"), enter("ben"), enter("tea")
    for page in (ann, ben, teacher):
        page.goto("/train")
    assert names(ann) == ["Run of Ann", "Run to share"]
    assert names(ben) == ["Run of Ben"]
    assert names(teacher) == ["Run of Ann", "Run of Ben", "Run to share"]

    # A guessed address is one that leads nowhere, at the page and at every route.
    guessed = f"/train?run={runs['shared'].id}"
    ben.goto(guessed)
    assert names(ben) == ["Run of Ben"]
    assert "Run to share" not in ben.content()
    assert ben.request.get(f"/api/live?runs={runs['shared'].id}").status == 404
    assert ben.request.get(f"/api/runs/{runs['shared'].id}/export").status == 404

    # Ann shares it; Ben sees it and can do nothing to it.
    ann.goto(guessed)
    ann.get_by_text("Share with the class").click()
    until(lambda: runs["shared"].record.shared)
    ben.goto(guessed)
    expect(ben.get_by_text("Of ann@school.example. The class sees it.")).to_be_visible()
    assert ben.get_by_role("switch", name="Share with the class").count() == 0
    expect(ben.get_by_text("Run to share").first).to_be_visible()
    assert ben.get_by_role("button", name="Try again").count() == 0
    expect(ann.get_by_role("button", name="Try again")).to_be_visible()
    asked = {"origin": server.url}
    assert ben.request.post(f"/api/runs/{runs['shared'].id}/stop", headers=asked).status == 403
    assert ben.request.post(f"/api/runs/{runs['ann'].id}/stop", headers=asked).status == 404

    # On Compare he may select it and neither rename nor delete it; the teacher may.
    chosen = f"/compare?runs={runs['shared'].id}"
    ben.goto(chosen)
    expect(ben.get_by_role("button", name="Delete")).to_be_disabled()
    expect(ben.get_by_role("button", name="Rename")).to_be_disabled()
    teacher.goto(chosen)
    expect(teacher.get_by_role("button", name="Delete")).to_be_enabled()

    # No more.
    ann.get_by_text("Share with the class").click()
    until(lambda: not runs["shared"].record.shared)
    assert ben.request.get(f"/api/live?runs={runs['shared'].id}").status == 404


def test_a_student_cannot_name_a_folder_of_the_server(enter: Callable[[str], Page], server: Any) -> None:
    ann, teacher = enter("ann"), enter("tea")
    for page in (ann, teacher):
        page.goto("/images")
        expect(page.get_by_text("Choose a folder")).to_be_visible()
    expect(teacher.get_by_text("Folder on the server")).to_be_visible()
    expect(ann.get_by_text("Folder on the server")).to_be_hidden()
    asked = {"data": {"path": "/etc", "name": "mine"}, "headers": {"origin": server.url}}
    assert ann.request.post("/api/imports", **asked).status == 403


def test_signing_out_closes_the_lab(enter: Callable[[str], Page]) -> None:
    page = enter("ann")
    assert page.request.get("/api/status").status == 200
    page.get_by_text("ann@school.example").click()
    page.get_by_text("Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert page.request.get("/api/status").status == 401


@pytest.mark.parametrize("change", ["cut", "swapped"])
def test_a_cookie_that_is_not_the_servers_is_nobodys(enter: Callable[[str], Page], change: str) -> None:
    page = enter("ann")
    cookie = next(one for one in page.context.cookies() if one["name"] == "_streamlit_user")
    body = cookie["value"].strip('"')
    value = body[:-4] if change == "cut" else body.swapcase()
    assert page.request.get("/api/status", headers={"cookie": f"_streamlit_user={value}"}).status == 401
