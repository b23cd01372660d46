"""What a finished run's model makes of the images: its mistakes, class by class and one by one, and one's own image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from lrlab import jobs
from lrlab.charts import confusion_figure, least_width, leaves, shown_classes
from lrlab.datasets import MAX_IMAGE_BYTES, megabytes
from lrlab.desk import Desk
from lrlab.errors import LabError, NotFound
from lrlab.runs import (
    FINAL,
    Evaluation,
    Predictions,
    Run,
    RunRecord,
    chance,
    confusions,
    evaluate,
    flat,
    load_predictions,
    means,
    per_class,
    spreadsheet_safe,
)
from lrlab.ui.evaluation import texts
from lrlab.ui.fields import refusal
from lrlab.ui.plot import HERE as PLOT
from lrlab.ui.plot import addresses, joined, plot

HERE = Path(__file__).parent

MOST_MISTAKES = 120
"""So many are sent to the browser, which shows ten at first."""

ROW_HEIGHT = 35
MOST_ROWS = 14

LOOK = 0.5
"""Seconds between two looks at how far predictions are."""

SIDE = 320
"""Pixels of a mistake's picture: sharp at the width of a column on a fine screen."""

_mistakes = st.components.v2.component(
    "lrlab_mistakes",
    html='<div class="lrlab-mistakes"></div>',
    css=joined(HERE, ("mistakes.css",)),
    js=joined(PLOT, ("element.js",)) + joined(HERE, ("mistakes.js",)),
    isolate_styles=False,
)
_own_image = st.components.v2.component(
    "lrlab_own_image",
    html='<div class="lrlab-own-image"></div>',
    css=joined(HERE, ("own_image.css",)),
    js=joined(PLOT, ("element.js",)) + joined(HERE, ("own_image.js",)),
    isolate_styles=False,
)


def evaluation(desk: Desk, run: Run) -> None:
    """Shows all that below a run that has ended; nothing while it is queued or at work."""
    record = run.record
    if run.state not in FINAL:
        return
    try:
        predictions = load_predictions(run)
    except LabError as error:
        st.markdown(f"##### {texts.TITLE}")
        refusal(f"{texts.DAMAGED} {error}")
    else:
        if predictions is not None:
            st.fragment(_results)(desk, record, predictions)
        elif run.best_model.is_file():
            _without(desk, run, record)
    if run.best_model.is_file() or run.last_model.is_file():
        _own(run, record)


def _without(desk: Desk, run: Run, record: RunRecord) -> None:
    """Why there are no predictions, and the button that has them made, or how far that is."""
    st.markdown(f"##### {texts.TITLE}")
    st.write(texts.without(record.state, record.dataset.val))
    if not desk.may("evaluate a run", record):
        return
    status = jobs.evaluation_status(desk.home, run.id)
    if status and not status.error:
        st.fragment(_making, run_every=LOOK)(desk, run.id)
        return
    if run.predictions.is_file():  # they came while this was drawn
        st.rerun()
    if status:
        refusal(status.error)
    if st.button(texts.MAKE, key=f"evaluation.make.{run.id}"):
        try:
            desk.evaluate(run.id)
        except LabError as error:
            refusal(str(error))
        else:
            st.rerun()


def _making(desk: Desk, run_id: str) -> None:
    """How far the predictions are; the page is drawn anew once they are there, or cannot be."""
    status = jobs.evaluation_status(desk.home, run_id)
    if status is None or status.error:
        st.rerun()
    else:
        st.progress(status.done / status.total if status.total else 0.0, texts.making(status))


def _results(desk: Desk, record: RunRecord, predictions: Predictions) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.markdown(f"##### {texts.TITLE}", width="stretch")
        part = _choice(predictions, record.id)
        shares = st.segmented_control(
            texts.NUMBERS_LABEL,
            list(texts.NUMBERS),
            format_func=texts.NUMBERS.__getitem__,
            default=False,
            required=True,
            key=f"evaluation.shares.{record.id}",
            label_visibility="collapsed",
        )
    found = evaluate(predictions, part)
    short = dict(zip(found.classes, leaves(found.classes), strict=True))
    monitor = record.experiment.early_stopping.monitor
    said = [texts.headline(found, part, predictions.epoch, monitor), texts.confused(confusions(found), short)]
    st.text(" ".join(filter(None, said)))
    few = len(found.classes) <= MOST_ROWS
    matrix, table = st.columns([3, 2], gap="large") if few else (st.container(), st.container())
    with matrix:
        figure = confusion_figure(found.matrix, found.classes, shares=bool(shares))
        label, room = texts.matrix_label(found, part), least_width(len(found.classes))
        drawn = {"figure": figure, "label": label, "whole": True, "least_width": room}
        plot("still", drawn, key=f"confusion-{record.id}")
        if note := texts.most_classes(len(shown_classes(found.matrix)), len(found.classes)):
            st.caption(note)
    with table:
        _table(found, predictions, record)
    st.markdown(f"##### {texts.MISTAKES['title']}")
    if found.mistakes.empty:
        st.write(texts.NO_MISTAKES)
    else:
        _mistakes(data=_wrong(desk, record, found, short), key=f"mistakes-{record.id}-{part}")


def _choice(predictions: Predictions, run_id: str) -> str:
    """The part of the images to show: the validation's, unless there is a test and it was chosen."""
    if len(predictions.splits) == 1:
        return predictions.splits[0]
    chosen = st.segmented_control(
        texts.PART,
        list(predictions.splits),
        format_func=texts.PARTS.__getitem__,
        default=predictions.splits[0],
        required=True,
        key=f"evaluation.part.{run_id}",
        label_visibility="collapsed",
    )
    return str(chosen)


def _table(found: Evaluation, predictions: Predictions, record: RunRecord) -> None:
    measured = per_class(found.matrix, found.classes)
    shown = measured.reset_index()[list(texts.COLUMNS)].rename(columns=texts.COLUMNS)
    shares = [texts.COLUMNS[name] for name in ("precision", "recall", "f1")]
    shown[shares] = 100 * shown[shares]
    columns: dict[str, Any] = {
        texts.COLUMNS[name]: st.column_config.NumberColumn(format="%.1f %%", help=help, width="small")
        for name, help in texts.HELP.items()
        if name != "images"
    }
    columns[texts.COLUMNS["images"]] = st.column_config.NumberColumn(help=texts.HELP["images"], width="small")
    st.dataframe(
        shown,
        hide_index=True,
        column_config=columns,
        height=ROW_HEIGHT * (min(len(shown), MOST_ROWS) + 1) + 3,
        alt=texts.TABLE,
    )
    st.write(texts.averages(means(measured)))
    st.download_button(
        texts.SAVE, lambda: _csv(predictions), f"predictions-{record.id}.csv", "text/csv", on_click="ignore",
        type="tertiary",
    )  # fmt: skip


def _csv(predictions: Predictions) -> str:
    """One row per image, the best classes in columns of their own; safe to open in a spreadsheet."""
    return spreadsheet_safe(flat(predictions)).to_csv(index=False, lineterminator="\n")


def _wrong(desk: Desk, record: RunRecord, found: Evaluation, short: Mapping[str, str]) -> dict[str, Any]:
    """What the grid of mistakes needs. Names are a stranger's text: the browser sets them as text.

    `short`: how each class is called where there is little room.
    """
    try:
        dataset = desk.dataset(record.dataset.id)
        address = f"{addresses()['api']}/datasets/{dataset.id}/thumbnail"
    except NotFound:
        address = None
    items = [
        {
            "row": row,
            "file": file,
            "label": label,
            "predicted": predicted,
            "sure": chance(confidence),
            "right": chance(probability),
        }
        for row, file, label, predicted, confidence, probability in found.mistakes[
            ["row", "file", "label", "predicted", "confidence", "probability"]
        ][:MOST_MISTAKES].itertuples(index=False)
    ]
    return {"address": address, "side": SIDE, "items": items, "short": short, "texts": texts.MISTAKES}


def _own(run: Run, record: RunRecord) -> None:
    st.markdown(f"##### {texts.OWN['title']}")
    st.write(texts.OWN["lead"])
    models = [name for name, path in (("best", run.best_model), ("last", run.last_model)) if path.is_file()]
    _own_image(
        data={
            "address": f"{addresses()['api']}/runs/{run.id}/predict",
            "models": models,
            "short": dict(zip(record.dataset.classes, leaves(record.dataset.classes), strict=True)),
            "texts": {**texts.OWN, "square": texts.OWN["square"].format(size=record.experiment.image_size)},
            "most_bytes": MAX_IMAGE_BYTES,
            "most_words": megabytes(MAX_IMAGE_BYTES),
        },
        key=f"own-image-{run.id}",
    )
