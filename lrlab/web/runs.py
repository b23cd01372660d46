"""What a page asks about runs over HTTP, beside watching them: stop one, take its files home, see what the lab does."""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from functools import partial
from pathlib import Path

from anyio import CancelScope
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from lrlab import jobs
from lrlab.errors import LabError, NotFound
from lrlab.home import Home
from lrlab.runs import Run, export_csv, export_parquet, load_run
from lrlab.web.access import Access

EXPORTS = {"csv": export_csv, "parquet": export_parquet}
MODELS = ("best", "last")


def routes(home: Home, access: Access) -> list[Route]:
    """POST /api/runs/ID/stop?force=1, GET /api/runs/ID/model?which=, GET /api/runs/ID/export?format=, and
    GET /api/status."""

    async def stop(request: Request) -> Response:
        run_id = request.path_params["run_id"]
        force = _choice(request, "force", ("0", "1")) == "1"
        await run_in_threadpool(partial(jobs.stop, home, run_id, force=force))
        return JSONResponse({"run": run_id})

    async def model(request: Request) -> Response:
        which = _choice(request, "which", MODELS)
        run = await run_in_threadpool(load_run, request.path_params["run_id"], home)
        path = run.best_model if which == "best" else run.last_model
        if not path.is_file():
            raise NotFound(f"run {run.id} has no {which} model yet", field="which")
        return FileResponse(
            path, media_type="application/octet-stream", filename=f"{file_name(run)}-{which}.safetensors"
        )

    async def export(request: Request) -> Response:
        form = _choice(request, "format", tuple(EXPORTS))
        run = await run_in_threadpool(load_run, request.path_params["run_id"], home)
        called = f"{file_name(run)}-{form}.zip"  # a run that is deleted from here on leaves no folder behind
        folder = Path(tempfile.mkdtemp(prefix="lrlab-export-"))
        try:
            archive = await run_in_threadpool(_packed, run, form, folder)
        except BaseException:
            await _removed(folder)
            raise
        return _SentOnce(archive, media_type="application/zip", filename=called)

    async def status(request: Request) -> Response:
        lab = await run_in_threadpool(jobs.lab_status, home)
        return JSONResponse({"running": lab.running, "queued": lab.queued, "text": lab_text(lab.running, lab.queued)})

    return [
        access.route("/api/runs/{run_id}/stop", stop, "stop a run", ("POST",)),
        access.route("/api/runs/{run_id}/model", model, "download a run's files"),
        access.route("/api/runs/{run_id}/export", export, "download a run's files"),
        access.route("/api/status", status, "read the lab's status"),
    ]


class _SentOnce(FileResponse):
    """A file that is deleted with its folder, however the answer ends: a refused Range ends it before any task."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await _removed(Path(self.path).parent)


async def _removed(folder: Path) -> None:
    """Removes an export, also where whoever asked for it is gone; beside the event loop, since it may hold a GB."""
    with CancelScope(shield=True):
        await run_in_threadpool(shutil.rmtree, folder, ignore_errors=True)


def file_name(run: Run) -> str:
    """What files of `run` are called on a person's disk: its name without what file systems refuse, and its id."""
    plain = re.sub(r"[^\w.=+-]+", "-", run.record.name).strip("-.")[:60].rstrip("-.")
    return f"{plain}-{run.id}" if plain else run.id


def lab_text(running: int, queued: int) -> str:
    """What the lab is doing, for the chip in the header."""
    if not running and not queued:
        return "idle"
    parts = [f"{running} running"] * bool(running) + [f"{queued} waiting"] * bool(queued)
    return " · ".join(parts)


def _choice(request: Request, field: str, allowed: tuple[str, ...]) -> str:
    value = request.query_params.get(field, allowed[0])
    if value not in allowed:
        raise LabError(f"{field}: got {value[:40]!r}, allowed: {', '.join(allowed)}", field=field)
    return value


def _packed(run: Run, form: str, folder: Path) -> Path:
    archive = folder / "log.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as pack:
        for path in EXPORTS[form](run, folder / "log"):
            pack.write(path, path.name)
        pack.write(run.folder / "run.json", "run.json")
    return archive
