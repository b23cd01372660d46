"""Where pretrained weights lie on this machine, and how they come there. No torch: asked before a job starts."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request, urlopen

from lrlab.errors import LabError
from lrlab.experiments.texts_models import MODELS
from lrlab.files import new_id

ADDRESS = "https://download.pytorch.org/models/"
"""Where torchvision fetches its weights."""

PATIENCE = 5
"""Seconds to wait for an answer from there."""

SILENCE = 60
"""Seconds without a byte after which fetching is given up."""

ABANDONED = 3600
"""Seconds after which nobody writes a half-fetched file any more."""

MB = 1 << 20

_UNREACHABLE = (OSError, HTTPException)
"""What the network's side raises: the errors of sockets, TLS and urllib are OSErrors all."""


def weights_path(name: str) -> Path:
    """Where torch looks for the weights of the network `name`, and keeps them once fetched."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("TORCH_HOME") or f"{cache}/torch"
    return Path(home).expanduser() / "hub" / "checkpoints" / MODELS[name].weights_file


def weights_present(name: str) -> bool:
    """Whether the weights of the network `name` lie in torch's cache on this machine."""
    return weights_path(name).is_file()


def check_weights(name: str) -> None:
    """LabError (field "pretrained") where the weights of the network `name` are neither in torch's cache nor can be
    fetched from where torchvision has them. It waits some seconds at most, and fetches nothing."""
    if weights_present(name):
        return
    try:
        with urlopen(Request(ADDRESS + MODELS[name].weights_file, method="HEAD"), timeout=PATIENCE):
            return
    except _UNREACHABLE as error:
        raise missing(name) from error


def fetch_weights(name: str, progress: Callable[[str, int, int], None]) -> None:
    """Fetches the weights of the network `name` to where torch looks for them, unless they lie there already.

    `progress` hears of every megabyte. LabError (field "pretrained") where they are not to be had, or are not those
    whose checksum stands in the file's name; OSError where they cannot be written, as on a full disk.
    """
    if weights_present(name):
        return
    path = weights_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    partial, digest, done = path.with_name(f".{path.name}.{new_id(6)}"), hashlib.sha256(), 0
    try:
        with closing(_pieces(name)) as pieces, partial.open("wb") as file:
            for piece, total in pieces:
                file.write(piece)
                digest.update(piece)
                done += len(piece)
                progress("fetching the weights, in MB:", done // MB, total // MB)
            file.flush()
            os.fsync(file.fileno())
        if not digest.hexdigest().startswith(path.stem.rpartition("-")[2]):
            raise LabError(
                f"pretrained: what was fetched for {name} is not what torchvision names: its checksum is "
                f"{digest.hexdigest()[:8]}",
                "pretrained",
            )
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _pieces(name: str) -> Generator[tuple[bytes, int], None, None]:
    """The file of the network `name` as it comes, each piece with the bytes of the whole, 0 where that is not told.

    `missing(name)` where it does not come. What whoever writes it stumbles over is not raised in here.
    """
    try:
        with urlopen(ADDRESS + weights_path(name).name, timeout=SILENCE) as answer:
            total = int(answer.headers.get("Content-Length") or 0)
            while piece := answer.read(MB):
                yield piece, total
    except _UNREACHABLE as error:
        raise missing(name) from error


def _sweep(path: Path) -> None:
    """Removes what workers left of `path` that were killed while they fetched it."""
    for half in path.parent.glob(f".{path.name}.*"):
        with suppress(FileNotFoundError, PermissionError):  # removed meanwhile, or somebody else's
            if time.time() - half.stat().st_mtime > ABANDONED:
                half.unlink()


def missing(name: str) -> LabError:
    """What is said where the weights of the network `name` are not to be had."""
    path = weights_path(name)
    return LabError(
        f"pretrained: the weights of {name} are not on this machine, and download.pytorch.org cannot be reached from "
        f"it; fetch {ADDRESS}{path.name} where there is internet, and put it into {path.parent} "
        "(or set the environment variable TORCH_HOME to the folder above hub), or begin without pretrained weights",
        "pretrained",
    )
