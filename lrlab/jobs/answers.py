"""Questions that need torch, asked of a helper process: what a model is, how a picture is changed, what it shows.

The helper is started when it is first needed, one for each process that asks, and ends with it or after idle minutes.
One question goes through its pipes at a time, a line of JSON each way: so it is known which question ended a helper.
Before the answer there may come lines that tell how far it is.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import lrlab
from lrlab.errors import LabError, NotFound, shown
from lrlab.files import read_json, write_json
from lrlab.home import Home
from lrlab.jobs.detached import environment, give_way, own_session

HELPER = (sys.executable, "-m", "lrlab", "answer")

LONGEST = 300.0
"""Seconds that a helper may be silent over a question; then it is ended."""

FRESH = 10.0
"""Seconds for which an answer that was asked for later is given again without asking."""

Progress = Callable[[str, int, int], None]
"""What is being done, how many, of how many."""

KEPT_DAYS = 30
"""How long an answer is kept on disk after it was last needed."""

LOG_SIZE = 1024 * 1024
"""Bytes from which on a helper's log begins anew with the next one."""


def ask(home: Home, question: str, /, *, keep: bool = False, **arguments: Any) -> Any:
    """The helper's answer to `question` (a name in `training.answering.QUESTIONS`) with these arguments, all JSON.

    Blocks until it is there; a first question waits some seconds for the helper to import torch. `keep`: the answer
    depends on the arguments alone, so it is looked up on disk before it is asked for, and kept there.
    LabError as the helper raised it, or where it ended or took too long over the question.
    """
    if keep:
        with suppress(FileNotFoundError):
            return _kept(home, question, arguments)
    return _helper.ask(home, question, arguments, keep)


def ask_later(home: Home, question: str, /, *, keep: bool = False, **arguments: Any) -> Future[Any]:
    """As `ask`, at once: the answer comes to the future.

    Who asks the same meanwhile, or in the seconds after, gets the same future: a page that is drawn anew because the
    answer has come finds it. An answer that was kept on disk is there already.
    """
    if keep:
        with suppress(FileNotFoundError):
            done: Future[Any] = Future()
            done.set_result(_kept(home, question, arguments))
            return done
    name = _name(question, {"home": str(home.root), **arguments})
    with _asked_lock:
        for other in [other for other, asked in _asked.items() if time.monotonic() > asked.until]:
            del _asked[other]
        if name in _asked:
            return _asked[name].future
        asked = _asked[name] = _Asked(Future())

    def work() -> None:
        try:
            answer = ask(home, question, keep=keep, **arguments)
        except BaseException as error:  # noqa: BLE001 (it is raised where the future is read)
            asked.until = time.monotonic() + FRESH
            asked.future.set_exception(error)
        else:
            asked.until = time.monotonic() + FRESH
            asked.future.set_result(answer)

    # Not a pool's thread: Python waits for those at its end, and a server must not wait for an answer.
    threading.Thread(target=work, name=f"ask-{question}", daemon=True).start()
    return asked.future


def end_helper() -> None:
    """Ends this process's helper, if it has one; the next question starts another."""
    _helper.end()


@dataclass
class _Asked:
    """A question for later; `until`: when its answer is no longer fresh, by the monotonic clock."""

    future: Future[Any]
    until: float = math.inf


class Ended(Exception):
    """The helper ended before it answered."""


class Helper:
    """One helper process at a time, started by `command`, and ended once it is silent for `longest` seconds over a
    question. `log`: where its last line stands (default: the lab's helper.log); this process has no other helper there.
    """

    def __init__(self, command: Sequence[str] = HELPER, longest: float = LONGEST, log: Path | None = None) -> None:
        self._command = list(command)
        self._longest = longest
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: SimpleQueue[bytes] = SimpleQueue()
        self._own_log = log
        self._log = Path()
        self._log_start = 0

    def ask(
        self,
        home: Home,
        question: str,
        arguments: dict[str, Any],
        keep: bool = False,
        progress: Progress = lambda what, done, total: None,
    ) -> Any:
        """As the module's `ask`; threads wait for each other. `progress` hears how far a question is that tells so."""
        with self._lock:
            if keep:  # whoever had the lock may have asked the same
                with suppress(FileNotFoundError):
                    return _kept(home, question, arguments)
            told = json.dumps({"home": str(home.root), "question": question, "arguments": arguments})
            try:
                said = self._answer(home, told, progress)
            except Ended:
                # It may have left for lack of work, or fallen to something else. What ends a fresh one is the question.
                try:
                    said = self._answer(home, told, progress)
                except Ended:
                    words = self._last_words()
                    raise LabError(f"the helper process ended over the question {question}{words}") from None
            answer = _read(said)
            if keep:
                _keep(home, question, arguments, answer)
            return answer

    def end(self) -> None:
        """Ends the process, after the answer that it is at."""
        with self._lock:
            self._stop()

    def _answer(self, home: Home, told: str, progress: Progress) -> dict[str, Any]:
        """What is said in the end to one line. A process that owes that is ended, lest the next question gets it."""
        answered = False
        try:
            process = self._running(home)
            assert process.stdin is not None
            process.stdin.write(told.encode() + b"\n")
            process.stdin.flush()
            while not answered:
                line = self._lines.get(timeout=self._longest)
                if not line.endswith(b"\n"):
                    raise Ended
                said: dict[str, Any] = json.loads(line)
                answered = "progress" not in said
                if not answered:
                    progress(*said["progress"])
            return said
        except BrokenPipeError as error:
            raise Ended from error
        except Empty:
            raise LabError(f"no answer came within {self._longest:.0f} seconds; the helper process was ended") from None
        finally:
            if not answered:
                self._stop()

    def _running(self, home: Home) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = self._start(home)
        return self._process

    def _start(self, home: Home) -> subprocess.Popen[bytes]:
        self._log = self._own_log or home.helper_log
        grown = self._log.exists() and self._log.stat().st_size > LOG_SIZE
        with self._log.open("wb" if grown else "ab") as log:
            self._log_start = log.tell()
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(home),
                **own_session(),  # a Ctrl-C is the asker's; with the asker's end the helper's input ends
            )
        give_way(process.pid)
        self._lines = SimpleQueue()
        reading = threading.Thread(target=_lines_to, args=(process, self._lines), name="helper", daemon=True)
        reading.start()
        return process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        assert process.stdin is not None
        with suppress(OSError):  # what it did not take any more
            process.stdin.close()
        process.wait()

    def _last_words(self) -> str:
        """The last line that the process printed, in brackets, where there is one."""
        try:
            with self._log.open("rb") as file:
                file.seek(max(self._log_start, self._log.stat().st_size - 16 * 1024))
                printed = file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""
        last = next((line.strip() for line in reversed(printed.splitlines()) if line.strip()), "")
        return f" ({last[:200]})" if last else ""


def _lines_to(process: subprocess.Popen[bytes], lines: SimpleQueue[bytes]) -> None:
    """Puts what the process says into `lines`; at its end a line without an end."""
    assert process.stdout is not None
    with process.stdout as said:
        for line in said:
            lines.put(line)
    lines.put(b"")
    process.wait()  # one that left for idleness stays a zombie until somebody waits for it


def _read(told: dict[str, Any]) -> Any:
    if "answer" in told:
        return told["answer"]
    kind = NotFound if told["kind"] == NotFound.__name__ else LabError
    raise kind(told["error"], told["field"])


def _kept(home: Home, question: str, arguments: dict[str, Any]) -> Any:
    """The answer as it was kept; FileNotFoundError where it was not, or cannot be read any more."""
    path = home.answers / f"{_name(question, arguments)}.json"
    try:
        answer = read_json(path)
    except ValueError as error:  # answers are not synced: a power cut may leave an empty file
        raise FileNotFoundError(path) from error
    os.utime(path)  # last needed now
    return answer


def _keep(home: Home, question: str, arguments: dict[str, Any], answer: Any) -> None:
    home.answers.mkdir(parents=True, exist_ok=True)
    write_json(home.answers / f"{_name(question, arguments)}.json", answer, sync=False)
    for file in home.answers.glob("*.json"):
        with suppress(FileNotFoundError):  # another asker sweeps too
            if time.time() - file.stat().st_mtime > KEPT_DAYS * 24 * 3600:
                file.unlink()


def _name(question: str, arguments: dict[str, Any]) -> str:
    try:
        told = json.dumps([question, arguments, _code()], sort_keys=True)
    except TypeError as error:
        raise TypeError(f"arguments of {shown(question)}: allowed is what JSON can hold; {error}") from error
    return hashlib.sha256(told.encode()).hexdigest()[:32]


@cache
def _code() -> list[tuple[str, int, int]]:
    """What the helper's code is: an answer that other code gave is not used. Looked up once a process."""
    root = Path(lrlab.__file__).parent
    files = [file for room in ("training", "experiments", "datasets") for file in (root / room).rglob("*.py")]
    return sorted((str(file.relative_to(root)), file.stat().st_size, file.stat().st_mtime_ns) for file in files)


_helper = Helper()
_asked: dict[str, _Asked] = {}
_asked_lock = threading.Lock()
