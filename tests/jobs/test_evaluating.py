"""Evaluations from the asker's side: in a process of their own, bounded by silence alone, one at a time."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lrlab.home import Home
from lrlab.jobs import answers, ask, evaluating
from lrlab.jobs.answers import Helper
from lrlab.jobs.evaluating import EvaluationStatus, evaluation_status, start_evaluation

FAKE = (sys.executable, str(Path(__file__).with_name("fake_helper.py")))
Until = Callable[[Callable[[], object]], None]
AT_WORK = EvaluationStatus("Counting marks", 1, 3)


@pytest.fixture(autouse=True)
def commands(home: Home, monkeypatch: pytest.MonkeyPatch, until: Until) -> Iterator[None]:
    """Helpers that need no torch; at the end nothing is under way any more."""
    monkeypatch.setattr(evaluating, "COMMAND", FAKE)
    helper = Helper(FAKE)
    monkeypatch.setattr(answers, "_helper", helper)
    yield
    helper.end()
    for _, run in list(evaluating._standing):
        finish(home, run)
    until(lambda: all(status.error for status in evaluating._standing.values()))
    evaluating._standing.clear()


def finish(home: Home, run: str, how: str = "") -> None:
    """Lets the evaluation of `run` come to its end."""
    (home.root / f"mark-{run}").write_text(how)


def test_it_tells_how_far_it_is_and_holds_nobody_up(home: Home, until: Until) -> None:
    assert evaluation_status(home, "a") is None
    start_evaluation(home, "a")
    until(lambda: evaluation_status(home, "a") == AT_WORK)
    assert ask(home, "echo", n=1)["n"] == 1  # a preview, meanwhile
    assert evaluation_status(home, "a") == AT_WORK
    finish(home, "a")
    until(lambda: evaluation_status(home, "a") is None)


def test_only_silence_ends_it(home: Home, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluating, "SILENCE", 2.0)
    told = []

    class Counted(Helper):
        def ask(self, *args, **options):  # type: ignore[no-untyped-def]
            def progress(*said: object) -> None:
                told.append(said)
                options["progress"](*said)

            return super().ask(*args, **{**options, "progress": progress})

    monkeypatch.setattr(evaluating, "Helper", Counted)
    start_evaluation(home, "a")
    until(lambda: len(told) > 60)  # 3 seconds and more, of a twentieth each
    assert evaluation_status(home, "a") == AT_WORK
    finish(home, "a", "hang")
    until(lambda: evaluation_status(home, "a") != AT_WORK)
    assert evaluation_status(home, "a") == EvaluationStatus(
        error="no answer came within 2 seconds; the helper process was ended"
    )


def test_one_is_at_work_at_a_time_and_each_run_is_evaluated_once(home: Home, until: Until) -> None:
    start_evaluation(home, "a")
    until(lambda: evaluation_status(home, "a") == AT_WORK)
    threads = [threading.Thread(target=start_evaluation, args=(home, run)) for run in ("a", "b", "a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert evaluation_status(home, "a") == AT_WORK
    assert evaluation_status(home, "b") == EvaluationStatus("Waiting for another evaluation")
    assert sorted(one.name for one in threading.enumerate() if one.name.startswith("evaluate-")) == [
        "evaluate-a",
        "evaluate-b",
    ]
    finish(home, "a")
    until(lambda: evaluation_status(home, "b") == AT_WORK)
    assert evaluation_status(home, "a") is None
    finish(home, "b")
    until(lambda: evaluation_status(home, "b") is None)


def test_why_it_could_not_be_stays_until_it_is_asked_for_again(home: Home, until: Until) -> None:
    finish(home, "a", "refuse")
    start_evaluation(home, "a")
    until(lambda: evaluation_status(home, "a") == EvaluationStatus(error="no such run"))
    finish(home, "a")
    start_evaluation(home, "a")
    until(lambda: evaluation_status(home, "a") is None)


def test_what_its_process_said_last_is_told_and_stands_in_a_log_of_its_own(home: Home, until: Until) -> None:
    ask(home, "echo")  # the other helper, whose last word this would be otherwise
    finish(home, "a", "die")
    start_evaluation(home, "a")
    told = "the helper process ended over the question evaluate (an evaluation's last word)"
    until(lambda: evaluation_status(home, "a") == EvaluationStatus(error=told))
    assert home.evaluation_log.read_text() == 2 * "an evaluation's last word\n"  # it was tried twice
    assert home.helper_log.read_text() == ""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_ours_is_told_and_holds_up_nobody_else(
    home: Home, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluating, "COMMAND", ("/no/such/program",))
    start_evaluation(home, "a")
    until(lambda: evaluation_status(home, "a").error)  # type: ignore[union-attr]
    assert "the evaluation broke off: FileNotFoundError" in evaluation_status(home, "a").error  # type: ignore[union-attr]
    monkeypatch.setattr(evaluating, "COMMAND", FAKE)
    finish(home, "b")
    start_evaluation(home, "b")
    until(lambda: evaluation_status(home, "b") is None)
