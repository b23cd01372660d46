"""Evaluations: the best model of a run that has ended is asked about every image, by a helper process of its own.

So nobody waits for it, however many images there are: previews and predictions go through the other helper meanwhile.
One is at work at a time. It ends with the process that asked for it, and what it finds is kept in the run.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from lrlab.errors import LabError
from lrlab.home import Home
from lrlab.jobs.answers import HELPER, Helper

COMMAND = HELPER

SILENCE = 300.0
"""Seconds without a sign of an evaluation after which it is ended. How long it takes in all is its own affair."""


@dataclass(frozen=True)
class EvaluationStatus:
    """How an evaluation stands: `what` it is doing, `done` of `total` (0: not known).

    `error`: a sentence, once it has ended without predictions.
    """

    what: str = "Waiting for another evaluation"
    done: int = 0
    total: int = 0
    error: str = ""


def start_evaluation(home: Home, run_id: str) -> None:
    """Has the predictions of a run made that has ended without them; where that is under way, nothing changes."""
    with _starting:
        status = evaluation_status(home, run_id)
        if status is None or status.error:
            _standing[home, run_id] = EvaluationStatus()
            # Not a pool's thread: Python waits for those at its end.
            threading.Thread(target=_evaluate, args=(home, run_id), name=f"evaluate-{run_id}", daemon=True).start()


def evaluation_status(home: Home, run_id: str) -> EvaluationStatus | None:
    """How the evaluation stands that this process started last; None where there is none, or it has succeeded."""
    return _standing.get((home, run_id))


_standing: dict[tuple[Home, str], EvaluationStatus] = {}
_starting = threading.Lock()
_lane = threading.Lock()
"""Whose evaluation holds it is at work."""


def _evaluate(home: Home, run_id: str) -> None:
    def tell(what: str, done: int, total: int) -> None:
        _standing[home, run_id] = EvaluationStatus(what, done, total)

    try:
        with _lane:
            tell("Starting", 0, 0)
            helper = Helper(COMMAND, SILENCE, home.evaluation_log)
            try:
                helper.ask(home, "evaluate", {"run": run_id}, progress=tell)
            finally:
                helper.end()  # and its memory is free, that on a GPU as well
    except LabError as error:
        _standing[home, run_id] = EvaluationStatus(error=str(error))
    except BaseException as error:
        broken = f"the evaluation broke off: {type(error).__name__}: {error}"
        _standing[home, run_id] = EvaluationStatus(error=broken)
        raise
    else:
        del _standing[home, run_id]
