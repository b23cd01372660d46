"""A folder on the server as a source of images. Its files stay where they are."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from lrlab.datasets.limits import MAX_FILES
from lrlab.datasets.paths import MAX_DEPTH, Parts, is_litter, is_showable
from lrlab.datasets.source import READING, Entry, Listing, Progress, Refusal, silent
from lrlab.errors import LabError


def list_folder(root: Path, progress: Progress = silent) -> Listing:
    """All files below `root` (an absolute path). Links are followed, a folder reached twice is read once.

    Raises LabError (field "source") where the folder cannot be read or holds too many files.
    """
    entries: list[Entry] = []
    folders: set[Parts] = set()
    refused: list[Refusal] = []
    visited: set[tuple[int, int]] = set()
    waiting: list[tuple[Path, Parts]] = [(root, ())]
    while waiting:
        folder, above = waiting.pop()
        progress(READING, 0, 0)
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in visited:
                continue
            visited.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as found:
                listed = sorted(found, key=lambda item: item.name)
        except OSError as error:
            if not above:
                raise LabError(f"{root} cannot be read ({error.strerror})", field="source") from error
            refused.append(Refusal("/".join(above), f"is a folder that cannot be read ({error.strerror})"))
            continue
        for item in listed:
            parts = (*above, unicodedata.normalize("NFC", item.name))
            if is_litter(parts):
                continue
            if not is_showable(item.name):
                shown = os.fsencode(item.name).decode("utf-8", "replace")
                refused.append(Refusal("/".join((*above, shown)), "has a name that is not UTF-8 or cannot be shown"))
                continue
            try:
                facts = item.stat()
            except OSError as error:  # it leads nowhere, in a circle, or into a folder that may not be entered
                refused.append(Refusal("/".join(parts), f"is a broken link or cannot be reached ({error.strerror})"))
                continue
            if S_ISDIR(facts.st_mode):
                if len(parts) < MAX_DEPTH:
                    folders.add(parts)
                    waiting.append((Path(item.path), parts))
                else:
                    refused.append(Refusal("/".join(parts), f"lies deeper than {MAX_DEPTH} folders"))
            elif S_ISREG(facts.st_mode):
                path = Path(item.path)
                entries.append(Entry(parts, facts.st_size, FileReader(path), path.relative_to(root).as_posix()))
            else:
                refused.append(Refusal("/".join(parts), "is a device, not a file"))
        if len(entries) > MAX_FILES:
            raise LabError(f"{root} holds too many files; allowed: at most {MAX_FILES:,}", field="source")
    return Listing("folder", root.name or str(root), tuple(entries), frozenset(folders), tuple(refused), root)


class FileReader:
    """Reads the first bytes of one file on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, limit: int) -> bytes:
        with self._path.open("rb") as file:
            return file.read(limit)
