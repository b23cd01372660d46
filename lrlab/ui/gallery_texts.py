"""The Gallery page's words, in one place."""

TITLE = "Gallery"
LEAD = "Every schedule as a small curve. Choose one, and the Schedule page opens it for the run that you compose."

RUN_NOTE = (
    "Presets are drawn on their own runs, all others for {epochs} epochs of {steps} steps at LR {lr}; each picture "
    "goes from 0 to its highest LR. ReduceLROnPlateau is drawn against an invented validation loss."
)

RECIPES = "Recipes"
RECIPES_LINE = "What people use beyond torch's classes, made of them: each has a few values of its own."

PRESETS = {
    "tutorial": ("Tutorials", "Presets: whole training runs as tutorials tell them, LR and length included."),
    "images": ("Image models", "Presets: how networks for images became known, on the runs of their papers or code."),
    "text": ("Language models", "Presets: how language models became known, on the runs of their papers or code."),
}
"""Title and line of each group of presets, in their order."""

CARDS = {
    "find": "Find a schedule",
    "example": "warm-up, cosine, fastai, momentum …",
    "sections": "Jump to",
    "source": "Sources",
    "found": "{shown} of {all} schedules",
    "none": "No schedule here has all of these words.",
}
