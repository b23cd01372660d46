"""The helper process: it answers the questions of a server or a terminal that need torch, one at a time.

A question comes as a line of JSON {"home", "question", "arguments"}; the answer goes back as {"answer": ...} or as
{"error": sentence, "kind", "field"}. One that takes long says before how far it is: {"progress": [what, done, of]}.
"""

from __future__ import annotations

import io
import json
import logging
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, BinaryIO

import torch
from pydantic import ValidationError

from lrlab.c_library import give_back
from lrlab.datasets import Progress
from lrlab.errors import LabError, NotFound, from_validation
from lrlab.home import Home
from lrlab.training.evaluation import evaluate
from lrlab.training.pace import pace
from lrlab.training.predicting import predict
from lrlab.training.seeing import augmented
from lrlab.training.summary import summary

IDLE = 600.0
"""Seconds without a question after which the helper leaves and gives its memory back."""

LOOK_EVERY = 5.0
"""Seconds between two looks at how long it is to stay: its keeper may have set that anew."""

Question = Callable[..., Any]
"""Called with the lab's Home and the arguments by name; gives what JSON can hold, or raises LabError."""

QUESTIONS: dict[str, Question] = {
    "augmented": augmented,
    "pace": pace,
    "predict": predict,
    "summary": summary,
}
"""What may be asked and is answered soon."""

LONG: dict[str, Question] = {"evaluate": evaluate}
"""What may be asked and takes long: called with a `progress` as well, a `datasets.Progress`."""

TELL_SECONDS = 0.2
"""Seconds between two lines about a question's progress, at least."""

_log = logging.getLogger(__name__)


def answer_all(idle: Callable[[], float] = lambda: IDLE) -> int:
    """Answers what comes on standard input until it ends or nothing has come for `idle()` seconds; the exit code.

    Nobody but this function writes to the standard output that the process was given: prints go to standard error.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s helper %(process)d: %(message)s")
    lines: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, lines), name="listen", daemon=True).start()
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as out:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

        def say(told: dict[str, Any]) -> None:
            out.write(json.dumps(told).encode() + b"\n")
            out.flush()

        while line := _next(lines, idle):
            try:
                say(answer(line, _sparing(say)))
                # A question may have taken as much memory as a run, and the next one may never come: on a GPU, that of
                # whatever run is at work there.
                give_back()
                torch.cuda.empty_cache()  # nothing where no question used one
            except BrokenPipeError:  # the asker is gone
                break
    # The listening thread may sit in a read of standard input for ever; Python would wait for its lock at the end.
    sys.stderr.flush()
    os._exit(0)


def answer(line: bytes, progress: Progress = lambda what, done, total: None) -> dict[str, Any]:
    """What is said to one line; an error of the question's becomes a sentence."""
    asked: Mapping[str, Any] = json.loads(line)
    name, arguments = asked["question"], asked["arguments"]
    try:
        question = partial(LONG[name], progress=progress) if name in LONG else QUESTIONS[name]
        return {"answer": question(Home(Path(asked["home"])), **arguments)}
    except ValidationError as error:
        return _refused(from_validation(error))
    except LabError as error:
        return _refused(error)
    except Exception as error:  # noqa: BLE001 (one bad question must not end the helper)
        _log.exception("the question %s", asked["question"])
        text = " ".join(str(error).split())[:300]
        return _refused(LabError(f"{asked['question']}: {type(error).__name__}: {text}".removesuffix(": ")))


def _sparing(say: Callable[[dict[str, Any]], None]) -> Progress:
    """A Progress that is said a few times a second."""
    last = -math.inf

    def progress(what: str, done: int, total: int) -> None:
        nonlocal last
        if (now := time.monotonic()) - last >= TELL_SECONDS:
            last = now
            say({"progress": [what, done, total]})

    return progress


def _refused(error: LabError) -> dict[str, Any]:
    kind = NotFound if isinstance(error, NotFound) else LabError
    return {"error": str(error), "kind": kind.__name__, "field": error.field}


def _listen(stream: io.BufferedIOBase | BinaryIO, lines: SimpleQueue[bytes]) -> None:
    for line in stream:
        lines.put(line)
    lines.put(b"")


def _next(lines: SimpleQueue[bytes], idle: Callable[[], float]) -> bytes:
    began = time.monotonic()
    while True:
        left = began + idle() - time.monotonic()
        with suppress(Empty):
            return lines.get(timeout=max(0.0, min(left, LOOK_EVERY)))
        if left <= LOOK_EVERY:
            return b""
