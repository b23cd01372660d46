"""Where the pages lie. Streamlit takes a relative path from the main script's folder, which is not the pages' own."""

from pathlib import Path

PAGES = Path(__file__).parents[2] / "pages"

SCHEDULE = PAGES / "schedule.py"
GALLERY = PAGES / "gallery.py"
IMAGES = PAGES / "images.py"
FIND_LR = PAGES / "find_lr.py"
TRAIN = PAGES / "train.py"
COMPARE = PAGES / "compare.py"
LAB = PAGES / "lab.py"

NEW_RUN = {"new": "1"}
"""The query of TRAIN that opens its form even while a run is at work."""
