"""The words of the Schedule page around the composer: its head and the tabs below, in one place."""

from __future__ import annotations

GALLERY = "Start from the gallery"
BAD_LINK = "This link's schedule could not be read, so the page shows its first schedule instead: "
NO_RUN = "The run that this schedule was previewed against is not in this lab; an invented loss stands in for its own."

SHARE = {
    "share": "Share link",
    "address": "Address that holds this schedule",
    "copy": "Copy",
    "copied": "Copied. Whoever opens this address on this server sees the same curve.",
    "by_hand": "Press Ctrl+C or Cmd+C to copy the selected address.",
}

CODE, PASTE, TABLE, ABOUT = TABS = "Code", "Paste code", "Table", "About"

FORMATS = {"pytorch": "PyTorch", "keras": "Keras", "json": "JSON"}
FORMAT, OPTIMIZER = "Written as", "Optimiser"
FILES = {"pytorch": "schedule.py", "keras": "schedule_keras.py", "json": "schedule.json"}
CODE_HELP = {
    "pytorch": "A script that runs as it stands: every update has the LR of the curve above.",
    "keras": "A script for Keras 3 that runs as it stands, with the same LRs; its comments say where Keras differs.",
    "json": "The schedule as lrlab reads it: python -m lrlab schedule schedule.json shows it in a terminal.",
}
DOWNLOAD = "Download {name}"

PASTE_HERE = "A scheduler or a whole training script, in PyTorch or Keras, or a schedule as JSON"
PASTE_EXAMPLE = """optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = StepLR(optimizer, step_size=5, gamma=0.5)
for epoch in range(20):
    for batch in loader:
        ...
    scheduler.step()"""
PASTE_LINE = (
    "What is pasted here is read, never run. Numbers that it does not hold, such as len(loader), are asked for; "
    "the curve is then one button away."
)
READ, USE = "Read it", "Use this schedule"
USE_FOR = "Use it for {epochs:,} epochs of {steps:,} steps"
MISSING = "It does not hold these numbers:"
NO_NUMBER = "got {got}, allowed: a number, such as 30 or 1e-3"
ASKS_ON = "This text asks for one number after another; paste only the lines of its scheduler and optimiser."
WITH_LR, WITH_EPOCHS, WITH_STEPS, WITH_GROUPS = "LR {}", "{} epochs", "{} steps per epoch", "{} parameter groups"

TABLE_HELP = "One row an epoch; the file holds every update in full precision."
BY_UPDATE, BY_EPOCH = "Every update as CSV", "Every epoch as CSV"
TOO_LONG = "This run has {updates:,} updates; a file of every update is offered up to {most:,}."

COLUMNS = {
    "epoch": "epoch",
    "first": "first update",
    "lr_first": "LR, first update",
    "lr_last": "LR, last update",
    "momentum_first": "momentum, first update",
    "momentum_last": "momentum, last update",
    "group": "LR of {name}, first update",
    "metric": "metric at its end",
}

WHEN, PARAMETERS, SOURCES = "When to use it", "What can be set", "Where it comes from"
MADE_OF = "In this run the recipe is made of:"
RECIPE_LINE = "A recipe ({origin})."
WARMUP, WARMUP_LINE = "Warm-up", "The LR rises in a straight line, update by update, before anything else."
