"""What a terminal shows: columns that line up, JSON that parses, names that cannot drive it, and questions."""

from __future__ import annotations

import io
import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lrlab.cli import terminal
from lrlab.errors import LabError


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.nan, None),
        (math.inf, None),
        (np.float64("nan"), None),
        (pd.NA, None),
        (None, None),
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (True, True),
        (np.bool_(True), True),
        ("烘焙", "烘焙"),
        ((1, [2.0, math.nan]), [1, [2.0, None]]),
        (np.array([0.1, math.nan]), [0.1, None]),
        ({"a": {"b": pd.NA}}, {"a": {"b": None}}),
    ],
)
def test_json(value: Any, expected: Any, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say_json(value)
    assert json.loads(capsys.readouterr().out) == expected


def test_a_table_lines_up_whatever_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say_table(["name", "count"], [["coffee", "5"], ["烘焙", "1,200"]], right=["count"])
    assert capsys.readouterr().out == "name    count\ncoffee      5\n烘焙    1,200\n"


def test_a_name_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say("a\x1b[2Jb\rc")
    assert capsys.readouterr().out == "a\\x1b[2Jb\\x0dc\n"


@pytest.mark.parametrize(("share", "expected"), [(0.9312, "93.1 %"), (1.0, "100.0 %"), (None, "-"), (math.nan, "-")])
def test_percent(share: float | None, expected: str) -> None:
    assert terminal.percent(share) == expected


@pytest.mark.parametrize(("epoch", "expected"), [(0, "1"), (np.int64(11), "12"), (pd.NA, "-"), (None, "-")])
def test_epochs_are_counted_from_one(epoch: Any, expected: str) -> None:
    assert terminal.counted(epoch) == expected


@pytest.mark.parametrize(
    ("answer", "expected"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_ask(answer: str, expected: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    assert terminal.ask("Delete?", without="--yes") is expected
    assert capsys.readouterr() == ("", "Delete? [y/N] ")


def test_nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(LabError, match="give --yes"):
        terminal.ask("Delete?", without="--yes")


def test_a_bar_that_is_no_terminal_writes_a_line_for_each_mark(capsys: pytest.CaptureFixture[str]) -> None:
    bar = terminal.Bar()
    bar.show(None, "starting worker", mark="start")
    for step in range(3):
        bar.show(step / 10, f"step {step}", mark=step // 2)
    bar.close()
    assert capsys.readouterr().err == "starting worker\n  0 %  step 0\n 20 %  step 2\n"


def test_a_bar_on_a_terminal_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("COLUMNS", "60")
    bar = terminal.Bar()
    bar.show(0.5, "half of a long way " * 5, mark=0)
    bar.show(1.0, "done", mark=0)
    bar.show(1.0, "done", mark=0)
    bar.close()
    half, done = stream.getvalue().removeprefix("\r").removesuffix("\n").split("\r")
    assert half == "[############............]  50 %  half of a long way half of"[:59]
    assert done.rstrip() == "[########################] 100 %  done"
    assert len(done) == len(half), "the longer line is wiped"
