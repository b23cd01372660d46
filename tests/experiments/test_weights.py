"""Fetching weights: what the network refuses is told with what to do, a full disk as itself, and nothing is left."""

from __future__ import annotations

import errno
import io
import os
import ssl
from collections.abc import Callable
from email.message import Message
from http.client import BadStatusLine
from pathlib import Path
from urllib.error import URLError

import pytest

from lrlab.errors import LabError
from lrlab.experiments import check_weights, weights, weights_path
from lrlab.experiments.weights import fetch_weights

NETWORK = [
    ssl.SSLError(1, "record layer failure"),
    URLError("no route to host"),
    ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
    TimeoutError("timed out"),
    OSError(errno.EHOSTUNREACH, "No route to host"),
    BadStatusLine("<html>"),
]


class Answer(io.BytesIO):
    """A megabyte that comes whole, and then `error`."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__(bytes(weights.MB))
        self.headers, self._error = Message(), error

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        if not piece and self._error:
            raise self._error
        return piece


def told(what: str, done: int, total: int) -> None:
    pass


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where torch keeps weights: a folder of the test's own, with none."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    path = weights_path("resnet18").parent
    path.mkdir(parents=True)
    return path


@pytest.fixture
def answered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception | None], None]:
    """`answered(error)`: what is fetched breaks off with that error after a megabyte; None: it comes whole."""
    return lambda error: monkeypatch.setattr(weights, "urlopen", lambda address, timeout: Answer(error))


@pytest.mark.parametrize("error", NETWORK, ids=lambda error: type(error).__name__)
def test_what_breaks_off_on_its_way_is_missing(
    folder: Path, answered: Callable[[Exception | None], None], error: Exception
) -> None:
    answered(error)
    with pytest.raises(LabError, match=r"put it into .*, or begin without pretrained weights") as caught:
        fetch_weights("resnet18", told)
    assert (caught.value.field, caught.value.__cause__) == ("pretrained", error)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("error", NETWORK, ids=lambda error: type(error).__name__)
def test_what_cannot_even_be_asked_for_is_missing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*given: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(weights, "urlopen", refuse)
    for deed in (check_weights, lambda name: fetch_weights(name, told)):
        with pytest.raises(LabError, match="cannot be reached"):
            deed("resnet18")


def test_a_full_disk_is_not_the_network_s_fault(
    folder: Path, answered: Callable[[Exception | None], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    answered(None)
    monkeypatch.setattr(weights.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        fetch_weights("resnet18", told)
    assert list(folder.iterdir()) == []


def test_what_a_killed_worker_left_is_removed_once_it_is_old(
    folder: Path, answered: Callable[[Exception | None], None]
) -> None:
    name = weights_path("resnet18").name
    old, new, other = (folder / name for name in (f".{name}.abcdef", f".{name}.ghijkm", ".resnet50-1.pth.abcdef"))
    for half in (old, new, other):
        half.write_bytes(b"half")
    for half in (old, other):
        os.utime(half, (0, 0))
    answered(NETWORK[0])
    with pytest.raises(LabError):
        fetch_weights("resnet18", told)
    assert set(folder.iterdir()) == {new, other}  # another may be fetching the one, and the other is not asked for
