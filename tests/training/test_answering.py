"""The helper process from the inside: what it says to a question, and when it leaves."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest

from lrlab.errors import LabError, NotFound
from lrlab.experiments import Experiment
from lrlab.home import Home
from lrlab.training import answering


def _raise(error: Exception) -> Callable[..., Any]:
    def question(home: Home, **_: Any) -> Any:
        raise error

    return question


ANSWERS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "a value": (lambda home, n: [home.root.name, n + 1], {"answer": ["lab", 2]}),
    "a refusal": (
        _raise(LabError("size: got 1", "size")),
        {"error": "size: got 1", "kind": "LabError", "field": "size"},
    ),
    "something missing": (
        _raise(NotFound("no run x")),
        {"error": "no run x", "kind": "NotFound", "field": None},
    ),
    "settings out of range": (
        lambda home, n: Experiment(dataset="a", epochs=n - 1),
        {"error": "epochs: got 0, allowed: at least 1", "kind": "LabError", "field": "epochs"},
    ),
    "a fault of ours": (
        _raise(ZeroDivisionError("by\nnought")),
        {"error": "asked: ZeroDivisionError: by nought", "kind": "LabError", "field": None},
    ),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_what_is_said_to_a_question(home: Home, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    question, expected = ANSWERS[case]
    monkeypatch.setitem(answering.QUESTIONS, "asked", question)
    line = json.dumps({"home": str(home.root), "question": "asked", "arguments": {"n": 1}}).encode()
    assert answering.answer(line) == expected


def test_one_that_takes_long_is_given_somebody_to_tell(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def question(home: Home, *, n: int, progress: Callable[[str, int, int], None]) -> int:
        for done in range(n):
            progress("counting", done, n)
        return n

    told: list[tuple[str, int, int]] = []
    monkeypatch.setitem(answering.LONG, "count", question)
    line = json.dumps({"home": str(home.root), "question": "count", "arguments": {"n": 2}}).encode()
    assert answering.answer(line, lambda *progress: told.append(progress)) == {"answer": 2}
    assert told == [("counting", 0, 2), ("counting", 1, 2)]
    assert answering.answer(line) == {"answer": 2}


CHATTY = """
import os
from lrlab.training import answering
def question(home, n):
    print("this goes elsewhere")
    os.write(1, b"and this\\n")
    return n
answering.QUESTIONS["asked"] = question
answering.answer_all(idle=lambda: %s)
"""


def _run(home: Home, idle: float, asked: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", CHATTY % idle]
    return subprocess.run(command, input=asked, capture_output=True, timeout=120, check=False)


def test_only_answers_go_to_standard_output_and_the_end_of_input_ends_it(home: Home) -> None:
    lines = [json.dumps({"home": str(home.root), "question": "asked", "arguments": {"n": n}}) for n in range(3)]
    done = _run(home, 600, "\n".join([*lines, ""]).encode())
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [{"answer": n} for n in range(3)]
    assert done.stderr.count(b"this goes elsewhere") == done.stderr.count(b"and this") == 3


ON_A_GPU = """
import os, torch
from lrlab.training import answering
held = []
class Cache:  # torch's cache of GPU memory: what a question took stays reserved until it is emptied
    def empty_cache(): os.write(2, b"emptied %d\\n" % len(held)); held.clear()
torch.cuda.empty_cache = Cache.empty_cache
def count(home, n, progress):
    for done in range(n):
        progress("counting", done, n)
    held.append(n)
    return n
def fail(home):
    held.append("much")
    raise torch.OutOfMemoryError("CUDA out of memory")
answering.LONG["count"], answering.QUESTIONS["fail"], answering.TELL_SECONDS = count, fail, 0.0
answering.answer_all()
"""


def test_what_an_answer_took_of_a_gpu_is_given_back_and_progress_goes_before_it(home: Home) -> None:
    asked = [("count", {"n": 2}), ("fail", {}), ("count", {"n": 1})]
    lines = [json.dumps({"home": str(home.root), "question": name, "arguments": given}) for name, given in asked]
    done = subprocess.run(
        [sys.executable, "-c", ON_A_GPU], input="\n".join([*lines, ""]).encode(), capture_output=True, timeout=120,
        check=True,
    )  # fmt: skip
    first, second, two, refused, third, one = map(json.loads, done.stdout.splitlines())
    assert [first, second, two] == [{"progress": ["counting", 0, 2]}, {"progress": ["counting", 1, 2]}, {"answer": 2}]
    assert refused["error"] == "fail: OutOfMemoryError: CUDA out of memory"
    assert [third, one] == [{"progress": ["counting", 0, 1]}, {"answer": 1}]
    assert [line for line in done.stderr.splitlines() if line.startswith(b"emptied")] == [b"emptied 1"] * 3


def test_it_leaves_when_nothing_is_asked(home: Home) -> None:
    with subprocess.Popen([sys.executable, "-c", CHATTY % 0.1], stdin=subprocess.PIPE) as process:
        assert process.wait(timeout=120) == 0  # its input is still open


def test_how_long_it_stays_counts_as_it_is_set_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "LOOK_EVERY", 0.01)
    lines: SimpleQueue[bytes] = SimpleQueue()
    stays = iter([600, 600, 0])
    assert answering._next(lines, lambda: next(stays)) == b""
    assert list(stays) == []
    lines.put(b"asked already")
    assert answering._next(lines, lambda: 0) == b"asked already"
