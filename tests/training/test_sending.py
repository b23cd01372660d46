"""What goes to a device arrives whole and in order, and a batch is made while the one before it is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lrlab.experiments import Augment
from lrlab.training import sending
from lrlab.training.batches import Pictures, TrainBatches
from lrlab.training.sending import BEFOREHAND, SideStream, ahead, sent

from .pretended_gpu import SameStream

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize("values", [np.arange(6.0), np.zeros((2, 0), bool), torch.arange(4)], ids=repr)
def test_what_is_sent_to_the_cpu_is_what_was_given(values: np.ndarray | Tensor) -> None:
    there = sent(values, CPU)
    assert there.dtype == torch.as_tensor(values).dtype
    assert np.array_equal(there.numpy(), np.asarray(values))


def test_what_is_sent_elsewhere_lies_there() -> None:
    meta = torch.device("meta")
    assert sent(np.zeros((3, 2), np.float32), meta).shape == (3, 2)
    there = torch.zeros(2, device=meta)
    assert sent(there, meta) is there


def test_only_a_gpu_of_nvidias_is_sent_pinned_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "pinned", lambda tensor: pytest.fail("pinned"))
    sent(np.zeros(2), CPU)
    sent(np.zeros(2), torch.device("meta"))
    with pytest.raises(pytest.fail.Exception, match="pinned"):
        sent(np.zeros(2), CUDA)


def batch(number: int) -> tuple[Tensor]:
    return (torch.tensor(number),)


class Diary:
    """A lane that notes what is asked of it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def made(self, batches: Iterator[Any]) -> Any:
        made = next(batches, None)
        self.lines.append(f"make {'none' if made is None else int(made[0])}")
        return made

    def handed(self, batch: Any) -> Any:
        self.lines.append(f"hand {int(batch[0])}")
        return batch

    def worked(self) -> None:
        self.lines.append("worked")


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "make none"),
        (1, "make 0, make none, hand 0, train 0, worked"),
        (
            3,
            "make 0, make 1, hand 0, train 0, worked, make 2, hand 1, train 1, worked, "
            "make none, hand 2, train 2, worked",
        ),
    ],
)
def test_the_next_batch_is_made_before_one_is_handed_over(count: int, expected: str) -> None:
    diary = Diary()
    for (number,) in ahead(iter([batch(number) for number in range(count)]), diary):
        diary.lines.append(f"train {int(number)}")
    assert ", ".join(diary.lines) == expected


def test_an_error_in_making_a_batch_comes_through() -> None:
    def broken() -> Iterator[tuple[Tensor]]:
        yield batch(0)
        yield batch(1)
        raise OSError("the disk is gone")

    found = []
    with pytest.raises(OSError, match="the disk is gone"):
        for (number,) in ahead(broken(), Diary()):
            found.append(int(number))
    assert found == [0]


def test_what_is_left_early_is_closed() -> None:
    closed = []

    def numbers() -> Iterator[tuple[Tensor]]:
        try:
            for number in range(9):
                yield batch(number)
        finally:
            closed.append(True)

    batches = ahead(numbers(), Diary())
    next(batches)
    del batches
    assert closed


@pytest.mark.parametrize("start", [0, 1, 4])
@pytest.mark.parametrize("augment", [{}, {"rotation": 20, "hue": 0.1}, {"mixup": 1.0, "erasing": 0.5}], ids=str)
def test_batches_made_ahead_are_the_same(augment: dict[str, Any], start: int) -> None:
    rng = np.random.default_rng(0)
    pictures = Pictures(rng.integers(0, 256, (20, 9, 9, 3), dtype=np.uint8), rng.integers(0, 3, 20), 8, CPU)
    train = TrainBatches(pictures, np.arange(20), 4, 7, Augment.model_validate(augment))
    plain, early = list(train.epoch(2, start)), list(ahead(train.epoch(2, start), SameStream(CUDA)))
    assert len(plain) == len(early) == 5 - start
    for ours, theirs in zip(early, plain, strict=True):
        assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))


class Stream:
    """A stream of torch.cuda that notes what it is asked."""

    def __init__(self, name: str, diary: list[str]) -> None:
        self.name, self.diary = name, diary
        self.events = 0

    def wait_stream(self, other: Stream) -> None:
        self.diary.append(f"{self.name} waits for {other.name}")

    def record_event(self) -> Event:
        event = Event(self.diary)
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        self.diary.append(f"{self.name} waits for {event.name}")


class Event:
    def __init__(self, diary: list[str], name: str = "") -> None:
        self.name, self.diary = name, diary

    def record(self, stream: Stream) -> None:
        self.name = f"{stream.name} {stream.events}"
        stream.events += 1
        self.diary.append(f"note {self.name}")

    def synchronize(self) -> None:
        self.diary.append(f"the CPU waits for {self.name}")


class Kept:
    """Instead of a tensor."""

    def __init__(self, number: int, diary: list[str]) -> None:
        self.number, self.diary = number, diary

    def record_stream(self, stream: Stream) -> None:
        self.diary.append(f"{stream.name} keeps batch {self.number}")


def test_a_side_stream_and_the_main_one_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    diary: list[str] = []
    main = Stream("main", diary)

    @contextmanager
    def stream(side: Stream) -> Iterator[None]:
        diary.append(f"on {side.name}:")
        yield
        diary.append("on main:")

    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: main)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: Stream("side", diary))
    monkeypatch.setattr(torch.cuda, "Event", lambda blocking: Event(diary))
    monkeypatch.setattr(torch.cuda, "stream", stream)

    def batches() -> Iterator[Any]:
        for number in range(4):
            diary.append(f"make {number}")
            yield (Kept(number, diary),)

    for (kept,) in ahead(batches(), SideStream(CUDA)):
        diary.append(f"train {kept.number}")  # type: ignore[attr-defined]
    expected = """
        side waits for main
        on side: | make 0 | note side 0 | on main:
        on side: | make 1 | note side 1 | on main: | main waits for side 0 | main keeps batch 0 | train 0 | note main 0
        on side: | make 2 | note side 2 | on main: | main waits for side 1 | main keeps batch 1 | train 1 | note main 1
        on side: | make 3 | note side 3 | on main: | main waits for side 2 | main keeps batch 2 | train 2 | note main 2
        the CPU waits for main 0
        on side: | on main: | main waits for side 3 | main keeps batch 3 | train 3 | note main 3
        the CPU waits for main 1"""
    assert BEFOREHAND == 2
    assert diary == [line for row in expected.strip().splitlines() for line in row.strip().split(" | ")]
