"""heartbeat.json as a value, and how it is read: what a worker said last, and when."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError


class Heartbeat(BaseModel):
    """heartbeat.json. Times are unix seconds; `done` of `total` measures the phase (0 of 0: not countable)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    phase: str
    done: int = 0
    total: int = 0
    step: int | None = None
    epoch: int | None = None
    images_per_second: float | None = None
    last_batch: float | None = None
    """When the last batch, training or validation, was finished."""
    slowest_batch: float = 0.0
    """Seconds that the slowest batch so far took."""
    time: float
    """When something was last done: a batch finished, a phase begun, a part of one done."""


def heartbeat_file(folder: Path) -> Path:
    """Where the run in `folder` has its heartbeat."""
    return folder / "heartbeat.json"


def read_heartbeat(folder: Path) -> Heartbeat | None:
    """The newest heartbeat, or None where none was written or what lies there is none."""
    try:
        return Heartbeat.model_validate_json(heartbeat_file(folder).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
