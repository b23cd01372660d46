"""How the composer asks: over one socket while it is there, by POST where that cannot be, breaks or falls silent."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Request, WebSocketRoute, expect

ROOT = "document.querySelector('.lrlab-plot').lrlabInstance"
OPEN = f"{ROOT}.exchange.line.socket?.readyState === WebSocket.OPEN"

FORBIDDEN = """(() => {
    const Native = WebSocket;
    window.WebSocket = class extends Native {
        constructor(url, ...rest) { super(String(url).replace('/api/curve', '/api/no/such/route'), ...rest); }
    };
})()"""
"""The composer's socket is refused in its handshake, as by a proxy that knows no WebSockets; Streamlit's is not."""


@pytest.fixture
def posted(page: Page) -> list[Request]:
    """The POST requests for a curve, as they are sent."""
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request) if request.url.endswith("/api/curve") else None)
    return requests


def opened(page: Page) -> Page:
    page.goto("/")
    expect(page.locator(".chart[data-drawn]")).to_be_visible()
    return page


def moved(page: Page) -> None:
    """One more press on a slider, answered and shown, without a word about a server that is away."""
    slider = page.get_by_test_id("field-scheduler.step_size").get_by_role("slider")
    before = page.evaluate(f"{ROOT}.exchange.state.composition.schedule.scheduler.step_size")
    slider.press("ArrowRight")
    page.wait_for_function(
        f"before => {ROOT}.exchange.quiet && !{ROOT}.chart.busy"
        f" && {ROOT}.exchange.state.composition.schedule.scheduler.step_size === before + 1",
        arg=before,
    )
    assert page.evaluate(f"{ROOT}.exchange.failures") == 0


def test_everything_is_asked_over_one_socket(page: Page, posted: list[Request], until: Callable[..., None]):
    sockets = []
    page.on("websocket", lambda socket: sockets.append(socket) if socket.url.endswith("/api/curve") else None)
    opened(page)
    page.wait_for_function(OPEN)
    for _ in range(3):
        moved(page)
    assert posted == []
    assert len(sockets) == 1
    page.get_by_role("link", name="Images").click()
    expect(page.locator(".composer")).to_have_count(0)
    until(lambda: page.evaluate("1") and sockets[0].is_closed())
    assert len(sockets) == 1


def test_at_rest_nothing_is_sent(page: Page, posted: list[Request]):
    sent = []
    page.on(
        "websocket",
        lambda socket: socket.url.endswith("/api/curve") and socket.on("framesent", lambda frame: sent.append(frame)),
    )
    opened(page)
    page.wait_for_function(OPEN)
    moved(page)
    assert len(sent) == 1
    page.get_by_test_id("words").click()
    page.wait_for_function(f"JSON.stringify({ROOT}.history.now) === JSON.stringify({ROOT}.exchange.state)")
    assert (len(sent), posted) == (1, [])


def test_where_sockets_are_forbidden_the_curve_moves_all_the_same(page: Page, posted: list[Request]):
    tried = []
    page.on("websocket", lambda socket: tried.append(socket) if socket.url.endswith("/no/such/route") else None)
    page.add_init_script(FORBIDDEN)
    opened(page)
    page.wait_for_function(f"{ROOT}.exchange.line.socket === null")
    for _ in range(4):
        moved(page)
    assert len(posted) == 4
    assert 1 <= len(tried) < 5  # it is tried again, but not with every press


def test_a_socket_that_breaks_is_opened_again_and_nothing_is_lost(page: Page, posted: list[Request]):
    """The second question reaches a socket that breaks instead of answering."""
    made: list[WebSocketRoute] = []
    asked: list[str | bytes] = []

    def between(route: WebSocketRoute) -> None:
        made.append(route)
        server = route.connect_to_server()

        def ask(message: str | bytes) -> None:
            asked.append(message)
            if len(asked) == 2:
                route.close(code=1012)
            else:
                server.send(message)

        route.on_message(ask)

    page.route_web_socket("**/api/curve", between)
    opened(page)
    page.wait_for_function(OPEN)
    moved(page)
    assert posted == []
    page.evaluate(f"{ROOT}.exchange.line.notBefore = 0")
    moved(page)
    assert len(posted) == 1
    page.wait_for_function(OPEN)
    assert len(made) == 2
    moved(page)
    assert (len(posted), len(asked)) == (1, 3)


def test_a_socket_that_falls_silent_is_given_up(page: Page, posted: list[Request]):
    swallowed: list[str | bytes] = []
    page.route_web_socket("**/api/curve", lambda route: route.on_message(lambda message: swallowed.append(message)))
    opened(page)
    page.wait_for_function(OPEN)
    page.evaluate(f"{ROOT}.exchange.line.silence = 1")
    for _ in range(3):
        moved(page)
    assert (len(swallowed), len(posted)) == (1, 3)
    assert page.evaluate(f"{ROOT}.exchange.line.socket") is None


def test_what_is_undone_while_it_is_asked_is_not_drawn(page: Page, posted: list[Request], until: Callable[..., None]):
    """The answer to what was undone is held back until after the undoing, and then never seen."""
    held: list[str | bytes] = []
    hold = [False]

    def between(route: WebSocketRoute) -> None:
        server = route.connect_to_server()
        server.on_message(lambda message: held.append(message) if hold[0] else route.send(message))
        route.on_message(server.send)

    page.route_web_socket("**/api/curve", between)
    opened(page)
    page.wait_for_function(OPEN)
    moved(page)
    page.wait_for_function(f"JSON.stringify({ROOT}.history.now) === JSON.stringify({ROOT}.exchange.state)")
    hold[0] = True
    page.get_by_test_id("scheduler").select_option("ExponentialLR")
    until(lambda: page.evaluate("1") and len(held) == 1)
    page.keyboard.press("Control+z")
    page.wait_for_function(f"{ROOT}.exchange.quiet && !{ROOT}.chart.busy")
    scheduler = page.evaluate(f"{ROOT}.exchange.state.composition.schedule.scheduler")
    assert (scheduler["name"], scheduler["step_size"]) == ("StepLR", 5)
    expect(page.get_by_test_id("scheduler")).to_have_value("StepLR")
    assert len(posted) == 1
