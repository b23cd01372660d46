"""Bytes for Arrow's readers, in memory of Arrow's own."""

from __future__ import annotations

import pyarrow as pa


def reader(content: bytes) -> pa.BufferReader:
    """`content` to be read by Arrow, which keeps nothing of Python's.

    Its threads let go of what they read some moments after the call that read it. Were that a Python object and the
    interpreter just ending, as after a short command, they would abort the process.
    """
    own = pa.BufferOutputStream()
    own.write(content)
    return pa.BufferReader(own.getvalue())
