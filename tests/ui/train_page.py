"""What tests read off the Train page, and how they start a run on it."""

from __future__ import annotations

from typing import Any

from lrlab.experiments import Experiment
from lrlab.home import lab_home
from lrlab.runs import list_runs


def refusals(page: Any) -> list[str]:
    return [element.proto.body for element in page.get("html") if 'role="alert"' in element.proto.body]


def started(page: Any, run_page: Any) -> Experiment:
    """Presses Start and returns what the new run is to do."""
    page.button(key="train.start").click()
    run_page(page)
    return list_runs(lab_home())[0].experiment
