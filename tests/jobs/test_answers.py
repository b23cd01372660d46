"""The helper process from the asker's side: a fake helper does what the question says."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from lrlab.errors import LabError, NotFound
from lrlab.home import Home
from lrlab.jobs import answers, ask, ask_later
from lrlab.jobs.answers import Helper

FAKE = (sys.executable, str(Path(__file__).with_name("fake_helper.py")))


@pytest.fixture
def helper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Helper]:
    """What `ask` asks in this test."""
    made = Helper(FAKE)
    monkeypatch.setattr(answers, "_helper", made)
    yield made
    made.end()


def test_a_question_is_answered_and_the_helper_is_kept(home: Home, helper: Helper) -> None:
    first = ask(home, "echo", text='a "line"\nand é', values=[1, 2.5, None])
    assert (first["home"], first["text"], first["values"]) == (str(home.root), 'a "line"\nand é', [1, 2.5, None])
    assert first["pid"] != os.getpid()
    assert ask(home, "echo")["pid"] == first["pid"]


def test_the_helper_stands_back_and_sits_in_a_session_of_its_own(home: Home, helper: Helper) -> None:
    pid = ask(home, "echo")["pid"]
    assert psutil.Process(pid).nice() == max(5, psutil.Process().nice())
    assert os.getsid(pid) == pid


@pytest.mark.parametrize(("kind", "expected"), [("LabError", LabError), ("NotFound", NotFound)])
def test_a_refusal_passes_through(home: Home, helper: Helper, kind: str, expected: type[LabError]) -> None:
    with pytest.raises(LabError, match=r"^size: got 1, allowed: 2$") as caught:
        ask(home, "refuse", kind=kind)
    assert type(caught.value) is expected
    assert caught.value.field == "size"


def test_one_that_left_is_started_anew(home: Home, helper: Helper) -> None:
    first = ask(home, "last")["pid"]
    assert ask(home, "echo")["pid"] != first


def test_one_that_left_stays_no_zombie(
    home: Home, helper: Helper, until: Callable[[Callable[[], object]], None]
) -> None:
    pid = ask(home, "last")["pid"]
    until(lambda: not psutil.pid_exists(pid))


def test_one_that_was_killed_is_started_anew(home: Home, helper: Helper) -> None:
    first = ask(home, "echo")["pid"]
    psutil.Process(first).kill()
    assert ask(home, "echo")["pid"] != first


def test_a_question_that_ends_one_helper_is_asked_once_more(home: Home, helper: Helper, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    assert ask(home, "die once", mark=str(mark))["mark"] == str(mark)
    assert mark.read_text() == "xx"


def test_a_question_that_ends_every_helper_is_told_with_its_last_word(home: Home, helper: Helper) -> None:
    with pytest.raises(LabError, match=r"^the helper process ended over the question die \(the last word\)$"):
        ask(home, "die")
    assert ask(home, "echo", n=1)["n"] == 1


def test_one_that_takes_too_long_is_ended_and_its_late_answer_is_nobodys(home: Home, helper: Helper) -> None:
    pid = ask(home, "echo")["pid"]
    helper._longest = 0.2
    with pytest.raises(LabError, match="no answer came within 0 seconds"):
        ask(home, "sleep")
    assert not psutil.pid_exists(pid)
    helper._longest = 60
    assert ask(home, "echo", n=2)["n"] == 2


def test_threads_get_their_own_answers(home: Home, helper: Helper) -> None:
    got: dict[int, Any] = {}

    def work(n: int) -> None:
        got[n] = [ask(home, "echo", n=n)["n"] for _ in range(20)]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == {n: [n] * 20 for n in range(8)}


def test_a_kept_answer_is_read_and_not_asked_for(home: Home, helper: Helper, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ask(home, "echo", keep=True, n=1)
    helper.end()
    assert ask(home, "echo", keep=True, n=1) == first  # the same pid, which is gone
    assert ask(home, "echo", keep=True, n=2)["pid"] != first["pid"]
    assert len(list(home.answers.iterdir())) == 2
    later = ask_later(home, "echo", keep=True, n=1)
    assert later.done() and later.result() == first
    monkeypatch.setattr(answers, "_code", lambda: [("loop.py", 1, 1)])
    assert ask(home, "echo", keep=True, n=1)["pid"] != first["pid"]


def test_the_code_is_looked_up_once(home: Home, helper: Helper, monkeypatch: pytest.MonkeyPatch) -> None:
    answers._code.cache_clear()
    first = ask(home, "echo", keep=True, n=1)
    monkeypatch.setattr(Path, "rglob", None)
    assert ask_later(home, "echo", keep=True, n=1).result() == first
    assert ask_later(home, "echo", n=2).result(timeout=60)["n"] == 2


@pytest.mark.parametrize("torn", [b"", b'{"pid": 1', b"\0" * 300], ids=["empty", "cut", "zeros"])
def test_a_torn_answer_is_asked_for_and_kept_anew(home: Home, helper: Helper, torn: bytes) -> None:
    first = ask(home, "echo", keep=True, n=1)
    (kept,) = home.answers.iterdir()
    kept.write_bytes(torn)
    assert ask_later(home, "echo", keep=True, n=1).result(timeout=30) == first
    helper.end()
    assert ask(home, "echo", keep=True, n=1) == first  # the same pid, which is gone


def test_an_answer_that_is_cleared_while_it_is_read_stays_cleared(
    home: Home, helper: Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(home, "echo", keep=True, n=1)
    (kept,) = home.answers.iterdir()
    real = answers.read_json

    def cleared(path: Path) -> Any:
        answer = real(path)
        path.unlink()
        return answer

    monkeypatch.setattr(answers, "read_json", cleared)
    with pytest.raises(FileNotFoundError):
        answers._kept(home, "echo", {"n": 1})
    assert not kept.exists()


def test_a_refusal_is_not_kept(home: Home, helper: Helper) -> None:
    with pytest.raises(LabError):
        ask(home, "refuse", keep=True, kind="LabError")
    assert not home.answers.exists()


def test_answers_that_nobody_needed_for_long_are_swept(home: Home, helper: Helper) -> None:
    ask(home, "echo", keep=True, n=1)
    for file in home.answers.iterdir():
        os.utime(file, (0, 0))
    ask(home, "echo", keep=True, n=2)
    assert len(list(home.answers.iterdir())) == 1


def test_an_answer_for_later_comes_to_all_who_asked(
    home: Home, helper: Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    with helper._lock:  # nothing is answered while it is held
        futures = [ask_later(home, "echo", n=1) for _ in range(3)]
        other = ask_later(home, "echo", n=2)
        assert not futures[0].done()
    assert futures[0] is futures[1] is futures[2]
    assert futures[0].result(timeout=30)["n"] == 1
    assert other.result(timeout=30)["n"] == 2
    assert ask_later(home, "echo", n=1) is futures[0]  # a page that is drawn anew because of it
    monkeypatch.setattr(answers, "FRESH", -1.0)
    stale = ask_later(home, "echo", n=3)
    stale.result(timeout=30)
    assert ask_later(home, "echo", n=3) is not stale


def test_a_refusal_for_later_is_raised_where_it_is_read(home: Home, helper: Helper) -> None:
    with pytest.raises(LabError, match="size"):
        ask_later(home, "refuse", kind="LabError").result(timeout=30)


def test_what_is_no_json_is_told_at_once(home: Home, helper: Helper) -> None:
    for given in (ask, ask_later):
        with pytest.raises(TypeError):
            given(home, "echo", keep=True, n=object())


ASKER = """
import sys
from lrlab.home import lab_home
from lrlab.jobs.answers import Helper
print(Helper(sys.argv[1:]).ask(lab_home(), "echo", {})["pid"], flush=True)
sys.stdin.readline()
"""


def test_the_helper_ends_with_its_asker(home: Home, until: Callable[[Callable[[], object]], None]) -> None:
    command = [sys.executable, "-c", ASKER, *FAKE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as asker:
        assert asker.stdout is not None
        process = psutil.Process(int(asker.stdout.readline()))
        asker.kill()
    until(lambda: not process.is_running())
