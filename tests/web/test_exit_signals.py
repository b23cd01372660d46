"""A signal to stop is told before the server handles it, and nothing else about it changes."""

from __future__ import annotations

import asyncio
import signal
import threading

import pytest

from lrlab.web.exit_signals import at_exit_signal

from .streams import run_for


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_stop_is_told_first_and_then_handled_as_before(number):
    told: list[str] = []
    before = signal.signal(number, lambda *_: told.append("server"))
    try:

        async def stopped() -> None:
            with at_exit_signal(lambda: told.append("streams")):
                signal.raise_signal(number)
                await asyncio.sleep(0.01)

        run_for(stopped())
        assert sorted(told) == ["server", "streams"]
        signal.raise_signal(number)
        assert told.count("server") == 2  # the handler from before is back
        assert told.count("streams") == 1
    finally:
        signal.signal(number, before)


def test_outside_the_main_thread_no_signal_is_touched():
    handlers = []

    def elsewhere() -> None:
        async def enter() -> None:
            with at_exit_signal(lambda: None):
                handlers.append(signal.getsignal(signal.SIGTERM))

        asyncio.run(enter())

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert handlers == [before]
