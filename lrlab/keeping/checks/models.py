"""The weights of a run and its checkpoints, looked at without torch: their files are zips and safetensors."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from lrlab.files import new_id
from lrlab.keeping.finding import Finding
from lrlab.runs import Run, RunRecord, all_checkpoints, usable_checkpoints

_LONGEST_HEADER = 100 * 1024**2


def check_models(run: Run, record: RunRecord, thorough: bool) -> Iterator[Finding]:
    """Findings about the checkpoints and models of a run that nobody works on."""
    place = f"run {run.id}"
    for checkpoint in all_checkpoints(run):
        path = checkpoint.path
        if not _is_zip(path, thorough):
            beside = path.with_suffix(".safetensors")
            yield Finding(
                place,
                f"the checkpoint {path.name} is damaged",
                "it is removed; the run goes on from an earlier one, or from its beginning",
                partial(_unlink, path, beside),
            )
    for path in sorted((run.folder / "checkpoints").glob("*.safetensors")):
        if not path.with_suffix(".pt").exists():
            yield Finding(place, f"{path.name} belongs to no checkpoint", "it is removed", partial(_unlink, path))
    for path in (run.best_model, run.last_model):
        if path.exists() and facts_of(path) is None:
            yield _damaged(run, record, path)


def _damaged(run: Run, record: RunRecord, path: Path) -> Finding:
    copy = _same_best(run, record) if path == run.best_model else None
    if copy is None:
        return Finding(f"run {run.id}", f"{path.name} is damaged", "restore the run from a backup, or train it again")
    return Finding(
        f"run {run.id}",
        f"{path.name} is damaged",
        f"the copy beside the checkpoint {copy.stem} takes its place",
        partial(_copy, copy, path),
    )


def _same_best(run: Run, record: RunRecord) -> Path | None:
    """The best model as a checkpoint has it, where that is the one of the run's best epoch."""
    for checkpoint in usable_checkpoints(run, record.attempts):
        beside = checkpoint.path.with_suffix(".safetensors")
        facts = facts_of(beside) if beside.exists() else None
        if facts is not None and facts.get("epoch") == str(record.result.best_epoch):
            return beside
    return None


def facts_of(path: Path) -> dict[str, str] | None:
    """What a safetensors file says of itself; None where it is damaged: its header says how long it has to be."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 0 < length <= _LONGEST_HEADER:
                return None
            header = json.loads(file.read(length))
        facts = header.pop("__metadata__", {})
        ends = [int(tensor["data_offsets"][1]) for tensor in header.values()]
        whole = 8 + length + max(ends, default=0)
        return {str(name): str(value) for name, value in facts.items()} if path.stat().st_size == whole else None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None


def _is_zip(path: Path, thorough: bool) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return not thorough or archive.testzip() is None
    except FileNotFoundError:  # removed since the folder was listed
        return True
    except (zipfile.BadZipFile, ValueError, EOFError):
        return False


def _unlink(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    temporary = target.with_name(f".{target.name}.{new_id(6)}")
    try:
        shutil.copyfile(source, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
