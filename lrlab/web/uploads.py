"""Images on their way in: uploads streamed to disk, imports started, watched and cancelled, thumbnails of what came.

    POST   /api/uploads              {"name", "files": [[path, bytes], ...]} -> {"id"}
    PUT    /api/uploads/ID/files     pieces of those files, packed as framing.py says; several at a time
    POST   /api/uploads/ID/import    {"name"} -> {"import"}, once every file has arrived
    DELETE /api/uploads/ID           forgets all of it
    POST   /api/imports              {"path", "name"}, a folder or zip on the server, or {"sample": true} -> {"import"}
    GET    /api/imports/ID           how it stands
    DELETE /api/imports/ID           asks it to end
    GET    /api/datasets/ID/thumbnail/ROW?side=160

No file is ever held whole in memory, of the lists that announce them one at a time, and everything that touches files
runs in a thread beside the event loop.
"""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from tempfile import SpooledTemporaryFile
from typing import Annotated, TypeVar

from anyio import CapacityLimiter, to_thread
from pydantic import BaseModel, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lrlab.datasets import (
    MAX_FILES,
    Dataset,
    Sample,
    Upload,
    check_name,
    found_thumbnail,
    kept_thumbnail,
    load_dataset,
    open_upload,
    sweep_uploads,
)
from lrlab.desk import Desk
from lrlab.errors import LabError, NotFound, from_validation
from lrlab.home import Home
from lrlab.jobs import cancel_import, handing_over, import_of_upload, import_status
from lrlab.web.access import Access, desk_of
from lrlab.web.bodies import check_size, whole
from lrlab.web.framing import Unpacker

BLOCK = 1024**2
"""Bytes gathered from the network before they are written: fewer hops to a thread, and all that a request holds."""

SILENCE = 120.0
"""Seconds without a byte after which a body counts as cut off: its browser went without a word."""

LARGEST_LIST = 256 * MAX_FILES
"""Bytes of the list that announces an upload's files: paths of some 200 characters for as many as may come."""

LARGEST_WISH = 16 * 1024
"""Bytes of every other JSON body."""

SIDE = 160
"""Pixels of a thumbnail whose side was not asked for."""

_REMEMBERED = 8
_FULL = "the disk of the server is full; nothing of this upload was kept"

Body = TypeVar("Body", bound=BaseModel)


class _Announced(BaseModel):
    name: str
    files: list[tuple[Annotated[str, Field(max_length=4096)], int]]


class _Named(BaseModel):
    name: str


class _Wish(BaseModel):
    name: str = ""
    path: str = ""
    sample: bool = False


def routes(home: Home, access: Access) -> list[Route]:
    """The routes above, guarded."""
    images = Images(home)
    return [
        access.route("/api/uploads", images.begin, "upload images", ("POST",)),
        access.route("/api/uploads/{id}/files", images.receive, "go on with an upload", ("PUT",), images.own),
        access.route("/api/uploads/{id}/import", images.finish, "go on with an upload", ("POST",), images.own),
        access.route("/api/uploads/{id}", images.cancel, "cancel an upload", ("DELETE",)),
        access.route("/api/imports", images.add, "add the sample set", ("POST",)),
        access.route("/api/imports/{id}", images.watch, "watch an import", found=import_of),
        access.route("/api/imports/{id}", images.cancel_import, "cancel an import", ("DELETE",), import_of),
        access.route("/api/datasets/{id}/thumbnail/{row:int}", images.thumbnail, "look at images", found=images_of),
    ]


def import_of(desk: Desk, connection: HTTPConnection, action: str) -> object:
    return desk.importing(connection.path_params["id"], action)


def images_of(desk: Desk, connection: HTTPConnection, action: str) -> object:
    return desk.dataset(connection.path_params["id"], action)


class Images:
    """The endpoints, for one lab."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._announcing = CapacityLimiter(1)  # a long list takes many times its size while it is read
        # Large pictures take long and wait for each other; nothing else is to wait for them, a kept one neither.
        self._drawing = CapacityLimiter(2)
        # Every thumbnail names its data set, whose record and table are read once, however many ask for them together.
        self._dataset = lru_cache(_REMEMBERED)(partial(load_dataset, home))
        self._reading = threading.Lock()

    def own(self, desk: Desk, connection: HTTPConnection, action: str) -> object:
        """The upload that the path names, or the import that it became, where it is the person's own."""
        upload_id = connection.path_params["id"]
        try:
            return desk.upload(upload_id, action)
        except NotFound:
            if started := import_of_upload(self._home, upload_id):
                return desk.importing(started)
            raise

    async def begin(self, request: Request) -> Response:
        """Refuses at once what cannot become a data set: a name that is taken, too much, a disk without room."""
        with _full_disk_in_words(), SpooledTemporaryFile(BLOCK, dir=str(self._home.uploads)) as came:

            def begin() -> Upload:
                came.seek(0)
                asked = _read(came.read(), _Announced)
                sweep_uploads(self._home)
                return desk_of(request).begin_upload(check_name(self._home, asked.name), asked.files)

            size = 0
            try:
                async for block in _blocks(request):
                    size += len(block)
                    check_size(size, LARGEST_LIST)
                    await run_in_threadpool(came.write, block)
            except ClientDisconnect:
                return Response(status_code=400)
            upload = await to_thread.run_sync(begin, limiter=self._announcing)
        return JSONResponse({"id": upload.id})

    async def receive(self, request: Request) -> Response:
        """Streams one body to disk. Refused bodies are read to their end, else the browser never sees the answer."""
        blocks = _blocks(request)
        try:
            try:
                await self._unpack(request.path_params["id"], blocks)
            except LabError:
                async for _ in blocks:
                    pass
                raise
        except ClientDisconnect:
            return Response(status_code=400)
        return JSONResponse({})

    async def _unpack(self, upload_id: str, blocks: AsyncIterator[bytes]) -> None:
        unpacker = Unpacker(await run_in_threadpool(open_upload, self._home, upload_id))
        try:
            with _full_disk_in_words():
                async for block in blocks:
                    await run_in_threadpool(unpacker.feed, block)
                await run_in_threadpool(unpacker.close)
        finally:
            unpacker.drop()

    async def finish(self, request: Request) -> Response:
        """The upload is complete: its import starts, under the name that the person gave last.

        A browser whose connection broke before the answer asks again, perhaps another server, perhaps at once: it is
        told of the same import.
        """
        asked = _read(await whole(request, LARGEST_WISH), _Named)
        upload_id = request.path_params["id"]

        def start() -> str:
            with handing_over(self._home, upload_id) as started:
                return started or desk_of(request).start_import(open_upload(self._home, upload_id), asked.name)

        return JSONResponse({"import": await run_in_threadpool(start)})

    async def cancel(self, request: Request) -> Response:
        """Leaves nothing of the upload; one that is already gone is no error."""
        await run_in_threadpool(desk_of(request).cancel_upload, request.path_params["id"])
        return JSONResponse({})

    async def add(self, request: Request) -> Response:
        """Images that need not travel: the sample set, and for those who may name a path those on the server."""
        asked = _read(await whole(request, LARGEST_WISH), _Wish)
        source, name = (Sample(), Sample.name) if asked.sample else (asked.path, asked.name)
        return JSONResponse({"import": await run_in_threadpool(desk_of(request).start_import, source, name)})

    async def watch(self, request: Request) -> Response:
        status = await run_in_threadpool(import_status, self._home, request.path_params["id"])
        return JSONResponse(status.model_dump(mode="json"), headers={"cache-control": "no-store"})

    async def cancel_import(self, request: Request) -> Response:
        await run_in_threadpool(cancel_import, self._home, request.path_params["id"])
        return JSONResponse({})

    async def thumbnail(self, request: Request) -> Response:
        """Image ROW of a data set as a JPEG. A data set never changes, so browsers may keep it."""
        side = request.query_params.get("side", str(SIDE))
        if not (side.isascii() and side.isdecimal() and len(side) <= 5):
            raise LabError(f"side: got {side[:40]!r}, allowed: a whole number of pixels", field="side")

        def asked() -> tuple[Home, Dataset, int, int]:
            return self._home, self._with_images(request.path_params["id"]), request.path_params["row"], int(side)

        headers = {"cache-control": "private, max-age=604800, immutable", "x-content-type-options": "nosniff"}
        jpeg = await run_in_threadpool(lambda: found_thumbnail(*asked()))
        if jpeg is None:
            jpeg = await to_thread.run_sync(lambda: kept_thumbnail(*asked()), limiter=self._drawing)
        return Response(jpeg, media_type="image/jpeg", headers=headers)

    def _with_images(self, dataset_id: str) -> Dataset:
        """The data set, its table of images read. NotFound where there is none."""
        with self._reading:
            dataset = self._dataset(dataset_id)
            _ = dataset.images
        return dataset


@contextmanager
def _full_disk_in_words() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise LabError(_FULL) from error
        raise


async def _blocks(request: Request) -> AsyncIterator[bytes]:
    """The body in blocks of about BLOCK bytes; ClientDisconnect where nothing comes for SILENCE seconds."""
    gathered, chunks = bytearray(), aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(SILENCE):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise ClientDisconnect from None
        if chunk is not None:
            gathered += chunk
        if len(gathered) >= BLOCK or (chunk is None and gathered):
            yield bytes(gathered)
            gathered.clear()
        if chunk is None:
            return


def _read(body: bytes, model: type[Body]) -> Body:
    """The body as `model`; LabError where it is none."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise from_validation(error) from error
