"""Where pretrained weights lie on this machine, and whether they are to be had. No torch: asked before a job starts."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from lrlab.errors import LabError
from lrlab.experiments.texts_models import MODELS

ADDRESS = "https://download.pytorch.org/models/"
"""Where torchvision fetches its weights."""

PATIENCE = 5
"""Seconds to wait for an answer from there."""


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
    except (HTTPError, URLError, TimeoutError, ConnectionError) as error:
        raise missing(name) from error


def missing(name: str) -> LabError:
    """What is said where the weights of the network `name` are not to be had."""
    path = weights_path(name)
    return LabError(
        f"pretrained: the weights of {name} are not on this machine, and download.pytorch.org cannot be reached from "
        f"it; fetch {ADDRESS}{path.name} where there is internet, and put it into {path.parent} "
        "(or set the environment variable TORCH_HOME to the folder above hub), or begin without pretrained weights",
        "pretrained",
    )
