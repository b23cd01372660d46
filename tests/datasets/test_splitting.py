"""The split: stratified, repeatable, never touching test/."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrlab.datasets import Dataset, add_dataset, split
from lrlab.experiments import Validation
from lrlab.home import Home


def _dataset(per_class: list[int], val: int = 0, test: int = 0) -> Dataset:
    """A data set with so many images to train on in each class, and `val`, `test` more of each; no files."""
    rows = [
        (label, part)
        for part, counts in (("train", per_class), ("val", [val] * len(per_class)), ("test", [test] * len(per_class)))
        for label, count in enumerate(counts)
        for _ in range(count)
    ]
    dataset = Dataset(
        id="made", name="made", classes=tuple(f"c{n:02d}" for n in range(len(per_class))), created=0, source="zip",
        counts={}, content="",
    )  # fmt: skip
    dataset.__dict__["images"] = pd.DataFrame(rows, columns=["label", "split"])
    return dataset


# images per class, fraction -> held out per class
TABLE = [
    ([10, 10], 0.2, [2, 2]),
    ([190, 190, 190, 190], 0.2, [38, 38, 38, 38]),
    ([201, 250, 205, 297, 241, 68], 0.2, [40, 50, 41, 59, 48, 14]),
    ([1, 2, 3], 0.2, [0, 1, 1]),
    ([2, 3, 4], 0.9, [1, 2, 3]),
    ([100, 1], 0.001, [1, 0]),
    ([100, 5], 0.999, [99, 4]),
    ([7, 9], 0.5, [4, 4]),  # 3.5 and 4.5 go to the even neighbour, as round() has it
]


@pytest.mark.parametrize(("per_class", "fraction", "held_out"), TABLE)
def test_each_class_gives_its_share(per_class: list[int], fraction: float, held_out: list[int]) -> None:
    dataset = _dataset(per_class)
    parts = split(dataset, Validation(fraction=fraction))
    counted = Counter(dataset.images["label"].iloc[parts.val])
    assert [counted[label] for label in range(len(per_class))] == held_out
    assert not parts.by_folders


@settings(max_examples=60, deadline=None)
@given(
    per_class=st.lists(st.integers(1, 30), min_size=2, max_size=6),
    test=st.integers(0, 3),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32 - 1),
)
def test_parts_cover_everything_once(per_class: list[int], test: int, fraction: float, seed: int) -> None:
    dataset = _dataset(per_class, test=test)
    parts = split(dataset, Validation(fraction=fraction, seed=seed))
    joined = np.concatenate([parts.train, parts.val, parts.test])
    assert sorted(joined) == list(range(len(dataset.images)))
    for rows, allowed in ((parts.train, "train"), (parts.val, "train"), (parts.test, "test")):
        assert rows.dtype == np.int64
        assert np.all(np.diff(rows) > 0)
        assert set(dataset.images["split"].iloc[rows]) <= {allowed}
    trained = set(dataset.images["label"].iloc[parts.train])
    assert trained == set(range(len(per_class)))


@pytest.mark.parametrize("seed", [0, 123, 2**32 - 1])
def test_the_draw_is_the_same_on_every_machine(seed: int) -> None:
    """Against the bits of PCG64 themselves, which NumPy keeps for good: the smallest three of ten are held out."""
    held_out = split(_dataset([10, 10]), Validation(fraction=0.3, seed=seed)).val.tolist()
    bits = [np.random.PCG64(np.random.SeedSequence([seed, label])).random_raw(10) >> np.uint64(11) for label in (0, 1)]
    assert held_out == [*sorted(bits[0].argsort()[:3]), *sorted(10 + bits[1].argsort()[:3])]


def test_the_draw_of_the_default_seed_is_written_down() -> None:
    assert split(_dataset([10, 10]), Validation(fraction=0.3, seed=123)).val.tolist() == [1, 3, 4, 11, 14, 19]


def test_a_class_keeps_its_draw_whatever_the_others_hold() -> None:
    first = split(_dataset([20, 10]), Validation())
    second = split(_dataset([20, 500]), Validation())
    assert first.val[first.val < 20].tolist() == second.val[second.val < 20].tolist()


def test_folders_win_over_the_fraction() -> None:
    parts = split(_dataset([6, 6], val=2, test=1), Validation(fraction=0.5))
    assert parts.by_folders
    assert (len(parts.train), len(parts.val), len(parts.test)) == (12, 4, 2)
    assert parts.val.tolist() == [12, 13, 14, 15]


def test_zip_and_folder_of_the_same_images_are_split_alike(home: Home, shared_data: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(shared_data / "sign_digits.zip") as archive:
        archive.extractall(tmp_path)
    parts = []
    for name, source in (("zip", shared_data / "sign_digits.zip"), ("folder", tmp_path / "sign_digits")):
        dataset = add_dataset(home, source, name)
        parts.append(dataset.images["sha256"].iloc[split(dataset, Validation()).val].tolist())
    assert parts[0] == parts[1]
    assert len(parts[0]) == 120
