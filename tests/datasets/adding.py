"""What tests of adding share: a small tree, an upload that is whole, and what lies in the folder of data sets."""

from __future__ import annotations

from collections.abc import Mapping

from lrlab.datasets import Source, begin_upload
from lrlab.home import Home

PLAIN = "A/1.png A/2.png B/1.png B/2.png"


def uploaded(home: Home, files: Mapping[str, bytes]) -> Source:
    upload = begin_upload(home, "made", [(path, len(data)) for path, data in files.items()])
    for number, data in enumerate(files.values()):
        with upload.receive(number) as receiver:
            receiver.write(data)
    upload.finish()
    return upload


def leftovers(home: Home) -> list[str]:
    return sorted(path.name for path in home.datasets.iterdir() if path.name != ".lock")
