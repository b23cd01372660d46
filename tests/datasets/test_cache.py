"""The decoded cache: right pixels, built once, whole or absent."""

from __future__ import annotations

import errno
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from lrlab.datasets import Dataset, add_dataset, cache, cache_side, decoded
from lrlab.datasets.images import CONVERSION
from lrlab.errors import LabError
from lrlab.home import Home

Contents = Callable[[str], dict[str, bytes]]
Make = Callable[..., Path]

SIDES = [(16, 18), (28, 32), (32, 36), (64, 72), (96, 108), (100, 113), (128, 144), (224, 252), (512, 576)]


@pytest.mark.parametrize(("image_size", "side"), SIDES)
def test_the_side_is_an_eighth_larger_rounded_up(image_size: int, side: int) -> None:
    assert cache_side(image_size) == side


@pytest.fixture
def made(home: Home, contents: Contents, make_tree: Make) -> Dataset:
    return add_dataset(home, make_tree(contents("A/1.png A/2.png B/1.png B/2.png")), "made")


def test_pixels_are_those_of_pillow(home: Home, made: Dataset) -> None:
    """The oracle resizes the picture's middle with Pillow directly: 12 x 10 px, so 10 x 10 from column 1."""
    images = decoded(home, made, 16)
    assert (images.shape, images.dtype) == ((4, 18, 18, 3), np.uint8)
    for pixels, file in zip(images, made.images["file"], strict=True):
        with Image.open(made.root / file) as image:
            meant = image.resize((18, 18), Image.Resampling.BILINEAR, (1, 0, 11, 10))
        assert np.array_equal(pixels, np.asarray(meant))


def test_it_is_memory_mapped_and_read_only(home: Home, made: Dataset) -> None:
    images = decoded(home, made, 16)
    assert isinstance(images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0


def test_it_is_built_once_and_shared_by_equal_content(
    home: Home, made: Dataset, contents: Contents, make_zip: Make
) -> None:
    seen: list[tuple[str, int, int]] = []
    decoded(home, made, 16, lambda *args: seen.append(args))
    assert [done for _, done, total in seen if total == 4] == [0, 1, 2, 3, 4]
    twin = add_dataset(home, make_zip(contents("A/1.png A/2.png B/1.png B/2.png")), "twin")
    decoded(home, twin, 16, lambda *args: pytest.fail("it was decoded again"))
    other = decoded(home, twin, 32)
    assert other.shape == (4, 36, 36, 3)
    assert len(list(home.cache.glob("*.npy"))) == 2


def test_many_that_ask_at_once_build_it_once(home: Home, made: Dataset) -> None:
    builds = []

    def ask(_: int) -> int:
        return int(
            decoded(home, made, 16, lambda what, done, total: builds.append(what) if done == total else None).sum()
        )

    with ThreadPoolExecutor(6) as pool:
        sums = set(pool.map(ask, range(6)))
    assert len(sums) == 1
    assert builds.count("Decoding images") == 1


def test_one_that_waits_says_so(home: Home, made: Dataset) -> None:
    path = home.cache / f"{made.content}-18-v{CONVERSION}.npy"
    held = FileLock(path.with_suffix(".lock"))
    held.acquire()
    said: list[str] = []

    def progress(what: str, done: int, total: int) -> None:
        said.append(what)
        held.release(force=True)

    assert len(decoded(home, made, 16, progress)) == 4
    assert said[0].startswith("Waiting for another job")


def test_one_that_waits_says_so_until_its_turn_comes(
    home: Home, made: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "LOOK_EVERY", 0.01)
    path = home.cache / f"{made.content}-18-v{CONVERSION}.npy"
    held = FileLock(path.with_suffix(".lock"))
    held.acquire()
    said: list[str] = []

    def progress(what: str, done: int, total: int) -> None:
        said.append(what)
        if len(said) == 3:
            held.release(force=True)

    assert len(decoded(home, made, 16, progress)) == 4
    assert len(set(said[:3])) == 1 and said[3] == "Decoding images"


DAMAGED: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "zeros": lambda content: bytes(len(content)),
    "cut in its header": lambda content: content[:50],
    "cut in its pixels": lambda content: content[:-1],
    "of another size": lambda content: content.replace(b"(4, 18, 18, 3)", b"(4, 18, 54, 1)"),
    "of another type": lambda content: content.replace(b"|u1", b"|i1"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_what_a_power_cut_left_is_made_again(home: Home, made: Dataset, case: str) -> None:
    sound = np.array(decoded(home, made, 16))
    (path,) = home.cache.glob("*.npy")
    content = path.read_bytes()
    assert DAMAGED[case](content) != content
    path.write_bytes(DAMAGED[case](content))
    assert np.array_equal(decoded(home, made, 16), sound)
    assert path.read_bytes() == content


LOST = {
    "gone": (lambda path: path.unlink(), "cannot be read any more"),
    "changed": (lambda path: path.write_bytes(path.read_bytes() + b"x"), "is not the image any more"),
}


@pytest.mark.parametrize(("harm", "reason"), LOST.values(), ids=LOST)
def test_a_lost_original_is_named(home: Home, made: Dataset, harm: Callable[[Path], object], reason: str) -> None:
    harm(made.root / "B/1.png")
    with pytest.raises(LabError, match=f"'B/1.png' of the data set 'made' {reason}") as caught:
        decoded(home, made, 16)
    assert caught.value.field == "dataset"
    assert not list(home.cache.glob("*.npy*"))


def test_a_full_disk_is_said_in_words(home: Home, made: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache.np.lib.format, "write_array_header_1_0", full)
    with pytest.raises(LabError, match="the disk is full"):
        decoded(home, made, 16)
    assert not [path for path in home.cache.iterdir() if path.suffix != ".lock"]


def test_one_that_is_ended_leaves_nothing_half_made(home: Home, made: Dataset) -> None:
    class Stop(Exception):
        pass

    def progress(what: str, done: int, total: int) -> None:
        if done == 2:
            raise Stop

    with pytest.raises(Stop):
        decoded(home, made, 16, progress)
    assert not [path for path in home.cache.iterdir() if path.suffix != ".lock"]
    assert len(decoded(home, made, 16)) == 4


def test_real_photographs(home: Home, shared_data: Path) -> None:
    """Against Pillow's plain full-size decode; a reduced JPEG decode may differ by little."""
    dataset = add_dataset(home, shared_data / "trashnet.zip", "real")
    images = decoded(home, dataset, 32)
    assert images.shape == (1262, 36, 36, 3)
    for row in range(0, 1262, 97):
        with Image.open(dataset.root / dataset.images["file"].iloc[row]) as image:
            edge, (width, height) = min(image.size), image.size
            left, top = (width - edge) / 2, (height - edge) / 2
            meant = image.convert("RGB").resize(
                (36, 36), Image.Resampling.BILINEAR, (left, top, left + edge, top + edge)
            )
        assert np.abs(images[row].astype(int) - np.asarray(meant)).mean() < 2
