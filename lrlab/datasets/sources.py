"""What a person may name as the source of a data set, and how it is opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

from lrlab.datasets.archives import open_zip
from lrlab.datasets.folders import FileReader, list_folder
from lrlab.datasets.paths import Parts, is_litter, is_showable, safe_parts
from lrlab.datasets.sample import draw_sample
from lrlab.datasets.source import READING, Entry, Listing, Progress, silent
from lrlab.datasets.uploads import Upload
from lrlab.errors import LabError, shown


@dataclass(frozen=True)
class Sample:
    """Asks for the built-in sample set, drawn by lrlab."""

    name: ClassVar[str] = "coffee_sample"


Source = str | Path | Upload | Sample
"""A path on this machine (a zip file or a folder), a finished upload, or the sample set."""


@contextmanager
def opened(source: Source, progress: Progress = silent) -> Iterator[Listing]:
    """The files of `source`, readable until the context ends; LabError (field "source") where it is none."""
    if isinstance(source, Sample):
        yield draw_sample(progress)
    elif isinstance(source, Upload):
        source.finish()
        if len(source.files) == 1 and source.files[0].path.lower().endswith(".zip"):
            with open_zip(source.path(0), PurePosixPath(source.files[0].path).name) as listing:
                yield listing
        else:
            yield _list_upload(source)
    else:
        path = existing(source)
        progress(READING, 0, 0)
        if path.is_dir():
            yield list_folder(path, progress)
        else:
            with open_zip(path, path.name) as listing:
                yield listing


def existing(source: str | Path) -> Path:
    """The absolute path of a file or folder that a person named; LabError (field "source") where there is none."""
    text = str(source).strip()
    if not text or not is_showable(text):
        raise LabError(f"source: got {shown(text)}, allowed: the path of a zip file or a folder", field="source")
    try:
        path = Path(text).expanduser().resolve()
        found = path.is_dir() or path.is_file()
    except (OSError, RuntimeError) as error:  # no such user's home, a loop of links, a folder that may not be entered
        raise LabError(f"source: {shown(text)} cannot be reached ({error})", field="source") from error
    if not found:
        raise LabError(f"source: there is no file or folder {shown(text)} on this machine", field="source")
    return path


def _list_upload(upload: Upload) -> Listing:
    entries = []
    folders: set[Parts] = set()
    for number, file in enumerate(upload.files):
        parts = safe_parts(file.path)
        if not is_litter(parts):
            entries.append(Entry(parts, file.size, FileReader(upload.path(number))))
            folders.update(parts[:depth] for depth in range(1, len(parts)))
    return Listing("upload", "The upload", tuple(entries), frozenset(folders))
