"""The Lab page: what its control is given, where it leads, and what is asked before something is gone."""

from __future__ import annotations

import re

import pytest

from lrlab.home import Home
from lrlab.runs import Run, list_runs
from lrlab.ui import lab
from lrlab.ui.lab import texts


@pytest.fixture
def ended(start_run) -> Run:
    """A run that has ended, with a checkpoint."""
    run: Run = start_run(name="**bold** [x](y)", epochs=2).train().end()
    (run.folder / "checkpoints" / "1-10.pt").write_bytes(bytes(5000))
    return run


def ask(open_page, deed: str, run_id: str = ""):
    return open_page("lab", {"lab.asked": {"deed": deed, "id": run_id}})


def test_the_control_has_every_text_that_it_asks_for_and_no_other() -> None:
    scripts = "".join((lab.HERE / name).read_text() for name in lab.SCRIPTS)
    assert set(re.findall(r"\btexts\.([a-z_]+)", scripts)) == set(texts.CONTROL)


def test_the_page_waits_for_no_figure_of_the_disk(open_page, component, home: Home, monkeypatch) -> None:
    monkeypatch.setattr("lrlab.disk.measure", lambda home: pytest.fail("the page measured the disk"))
    page = open_page("lab")
    assert [title.value for title in page.title] == [texts.TITLE]
    assert component(page, "lab")["texts"] == texts.CONTROL


def test_a_run_is_deleted_after_a_question(open_page, run_page, home: Home, ended: Run) -> None:
    page = ask(open_page, "delete", ended.id)
    assert ended.record.name in [text.value for text in page.text]  # as text, whatever is in it
    assert len(list_runs(home)) == 1
    page.button(key="dialog.yes").click()
    run_page(page)
    assert list_runs(home) == []


def test_no_means_no(open_page, run_page, home: Home, ended: Run) -> None:
    page = ask(open_page, "delete", ended.id)
    page.button(key="dialog.no").click()
    run_page(page)
    assert len(list_runs(home)) == 1


@pytest.mark.parametrize("run_id", ["abcdefghij", "../..", ""])
def test_a_run_that_is_gone_is_not_asked_about(open_page, ended: Run, run_id: str) -> None:
    assert not ask(open_page, "delete", run_id).button


def test_checkpoints_are_deleted_after_a_question_and_models_stay(open_page, run_page, ended: Run) -> None:
    page = ask(open_page, "checkpoints")
    assert texts.CHECKPOINTS_WHAT in [element.value for element in page.markdown]
    assert any(text.value.startswith("1 run, ") for text in page.text)
    assert list((ended.folder / "checkpoints").iterdir())
    page.button(key="dialog.yes").click()
    run_page(page)
    assert list((ended.folder / "checkpoints").iterdir()) == []
    assert ended.best_model.is_file()
