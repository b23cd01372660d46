"""A person's hand on a run: another LR while it trains, more epochs once it has ended. The words, and the routes."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lrlab import jobs
from lrlab.errors import LabError, shown
from lrlab.experiments import Rprop
from lrlab.home import Home
from lrlab.runs import (
    Run,
    RunRecord,
    RunStatus,
    beyond,
    checkpoints_lost,
    factor_of,
    load_run,
    lr_requests,
    next_update,
    resume_step,
    what_comes,
)
from lrlab.runs.planning import scheduled_curve, what_comes_now
from lrlab.schedules import number
from lrlab.web.access import Access, desk_of
from lrlab.web.bodies import parsed, whole

LARGEST_BODY = 1000
"""Bytes; what is asked for here is a number or two."""


def routes(home: Home, access: Access) -> list[Route]:
    """POST /api/runs/ID/lr with {"value": LR} or {"factor": number}; POST /api/runs/ID/resume with {"epochs": number or
    null}, both as JSON; GET /api/runs/ID/ahead?epochs=, what the LR would do in a resumed run."""

    async def lr(request: Request) -> Response:
        run_id = request.path_params["run_id"]
        asked = await _body(request)
        value, factor = (_number(asked, name) for name in ("value", "factor"))
        await run_in_threadpool(jobs.set_lr, home, run_id, value=value, factor=factor)
        return JSONResponse({"run": run_id})

    async def resume(request: Request) -> Response:
        run_id = request.path_params["run_id"]
        epochs = _whole(_number(await _body(request), "epochs"))
        await run_in_threadpool(desk_of(request).resume, run_id, epochs)
        return JSONResponse({"run": run_id})

    async def ahead(request: Request) -> Response:
        run = await run_in_threadpool(load_run, request.path_params["run_id"], home)
        epochs = _whole(_number(dict(request.query_params), "epochs"))
        return JSONResponse({"text": await run_in_threadpool(resumed, run, epochs)})

    return [
        access.route("/api/runs/{run_id}/lr", lr, "change a run's LR", ("POST",)),
        access.route("/api/runs/{run_id}/resume", resume, "resume a run", ("POST",)),
        access.route("/api/runs/{run_id}/ahead", ahead, "watch runs"),
    ]


def hand(run: Run, record: RunRecord, status: RunStatus, lr: float | None) -> dict[str, Any] | None:
    """What can be said of, and done to, the LR of a run that has not ended; None for any other.

    {"lr": the LR of the newest update, "next": what comes, "asked": what was asked for and not taken up yet}. `lr`: the
    newest in the log.
    """
    if status.final or record.kind != "train" or isinstance(record.experiment.optimizer, Rprop):
        return None
    return {
        "lr": "" if lr is None else number(lr),
        "next": what_comes_now(record, status.step),
        "asked": _asked(run, record),
    }


def again(run: Run, record: RunRecord, status: RunStatus) -> dict[str, Any] | None:
    """What can be said of training a run on that has ended; None for any other.

    {"offered": whether it can be, "needed": whether it takes more epochs, "epochs": how many to offer, "words": where
    it would begin, or why it cannot}.
    """
    if not status.final or record.kind != "train":
        return None
    needed = record.state == "succeeded"
    step = resume_step(run)
    offered = not checkpoints_lost(run, record, status.step, step)
    if not offered:
        words = "Its checkpoints were deleted, so it cannot go on; start it anew."
    elif needed:
        words = ""
    elif step:
        words = f"Goes on at update {step:,} of {record.steps:,}."
    else:
        words = "There is no checkpoint: it begins anew."
    epochs = max(1, record.experiment.epochs // 4) if needed else 0
    return {"offered": offered, "needed": needed, "epochs": epochs, "words": words}


def resumed(run: Run, epochs: int | None) -> str:
    """What the LR does where the run is resumed, with so many more epochs; sentences."""
    record = run.record
    if epochs:
        record = record.model_copy(update=record.longer(epochs))
    return beyond(record) or what_comes(record, resume_step(run))


def _asked(run: Run, record: RunRecord) -> str:
    """What was asked of the LR since the last update, in a sentence; empty where nothing was."""
    made = {change.time for change in record.lr_changes}
    waiting = [request for _, request in lr_requests(run) if request.time not in made]
    if not waiting:
        return ""
    newest, step = waiting[-1], next_update(run)
    if newest.value is not None:
        what = f"Asked for: {number(newest.value)}"
    else:
        factor = factor_of(record, step, factor=newest.factor)
        drawn = scheduled_curve(record)
        known = drawn is not None and factor is not None and step < len(drawn.lr)
        to = f", {number(factor * drawn.lr[step])}" if known and drawn is not None and factor is not None else ""
        what = f"Asked for: x {number(newest.factor or 1.0)}{to}"
    return f"{what}, from the next update on."


async def _body(request: Request) -> dict[str, Any]:
    asked = parsed(await whole(request, LARGEST_BODY) or b"{}")
    if not isinstance(asked, dict):
        raise LabError(f"got {shown(asked)}, allowed: an object")
    return asked


def _number(asked: dict[str, Any], name: str) -> float | None:
    """The number `name`, which may have been typed as text; None where it is not given."""
    value = asked.get(name)
    if value is None or value == "":
        return None
    field = "lr" if name in ("value", "factor") else name
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise LabError(f"{field}: got {shown(value)}, allowed: a number", field=field)
    try:
        return float(value)
    except (ValueError, OverflowError) as error:
        raise LabError(f"{field}: got {shown(value)}, allowed: a number", field=field) from error


def _whole(value: float | None) -> int | None:
    if value is None:
        return None
    if not value.is_integer():
        raise LabError(f"epochs: got {value:g}, allowed: a whole number", field="epochs")
    return int(value)
