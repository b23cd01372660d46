"""Many files in one request body, or one slice of a large file: how the upload control packs what it sends.

A body is a row of pieces, each behind a header of 20 bytes, little-endian:

    number   uint32   of the file in the upload, as it was announced
    start    uint64   first byte of this piece within the file
    length   uint64   bytes of this piece, which follow the header

A piece that is a whole file starts at 0 and ends where the file ends. Slices of one file come one after another.
Five thousand small files then take some tens of requests; a file of gigabytes takes requests of a few megabytes, of
which only the last is sent again where the connection drops.
"""

from __future__ import annotations

import struct

from lrlab.datasets import Receiver, Upload
from lrlab.errors import LabError

HEADER = struct.Struct("<IQQ")


class Unpacker:
    """Writes the pieces of one body into the files of an upload, whatever blocks the body arrives in.

    One call at a time, from any thread. Raises LabError where a piece does not fit what was announced.
    """

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._head = bytearray()
        self._receiver: Receiver | None = None
        self._left = 0
        self._sliced = False

    def feed(self, block: bytes) -> None:
        """Takes the next bytes of the body."""
        rest = memoryview(block)
        while rest:
            if self._receiver is None:
                missing = HEADER.size - len(self._head)
                self._head += rest[:missing]
                rest = rest[missing:]
                if len(self._head) == HEADER.size:
                    self._open()
            else:
                piece, rest = rest[: self._left], rest[self._left :]
                self._left -= len(piece)
                self._receiver.write(piece)
            if self._receiver is not None and self._left == 0:
                self._finish()

    def close(self) -> None:
        """Ends the body; LabError where it was cut off within a piece."""
        if self._head or self._receiver is not None:
            self.drop()
            raise LabError("the upload was cut off while it was sent", field="source")

    def drop(self) -> None:
        """Forgets the piece that is under way; what was complete before it stays."""
        receiver, self._receiver = self._receiver, None
        self._head.clear()
        if receiver is not None:
            if self._sliced:
                receiver.pause()  # the slice is sent again from its start; the slices before it are whole
            else:
                receiver.drop()

    def _open(self) -> None:
        number, start, self._left = HEADER.unpack(self._head)
        self._head.clear()
        self._upload.path(number)  # refuses a number that was not announced
        self._sliced = not (start == 0 and self._left == self._upload.files[number].size)
        self._receiver = self._upload.receive(number, start if self._sliced else None)

    def _finish(self) -> None:
        receiver, self._receiver = self._receiver, None
        assert receiver is not None
        if self._sliced and receiver.left > 0:
            receiver.pause()
        else:
            receiver.close()
