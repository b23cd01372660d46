"""What Arrow reads is its own: nothing of Python's is left to its threads."""

from __future__ import annotations

import weakref

from lrlab.runs.arrow import reader


class Content(bytearray):
    """Bytes of which one can tell whether somebody still has them."""


def test_nothing_of_pythons_is_kept() -> None:
    content = Content(b"step,loss\n0,0.5\n")
    alive, read = weakref.ref(content), reader(content)
    del content
    assert (alive(), read.read()) == (None, b"step,loss\n0,0.5\n")
