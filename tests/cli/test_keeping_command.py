"""`backup`, `restore` and `doctor` from a terminal: what they say and with which exit code they end."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lrlab.files import write_json
from lrlab.home import Home
from lrlab.runs import Run, update

from .conftest import Lrlab


@pytest.fixture(autouse=True)
def _no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sync", lambda: None, raising=False)


def test_there_and_back(lrlab: Lrlab, home: Home, pictures: Path, make_run: Callable[..., Run], tmp_path: Path) -> None:
    assert lrlab("data", "add", pictures, "--name", "lights").code == 0
    done, working = make_run(), make_run()
    update(working, state="running", ended=None)
    packed = lrlab("backup", tmp_path / "lab.zip")
    assert packed.code == 0
    assert packed.out.startswith(f"{tmp_path / 'lab.zip'}: 1 data set and 2 runs, ")
    assert f"The images of lights lie in {pictures} and are not in the backup" in packed.err

    restored = lrlab("restore", tmp_path / "lab.zip", "--to", tmp_path / "other")
    assert restored.code == 0
    first, second = restored.out.splitlines()
    assert first.startswith(f"{tmp_path / 'other'}: 1 data set and 2 runs, as they were 20")
    assert second == f"{working.id} was at work then; go on with it: python -m lrlab runs resume {working.id}"
    assert f"LRLAB_HOME={tmp_path / 'other'}" in restored.err
    assert Run(done.id, tmp_path / "other" / "runs" / done.id).steps.equals(done.steps)


def test_into_the_home_that_is_named(
    lrlab: Lrlab, make_run: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    assert lrlab("backup", tmp_path / "lab.zip").code == 0
    monkeypatch.setenv("LRLAB_HOME", str(tmp_path / "new"))
    restored = lrlab("restore", tmp_path / "lab.zip")
    assert (restored.code, restored.out.splitlines()[0].split(",")[0]) == (
        0,
        f"{tmp_path / 'new'}: 0 data sets and 1 run",
    )
    assert lrlab("runs", "show", run.id).code == 0
    assert lrlab("doctor").out == f"{tmp_path / 'new'} is well.\n"


def test_refusals_are_one_sentence(lrlab: Lrlab, make_run: Callable[..., Run], home: Home, tmp_path: Path) -> None:
    make_run()
    (tmp_path / "mine.zip").write_bytes(b"mine")
    (tmp_path / "sub").mkdir()
    cases = {
        ("backup", tmp_path / "mine.zip"): f"file: {tmp_path / 'mine.zip'} is there already; choose another name",
        ("backup", tmp_path / "no" / "b.zip"): f"file: there is no folder {tmp_path / 'no'}",
        ("restore", tmp_path / "no.zip", "--to", tmp_path / "to"): f"file: there is no file {tmp_path / 'no.zip'}",
        ("restore", tmp_path / "sub", "--to", tmp_path / "to"): f"file: there is no file {tmp_path / 'sub'}",
        ("restore", tmp_path / "mine.zip", "--to", tmp_path / "to"): "mine.zip is no backup of a lab",
    }  # fmt: skip
    for arguments, sentence in cases.items():
        done = lrlab(*arguments)
        assert (done.code, done.out, done.err) == (2, "", f"error: {sentence}\n")
    assert lrlab("backup", tmp_path / "b.zip").code == 0
    done = lrlab("restore", tmp_path / "b.zip")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(
        f"error: home: there is a lab in {home.root} already (its runs); a backup is restored into"
    )


def test_a_lab_of_a_later_lrlab_is_refused_by_every_command(lrlab: Lrlab, home: Home, tmp_path: Path) -> None:
    write_json(home.mark_file, {"format": 2})
    sentence = f"the lab in {home.root} was written by a later lrlab (format 2; this one knows 1); update lrlab\n"
    for arguments in (("runs", "list"), ("data", "list"), ("backup", tmp_path / "b.zip"), ("doctor",)):
        done = lrlab(*arguments)
        assert (done.code, done.out) == (2, "")
        assert done.err.endswith(sentence) and done.err.count("\n") == 1


def test_the_doctor_says_what_it_did(lrlab: Lrlab, make_run: Callable[..., Run], home: Home) -> None:
    run, broken = make_run(), make_run()
    with (run.folder / "steps-1.csv").open("ab") as file:
        file.write(b"6,2,17")
    looked = lrlab("doctor", "--check")
    assert looked.code == 1
    line = f"run {run.id}: steps-1.csv ends in half a row (6 bytes); the half row, which was never read, is cut off."
    assert looked.out.splitlines() == [
        f"to repair  {line}",
        "",
        "1 to repair; leave --check out to have it done.",
    ]
    write_json(broken.folder / "run.json", {"format": 7})
    done = lrlab("doctor")
    assert done.code == 1
    assert done.out.splitlines()[-1] == "1 repaired, 1 left for you."
    assert f"repaired   {line}" in done.out.splitlines()
    left = lrlab("doctor", "--json")
    assert left.code == 1
    (found,) = left.json
    assert (found["state"], found["place"]) == ("open", f"run {broken.id}")
    assert found["wrong"].startswith(f"run {broken.id} was written by a later lrlab (format 7;")


def test_a_lab_that_could_be_repaired_is_well(lrlab: Lrlab, make_run: Callable[..., Run]) -> None:
    (make_run().folder / "heartbeat.json").write_bytes(b"")
    repaired = lrlab("doctor")
    assert (repaired.code, repaired.out.splitlines()[-1]) == (0, "1 repaired.")
    assert lrlab("doctor", "--thorough", "--json").json == []


def test_where_there_is_no_lab(lrlab: Lrlab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRLAB_HOME", str(tmp_path / "nowhere"))
    done = lrlab("doctor")
    assert (done.code, done.err) == (2, f"error: home: there is no lab in {tmp_path / 'nowhere'}\n")
    assert not (tmp_path / "nowhere").exists()
