"""The charts of runs and what their buttons lead to, also where a run is deleted meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from lrlab.desk import Desk
from lrlab.home import Home
from lrlab.rights import LOCAL
from lrlab.runs import RunRecord, delete_run
from lrlab.ui import onward, places

CHANGES = {"optimizer.lr": 0.01}


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], dict[str, Callable[[], None]]]]:
    """What the component was mounted with, and its callbacks."""
    calls: list[tuple[dict[str, Any], dict[str, Callable[[], None]]]] = []
    monkeypatch.setattr(onward, "plot", lambda mode, data, key, **callbacks: calls.append((data, callbacks)))
    return calls


@pytest.fixture
def led(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any, Any]]:
    """The runs whose settings a form was asked to take, the changes to them, and the form's page."""
    forms: list[tuple[str, Any, Any]] = []

    def again(record: RunRecord, changes: Any, page: Any) -> None:
        forms.append((record.id, changes, page))

    monkeypatch.setattr(onward, "again", again)
    return forms


@pytest.mark.parametrize(("deed", "page"), [("form", places.TRAIN), ("find_lr", places.FIND_LR)])
def test_an_advice_leads_to_a_form_until_its_run_is_deleted(
    home: Home, start_run, mounted, led, monkeypatch: pytest.MonkeyPatch, deed: str, page: Any
) -> None:
    run = start_run(epochs=1).train().end()
    asked = SimpleNamespace(tried={"run": run.id, "deed": deed, "changes": CHANGES})
    monkeypatch.setattr(onward, "st", SimpleNamespace(session_state={"charts": asked}))
    onward.live(Desk(home, LOCAL), [run], "charts")
    ((_, callbacks),) = mounted
    callbacks["on_tried_change"]()
    assert led == [(run.id, CHANGES, page)]
    delete_run(run)
    callbacks["on_tried_change"]()
    assert len(led) == 1


def test_charts_of_a_run_that_was_just_deleted_are_mounted(home: Home, start_run, mounted) -> None:
    run = start_run(epochs=1).train().end()
    delete_run(run)
    onward.live(Desk(home, LOCAL), [run], "charts")
    ((data, _),) = mounted
    assert data["runs"] == [run.id]
