"""The Schedule page's words, in one place."""

LEAD = "Choose a learning-rate schedule and see at once what it does to every update of a run."

COMPOSER = {
    "controls": "Schedule settings",
    "chart": "Learning rate over the run; the table below holds the same numbers",
    "kept": "Kept schedules",
    "scheduler": "Scheduler",
    "interval": "Counts",
    "per_epoch": "epochs",
    "per_step": "steps",
    "warmup": "Linear warm-up before it",
    "scale": "LR axis",
    "linear": "linear",
    "log": "log",
    "x": "x axis",
    "epoch": "epoch",
    "step": "step",
    "keep": "Keep to compare",
    "train": "Train with this",
    "take": "Edit this schedule",
    "remove": "Remove",
    "offline": "The server does not answer; the curve is the last one it sent.",
}

CODE, TABLE, ABOUT = "PyTorch code", "Table", "About this scheduler"
BAD_LINK = "This link's schedule could not be read, so the page shows its first schedule instead: "
