"""`runs` and `compare` tell of runs what their logs hold, and change only what they were asked to."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from lrlab import runs
from lrlab.experiments import Finder
from lrlab.home import Home
from lrlab.runs import Run, delete_run, list_runs, lr_requests, stop_forced, update
from lrlab.runs.finder import findings
from lrlab.schedules import number

from .conftest import Lrlab

MakeRun = Callable[..., Run]
SGD = {"name": "SGD", "lr": 0.05}


def test_list(lrlab: Lrlab, make_run: MakeRun) -> None:
    older, newer = make_run(), make_run(name="烘焙", accuracies=())
    first, second = lrlab("runs", "list", "--json").json
    assert (first["id"], second["id"]) == (newer.id, older.id)
    expected = {"name": "Fixed", "state": "succeeded", "best_val_accuracy": 0.75, "best_epoch": 1, "epochs": 2}
    assert {key: second[key] for key in expected} == expected
    assert second["val_loss"] is None, "nan in the log"
    assert (first["best_val_accuracy"], first["best_epoch"]) == (None, None)
    head, new, old = lrlab("runs", "list").out.splitlines()
    assert head.split()[:3] == ["id", "state", "name"]
    assert old.split() == [
        older.id, "succeeded", "Fixed", "lights", "small_cnn", "Fixed", "75.0", "%", "2", "75.0", "%", "2", "30", "s",
    ]  # fmt: skip
    assert new.split()[-6:] == ["-", "-", "-", "0", "30", "s"]


def test_an_empty_lab_says_how_to_begin(lrlab: Lrlab) -> None:
    assert "python -m lrlab train" in lrlab("runs", "list").out
    assert lrlab("runs", "list", "--json").json == []


def test_show(lrlab: Lrlab, make_run: MakeRun) -> None:
    run = make_run(optimizer=SGD, schedule={"scheduler": {"name": "StepLR", "step_size": 1, "gamma": 0.5}})
    update(run, cause="the sky fell", advice="Hold it up.")
    text = lrlab("runs", "show", run.id).out
    for expected in (
        f"StepLR(step_size=1, gamma=0.5) ({run.id})",
        "  progress           6 of 6 updates, 100 %",
        "  best val accuracy  75.0 % at epoch 2",
        "  data set           lights: 2 classes, 12 train, 4 val",
        "  cause              the sky fell",
        "  advice             Hold it up.",
        "  optimizer.lr                     0.05",
        "  schedule.scheduler.step_size     1",
    ):
        assert expected in text.splitlines()
    answer = lrlab("runs", "show", run.id, "--json").json
    assert (answer["id"], answer["state"], answer["status"]["best_epoch"]) == (run.id, "succeeded", 1)
    assert answer["experiment"]["optimizer"]["lr"] == 0.05


def test_the_best_model_by_loss_is_told_as_that(lrlab: Lrlab, make_run: MakeRun, tmp_path: Path) -> None:
    """The losses are no numbers, so the highest accuracy breaks the tie."""
    run = make_run(early_stopping={"monitor": "val_loss", "patience": 9})
    assert "  best by val loss  val accuracy 75.0 % at epoch 2" in lrlab("runs", "show", run.id).out.splitlines()
    assert "75.0 %  2, by loss  " in lrlab("runs", "list").out
    lrlab("compare", run.id, "--html", tmp_path / "page.html")
    assert "<td>2, by loss</td>" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_searches_are_listed_with_what_they_suggest(
    lrlab: Lrlab, start_search: Callable[..., Any], make_run: MakeRun
) -> None:
    assert "python -m lrlab find-lr" in lrlab("runs", "list", "--searches").out
    trains, done = make_run(), start_search(Finder(steps=200)).search().end()
    flat, fresh = start_search(flat=True).search().end(), start_search().run
    found = findings(Finder(steps=200), done.steps)
    assert found.best
    rows = lrlab("runs", "list", "--searches", "--json").json
    assert [row["id"] for row in rows] == [fresh.id, flat.id, done.id]
    assert [row["lr"] for row in rows] == [None, None, pytest.approx(found.best.lr)]
    text = lrlab("runs", "list", "--searches").out
    assert trains.id not in text and done.id not in lrlab("runs", "list").out
    assert [line.split()[0] for line in text.splitlines()[1:]] == [fresh.id, flat.id, done.id]
    assert number(found.best.lr) in text.splitlines()[3].split()

    lines = lrlab("runs", "show", done.id).out.splitlines()
    suggestion = lines[lines.index("suggestions") + 1]
    assert suggestion.split() == [found.best.title, number(found.best.lr), *found.best.sentence.split()]
    assert "none: The loss stays flat" in lrlab("runs", "show", flat.id).out
    assert lrlab("runs", "show", done.id, "--json").json["findings"]["suggestions"]["valley"]["lr"]
    assert "findings" not in lrlab("runs", "show", trains.id, "--json").json


def test_a_search_that_is_deleted_while_all_are_listed_is_left_out(
    lrlab: Lrlab, start_search: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, gone = (start_search().search(9).end("cancelled") for _ in range(2))

    def overtaken(*given: Any, **wanted: Any) -> list[Run]:
        found = list_runs(*given, **wanted)
        delete_run(gone)
        return found

    monkeypatch.setattr(runs, "list_runs", overtaken)
    listed = lrlab("runs", "list", "--searches", "--json")
    assert (listed.code, [row["id"] for row in listed.json]) == (0, [kept.id])


def test_export(lrlab: Lrlab, make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run()
    done = lrlab("runs", "export", run.id, "--csv", tmp_path / "a", "--parquet", tmp_path / "b")
    assert done.out.splitlines() == [
        str(tmp_path / folder / f"{name}.{ending}")
        for folder, ending in (("a", "csv"), ("b", "parquet"))
        for name in ("steps", "epochs")
    ]
    assert_frame_equal(pd.read_csv(tmp_path / "a" / "steps.csv"), run.steps)
    assert_frame_equal(pd.read_csv(tmp_path / "a" / "epochs.csv"), run.epochs)
    assert_frame_equal(pd.read_parquet(tmp_path / "b" / "epochs.parquet"), run.epochs)


def test_rename(lrlab: Lrlab, make_run: MakeRun) -> None:
    run = make_run()
    assert lrlab("runs", "rename", run.id, "a better name").code == 0
    assert run.record.name == "a better name"
    done = lrlab("runs", "rename", run.id, " ")
    assert (done.code, run.record.name) == (2, "a better name")
    assert "name: got ''" in done.err


def test_delete_asks_first(lrlab: Lrlab, make_run: MakeRun, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, doomed = make_run(), make_run()
    refused = lrlab("runs", "delete", doomed.id)  # nobody is at the terminal
    assert refused.code == 2
    assert "give --yes" in refused.err
    monkeypatch.setattr("lrlab.cli.runs.ask", lambda question, without: False)
    assert lrlab("runs", "delete", doomed.id).code == 1
    assert len(list_runs(home)) == 2
    assert lrlab("runs", "delete", doomed.id, "--yes").code == 0
    assert [run.id for run in list_runs(home)] == [kept.id]


def test_stopping_what_has_ended_changes_nothing(lrlab: Lrlab, make_run: MakeRun) -> None:
    run = make_run()
    done = lrlab("runs", "stop", run.id)
    assert (done.code, done.out) == (0, f"{run.id} had already ended: succeeded\n")
    assert run.record.state == "succeeded"


@pytest.mark.parametrize(
    "command",
    [
        ("runs", "show", "{}"), ("runs", "stop", "{}"), ("runs", "delete", "{}", "--yes"),
        ("runs", "rename", "{}", "x"), ("runs", "export", "{}", "--csv", "out"), ("compare", "{}"), ("import", "{}"),
    ],
    ids=" ".join,
)  # fmt: skip
@pytest.mark.parametrize("unknown", ["abcdefghij", "../../etc/passwd", "-x", "", "烘焙"])
def test_an_unknown_id_is_refused(
    lrlab: Lrlab, command: tuple[str, ...], unknown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = lrlab(*(word.format(unknown) for word in command))
    assert done.code == 2
    assert done.out == ""
    assert "Traceback" not in done.err
    assert not (tmp_path / "out").exists()


def test_export_needs_to_know_where(lrlab: Lrlab, make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run()
    assert "one of --csv DIR and --parquet DIR is needed" in lrlab("runs", "export", run.id).err
    (tmp_path / "file").touch()
    done = lrlab("runs", "export", run.id, "--csv", tmp_path / "file")
    assert (done.code, done.err) == (2, f"error: {tmp_path}/file: File exists\n")


def test_compare(lrlab: Lrlab, make_run: MakeRun) -> None:
    first, second = make_run(), make_run(accuracies=(0.5, 0.6), optimizer=SGD)
    done = lrlab("compare", first.id, second.id, first.id)
    assert done.out.startswith("Adam · lr 0.001 ends 15.0 points above SGD · lr 0.05 (best val accuracy, 1 run each")
    rows = [line.split() for line in done.out.splitlines()]
    assert ["optimizer", "Adam", "SGD"] in rows
    answer = lrlab("compare", first.id, second.id, "--json").json
    assert [run["id"] for run in answer["runs"]] == [first.id, second.id]
    assert {"setting": "optimizer", "values": {first.id: "Adam", second.id: "SGD"}} in answer["differences"]


def test_compare_writes_one_page_that_needs_nothing_else(lrlab: Lrlab, make_run: MakeRun, tmp_path: Path) -> None:
    hostile = '<img src="//evil.example/x" onerror=alert(1)>'
    first, second = make_run(), make_run(accuracies=(0.5, 0.6), name=hostile)
    done = lrlab("compare", first.id, second.id, "--html", tmp_path / "page.html")
    assert done.out.splitlines()[-1] == f"Wrote {tmp_path}/page.html"
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Plotly.newPlot" in page
    assert "<script src=" not in page
    body = page[page.index("<body>") :]
    assert html.escape(hostile) in body
    assert hostile not in body


def test_compare_cannot_write_anywhere(lrlab: Lrlab, make_run: MakeRun) -> None:
    done = lrlab("compare", make_run().id, "--html", "/nowhere/page.html")
    assert (done.code, done.err) == (2, "error: /nowhere/page.html: No such file or directory\n")


HALVED = {"scheduler": {"name": "StepLR", "step_size": 1, "gamma": 0.5}}


@pytest.fixture
def resumable(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, woken: list[Home]) -> Run:
    """A run that was trained to its end, with images that are said to be there; no supervisor is started for it."""
    monkeypatch.setattr("lrlab.jobs.changing.load_dataset", lambda home, name: None)
    return make_run(optimizer=SGD, schedule=HALVED)


def test_resume(lrlab: Lrlab, resumable: Run) -> None:
    refused = lrlab("runs", "resume", resumable.id)
    assert (refused.code, "was trained to its end; say how many more epochs" in refused.err) == (2, True)
    (resumable.folder / "checkpoints").mkdir()
    (resumable.folder / "checkpoints" / "1-6.pt").touch()
    done = lrlab("runs", "resume", resumable.id, "--epochs", 2)
    assert done.out.splitlines() == [
        f"{resumable.id} goes on at update 6 of 12: waiting in the queue: 1st",
        "It has 4 epochs now, 2 of which were planned.",
        "Epochs 3 to 4 lie beyond the schedule's planned end. The LR falls from 0.025 to 0.00625 in the last epoch, 4.",
    ]
    assert resumable.record.state == "queued"


def test_resume_without_a_checkpoint_says_that_it_begins_anew(lrlab: Lrlab, resumable: Run) -> None:
    update(resumable, state="failed")
    done = lrlab("runs", "resume", resumable.id)
    assert done.out == f"{resumable.id} has no checkpoint and begins anew: waiting in the queue: 1st\n"


def test_retry(lrlab: Lrlab, resumable: Run) -> None:
    refused = lrlab("runs", "retry", resumable.id)
    assert (refused.code, "succeeded; there is nothing to try again" in refused.err) == (2, True)
    update(resumable, state="failed")
    done = lrlab("runs", "retry", resumable.id)
    assert done.out == f"{resumable.id} has no checkpoint and begins anew: waiting in the queue: 1st\n"
    assert lrlab("runs", "retry", resumable.id).code == 2
    assert "there is no run" in lrlab("runs", "retry", "nosuchrun").err


def test_stop_by_force_waits_until_it_is_done(lrlab: Lrlab, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run, called = make_run(), []
    update(run, state="running")

    def ensure(home: Home) -> bool:
        called.append(stop_forced(run))
        update(run, state="cancelled")
        return True

    monkeypatch.setattr("lrlab.jobs.requests.ensure_supervisor", ensure)
    done = lrlab("runs", "stop", run.id, "--force")
    assert (done.code, called) == (0, [True]) and done.out.startswith(f"{run.id}: stopped after")


def test_show_ends_a_failed_run_with_what_its_worker_said(lrlab: Lrlab, make_run: MakeRun) -> None:
    run = make_run()
    run.worker_log.write_text("\n".join(f"line {number}" for number in range(9)) + "\n")
    assert "line 8" not in lrlab("runs", "show", run.id).out
    update(run, state="failed", cause="the sky fell")
    text = lrlab("runs", "show", run.id).out
    assert "  worker.log         line 4\n" in text and "line 8" in text and "line 3" not in text


def test_set_lr(lrlab: Lrlab, resumable: Run) -> None:
    assert "has ended" in lrlab("runs", "set-lr", resumable.id, "0.1").err
    update(resumable, state="queued")
    assert lrlab("runs", "set-lr", resumable.id, "0.1").out.splitlines() == [
        f"{resumable.id}: from its next update on the LR is 0.1; the rest of its schedule follows in proportion.",
        "The LR stays at 0.1 until epoch 2, then falls to 0.05 in the last epoch, 2.",
    ]
    assert lrlab("runs", "set-lr", resumable.id, "x0.5").out.splitlines()[0] == (
        f"{resumable.id}: from its next update on the LR is multiplied by 0.5; "
        "the rest of its schedule follows in proportion."
    )
    assert [(one.value, one.factor) for _, one in lr_requests(resumable)] == [(0.1, None), (None, 0.5)]
    for text in ("much", "x", "x-1", "0", "1e9"):
        done = lrlab("runs", "set-lr", resumable.id, text)
        assert (done.code, "allowed" in done.err) == (2, True), text
    assert len(lr_requests(resumable)) == 2
