"""The words of the Lab page and its control, in one place; what the lab itself says comes with the stream."""

from __future__ import annotations

TITLE = "Lab"
LEAD = "What is at work and what waits, what the machine is doing, and what the lab keeps on the disk."

CONTROL = {
    "running": "At work",
    "running_none": "Nothing is at work.",
    "waiting": "Waiting",
    "waiting_none": "Nothing waits: a run that is started now begins at once.",
    "waiting_none_busy": "Nothing else waits.",
    "more": "and {count} more",
    "ended": "Ended lately",
    "ended_none": "No run has ended yet.",
    "train": "Train a model",
    "stop": "Stop",
    "stop_help": "Stops at the next step; the model so far is kept.",
    "force": "Stop by force",
    "force_help": "Ends its process at once; the best model and the newest checkpoint are kept.",
    "cancel": "Cancel",
    "cancel_help": "Takes {name} out of the queue",
    "up": "Move {name} up",
    "down": "Move {name} down",
    "retry": "Try again",
    "retry_help": "Queues {name} once more; it goes on from its newest checkpoint, or begins anew where there is none.",
    "of": "of {owner}",
    "machine": "Machine",
    "load": "Busy",
    "load_of": "How busy {name} is",
    "memory": "Memory",
    "memory_of": "Memory of {name} in use",
    "disk": "Disk",
    "disk_none": "Adding up what the lab keeps.",
    "clear": "Clear caches",
    "clear_size": "Clear caches ({size})",
    "clear_help": "Decoded images and kept answers are made again when they are needed; nothing is lost but that time.",
    "clearing": "Clearing",
    "checkpoints": "Delete checkpoints",
    "largest": "What takes most",
    "delete": "Delete",
    "delete_help": "Delete {name}",
    "show": "Show",
    "show_help": "Show {name}",
    "processes": "Processes of the lab",
    "in_all": "{memory} in all, beside what they share of files.",
    "limits": "Limits",
    "limits_line": "The lab's keeper sets them in lab.toml, in the lab's folder.",
    "connecting": "Asking the server for the lab",
    "lost": "Connection lost, trying again",
    "not_done": "This was not done: {error}",
    "not_reached": "the server was not reached",
}

DELETE_RUN = "Delete a run"
DELETE_RUN_WHAT = "Its log and models are removed from the disk. This cannot be undone."
CHECKPOINTS = "Delete checkpoints"
CHECKPOINTS_WHAT = (
    "The checkpoints of every run that has ended are removed. Their logs and models stay, but these runs cannot go on "
    "from where they were: resumed or tried again, they begin anew."
)
DELETE_YES = "Delete for good"
CANCEL = "Cancel"


def checkpoints_size(runs: int, size: str) -> str:
    """How many runs have how much: "12 runs, 3.4 GB"."""
    return f"{runs:,} run{'s' if runs != 1 else ''}, {size}"
