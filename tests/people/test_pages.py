"""Pages go by the table: each has an entry, and what belongs to somebody is asked for at the desk alone."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from lrlab import desk, jobs
from lrlab.rights import ACTIONS
from lrlab.ui.places import PAGES

PROJECT = Path(__file__).resolve().parents[2]
DRAWN = sorted([*(PROJECT / "pages").glob("*.py"), *(PROJECT / "lrlab" / "ui").rglob("*.py")])

AT_THE_DESK = {
    "lrlab.runs": "create_run delete_run list_runs load_run rename request_lr request_stop revise update withdraw_stop",
    "lrlab.datasets": "add_dataset add_sample begin_upload cancel_upload delete_dataset list_datasets load_dataset "
    "open_upload share_dataset sweep_uploads",
    "lrlab.jobs": "Ended Job Queue cancel_import delete handing_over import_of_upload import_process import_status "
    "move plan position requeue resume retry running_imports set_lr settle start_evaluation start_import stop submit",
}
"""Names that find or change what belongs to somebody, and that pages must not use themselves."""

OF_THE_LAB = """
    EvaluationStatus ImportStatus LabStatus Plan ask ask_later attend end_helper ensure_attended ensure_supervisor
    evaluation_status is_lost_import lab_status no_import run_import run_status supervise
"""
"""Names of lrlab.jobs that belong to nobody, or are given what the desk has found."""


@pytest.mark.parametrize("file", DRAWN, ids=lambda file: str(file.relative_to(PROJECT)))
def test_what_belongs_to_somebody_is_asked_for_at_the_desk(file: Path) -> None:
    used = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            used |= {(room, alias.name) for alias in node.names for room in AT_THE_DESK if _within(node.module, room)}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used.add((f"lrlab.{node.value.id}", node.attr))
    assert not {(room, name) for room, names in AT_THE_DESK.items() for name in names.split()} & used


def _within(module: str | None, room: str) -> bool:
    return module is not None and (module == room or module.startswith(f"{room}."))


def test_every_name_of_the_room_of_jobs_is_told_apart() -> None:
    assert set(jobs.__all__) == {*AT_THE_DESK["lrlab.jobs"].split(), *OF_THE_LAB.split()}


def test_every_page_has_an_entry() -> None:
    titles = _constant(PROJECT / "lrlab" / "ui" / "main.py", "TITLES")
    assert {page.stem for page in PAGES.glob("*.py")} == set(titles)
    assert {name for name, action in ACTIONS.items() if action.kind == "page"} == {f"open {t}" for t in titles.values()}


def test_every_deed_of_the_table_is_asked_for_somewhere() -> None:
    asked = {
        node.value
        for file in [*DRAWN, Path(desk.__file__)]
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert {name for name, action in ACTIONS.items() if action.kind == "deed"} <= asked


@pytest.mark.parametrize("file", [*DRAWN, Path(desk.__file__)], ids=lambda file: str(file.relative_to(PROJECT)))
def test_every_action_that_is_asked_for_has_an_entry(file: Path) -> None:
    """The calls of `may` and `demand`, and those that look something up for an action."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            place = {"may": 0, "demand": 0, "run": 1, "dataset": 1, "upload": 1, "importing": 1}.get(node.func.attr)
            if place is not None and len(node.args) > place and isinstance(node.args[place], ast.Constant):
                assert node.args[place].value in ACTIONS, f"line {node.lineno}"


def _constant(file: Path, name: str) -> dict[str, str]:
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            found: dict[str, str] = ast.literal_eval(node.value)
            return found
    raise AssertionError(f"{file} has no {name}")
