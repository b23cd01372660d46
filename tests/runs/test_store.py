"""Run folders: whole or absent, changed under a lock, found by their opaque id alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from filelock import FileLock

from lrlab.errors import LabError, NotFound
from lrlab.experiments.finder import Finder
from lrlab.files import new_id
from lrlab.runs import (
    RunRecord,
    create_run,
    delete_run,
    list_runs,
    load_run,
    rename,
    request_stop,
    revise,
    stop_requested,
    store,
    update,
)

HOSTILE = [
    "", ".", "..", "../runs", "/etc/passwd", "a/b", "a\\b", "C:", "~", "%2e%2e", "a\0b", "A", "abc.d", " ", "a b", "é",
    "run.json", ".lock", "b" * 33, "$HOME", "*", "a;b", "\n", "con", "aux:", "0123", "１２",
]  # fmt: skip


def test_a_new_run_is_queued_under_its_experiments_name(make_run, home):
    run = make_run(name="First")
    record = run.record
    assert (record.id, record.name, record.state, record.attempts) == (run.id, "First", "queued", ())
    assert record.steps == 3 * 4
    assert load_run(run.id, home).record == load_run(run.id).record == record
    assert {path.name for path in run.folder.iterdir()} == {"run.json"}


def test_a_run_without_a_name_is_named_after_its_schedule(make_run):
    schedule = {"scheduler": {"name": "StepLR", "step_size": 5, "gamma": 0.5}}
    assert make_run(schedule=schedule).record.name == "StepLR(step_size=5, gamma=0.5)"


def test_run_json_holds_the_experiment_as_a_person_wrote_it(make_run):
    stored = json.loads((make_run(name="A", batch_size=16).folder / "run.json").read_text())
    assert stored["format"] == 1
    assert (stored["experiment"]["name"], stored["experiment"]["batch_size"]) == ("A", 16)


def test_a_search_for_an_lr_is_no_run_among_others(make_run, home):
    trained = make_run()
    record = trained.record
    facts = {"dataset": record.dataset, "steps_per_epoch": 4}
    searching = create_run(home, record.experiment, finder=Finder(steps=50), **facts)
    assert (searching.record.kind, searching.record.finder) == ("find_lr", Finder(steps=50))
    assert (record.kind, record.finder) == ("train", None)
    assert [run.id for run in list_runs(home)] == [trained.id]
    assert [run.id for run in list_runs(home, "find_lr")] == [searching.id]
    assert {run.id for run in list_runs(home, None)} == {trained.id, searching.id}


def test_epochs_asked_for_later_are_the_runs_too(make_run):
    run = make_run()
    update(run, more_epochs=2)
    assert (run.record.epochs, run.record.steps, run.experiment.epochs) == (5, 20, 3)


def test_what_a_later_version_adds_does_not_hide_a_run(make_run):
    run = make_run()
    path = run.folder / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "invented_later": 1}))
    assert run.record.id == run.id


def test_a_run_that_cannot_be_written_leaves_nothing(make_run, home, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "write_atomic", full)
    with pytest.raises(OSError):
        make_run()
    assert list(home.runs.iterdir()) == []


@pytest.mark.parametrize("run_id", [*HOSTILE, "abcdefghij"])
def test_an_id_that_is_none_is_not_found(make_run, home, run_id):
    make_run()
    with pytest.raises(NotFound):
        load_run(run_id, home)


def test_runs_are_listed_newest_first_and_broken_ones_left_out(make_run, home):
    runs = [make_run(name=name) for name in "abc"]
    broken = make_run()
    (broken.folder / "run.json").write_text("{")
    (home.runs / ".new-x").mkdir()
    (home.runs / "notes.txt").touch()
    assert [run.id for run in list_runs(home)] == [run.id for run in reversed(runs)]
    with pytest.raises(LabError, match=broken.id):
        _ = broken.record


def test_of_a_broken_run_json_is_warned_once_for_each_state_of_it(make_run, home, caplog):
    broken = make_run().folder / "run.json"
    for content in ("{", "[]"):
        broken.write_text(content)
        os.utime(broken, ns=(0, len(content)))
        for _ in range(3):
            assert list_runs(home) == []
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2


def test_however_many_runs_there_are_each_is_parsed_once(make_run, home, monkeypatch):
    """More than fit into a cache of any fixed size that one would choose; all are read in turn, twice."""
    first = make_run()
    content = (first.folder / "run.json").read_bytes()
    for _ in range(700):
        folder = home.runs / new_id()
        folder.mkdir()
        (folder / "run.json").write_bytes(content.replace(first.id.encode(), folder.name.encode()))
    assert len(list_runs(home)) == 701
    monkeypatch.setattr(RunRecord, "model_validate_json", None)
    assert len(list_runs(home)) == 701


def test_fields_are_updated_and_checked(make_run):
    run = make_run()
    assert update(run, notes="x", tags=("a",)) == run.record
    assert (run.record.notes, run.record.tags) == ("x", ("a",))
    with pytest.raises(TypeError, match=r"run\.json has no mood"):
        update(run, mood="good")
    with pytest.raises(ValueError):
        update(run, state="sleeping")
    assert run.record.notes == "x"


def test_no_update_of_several_processes_is_lost(make_run):
    run = make_run()
    program = (
        "import sys; from lrlab.runs import load_run, revise\n"
        "run = load_run(sys.argv[1])\n"
        "for turn in range(8):\n"
        "    revise(run, lambda record: {'tags': (*record.tags, f'{sys.argv[2]}-{turn}')})\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, run.id, str(number)]) for number in range(3)]
    assert [writer.wait() for writer in writers] == [0] * 3
    assert sorted(run.record.tags) == sorted(f"{number}-{turn}" for number in range(3) for turn in range(8))


def test_a_revision_without_changes_writes_nothing(make_run):
    run = make_run()
    before = (run.folder / "run.json").stat().st_ino
    assert revise(run, lambda record: {}) == run.record
    assert (run.folder / "run.json").stat().st_ino == before


def test_rename(make_run):
    run = make_run(name="a")
    rename(run, "  Ünïcode = <b>fine</b> ")
    assert run.record.name == "Ünïcode = <b>fine</b>"
    for name in ("", "   ", "a\nb", "x" * 121):
        with pytest.raises(LabError) as refused:
            rename(run, name)
        assert refused.value.field == "name"


def test_delete(make_run, begin, home):
    run, other = make_run(), make_run()
    begin(run)
    with pytest.raises(LabError, match="stop it first"):
        delete_run(run)
    update(run, state="cancelled")
    delete_run(run)
    assert [path.name for path in home.runs.iterdir()] == [other.id]
    for deed in (lambda: delete_run(run), lambda: update(run, notes="x"), lambda: run.record):
        with pytest.raises(NotFound):
            deed()
    assert [path.name for path in home.runs.iterdir()] == [other.id]  # nothing came back


def test_a_run_that_is_deleted_while_its_lock_is_awaited_does_not_come_back(make_run, monkeypatch):
    run = make_run()

    class Awaited(FileLock):
        def acquire(self, *args, **kwargs):
            delete_run(run)
            return super().acquire(*args, **kwargs)

    monkeypatch.setattr(store, "FileLock", Awaited)
    with pytest.raises(NotFound):
        rename(run, "too late")
    assert not run.folder.exists()


def test_a_stop_is_asked_for_once_and_stays(make_run):
    run = make_run()
    assert not stop_requested(run)
    request_stop(run)
    request_stop(run)
    assert stop_requested(run)


def test_a_result_that_is_not_a_number_is_not_known(make_run):
    run = make_run()
    update(run, result={"best_val_loss": float("nan"), "best_epoch": 2})
    assert RunRecord.model_validate_json((run.folder / "run.json").read_bytes()).result.best_val_loss is None
