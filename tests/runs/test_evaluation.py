"""Shares and means against tables worked out by hand, the rule for 0 / 0 included."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from lrlab.errors import LabError
from lrlab.runs import (
    Predictions,
    Run,
    chance,
    confusions,
    evaluate,
    flat,
    load_predictions,
    means,
    per_class,
    store_predictions,
)
from lrlab.runs.predictions import ranked, softmax, tabulated

CLASSES = ("cat", "dog", "owl")

#        said:  cat dog owl
COUNTS = [
    [5, 1, 0],  # cat
    [2, 1, 1],  # dog
    [0, 0, 2],  # owl
]


def predictions(counts: list[list[int]], split: str = "val", classes: tuple[str, ...] = CLASSES) -> pd.DataFrame:
    """Rows that make up this confusion matrix; the more classes a label has passed, the surer the model was."""
    rows = []
    for label, said in enumerate(counts):
        for predicted, count in enumerate(said):
            for _ in range(count):
                row, name = len(rows), classes[predicted]
                rows.append((split, row, f"{row}.jpg", classes[label], name, 0.1, [name], [0.5 + row / 100]))
    columns = ["split", "row", "file", "label", "predicted", "probability", "top_classes", "top_probabilities"]
    return pd.DataFrame(rows, columns=columns)


def both(first: list[list[int]], second: list[list[int]]) -> Predictions:
    return Predictions(pd.concat([predictions(first), predictions(second, "test")]), CLASSES, 3)


def test_the_matrix_counts_labels_in_rows_and_predictions_in_columns() -> None:
    found = both(COUNTS, [[0, 3, 0], [0, 0, 0], [0, 0, 1]])
    assert found.splits == ("val", "test")
    val, test = evaluate(found, "val"), evaluate(found, "test")
    assert val.matrix.tolist() == COUNTS
    assert (val.images, val.right, val.accuracy) == (12, 8, 8 / 12)
    assert test.matrix.tolist() == [[0, 3, 0], [0, 0, 0], [0, 0, 1]]
    assert test.accuracy == 1 / 4


TABLES = {
    # (images, predicted, precision, recall, F1) of cat, dog and owl
    "every class is there and is predicted": (
        COUNTS,
        [(6, 7, 5 / 7, 5 / 6, 10 / 13), (4, 2, 1 / 2, 1 / 4, 1 / 3), (2, 3, 2 / 3, 1, 4 / 5)],
        # the three averaged, and by 6, 4 and 2 of 12
        {"macro": (0.6269841, 0.6944444, 0.6341880), "weighted": (0.6349206, 0.6666667, 0.6290598)},
    ),
    "a class that is never predicted has precision 0": (
        [[3, 0, 1], [4, 0, 0], [0, 0, 2]],
        [(4, 7, 3 / 7, 3 / 4, 6 / 11), (4, 0, 0, 0, 0), (2, 3, 2 / 3, 1, 4 / 5)],
        {"macro": (0.3650794, 0.5833333, 0.4484848), "weighted": (0.3047619, 0.5, 0.3781818)},
    ),
    "a class without images has neither recall nor F1 and enters no mean": (
        [[2, 2, 0], [0, 0, 0], [0, 0, 4]],
        [(4, 2, 1, 1 / 2, 2 / 3), (0, 2, 0, np.nan, np.nan), (4, 4, 1, 1, 1)],
        {"macro": (1, 3 / 4, 5 / 6), "weighted": (1, 3 / 4, 5 / 6)},
    ),
    "all right": (
        [[1, 0, 0], [0, 2, 0], [0, 0, 3]],
        [(1, 1, 1, 1, 1), (2, 2, 1, 1, 1), (3, 3, 1, 1, 1)],
        {"macro": (1, 1, 1), "weighted": (1, 1, 1)},
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_shares_and_means_are_those_worked_out_by_hand(case: str) -> None:
    counts, rows, averages = TABLES[case]
    table = per_class(np.array(counts), CLASSES)
    assert list(table.index) == list(CLASSES)
    assert list(table.columns) == ["images", "predicted", "precision", "recall", "f1"]
    np.testing.assert_allclose(table.to_numpy(), np.array(rows, dtype=float), rtol=1e-12)
    found = means(table)
    assert list(found.columns) == ["precision", "recall", "f1"]
    for row, expected in averages.items():
        np.testing.assert_allclose(found.loc[row].to_numpy(), expected, atol=5e-8)


def test_the_weighted_recall_is_the_accuracy() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        matrix = rng.integers(0, 9, (5, 5)) * rng.integers(0, 2, (5, 1))
        if matrix.sum():
            weighted = means(per_class(matrix, tuple("abcde"))).loc["weighted", "recall"]
            assert weighted == pytest.approx(np.trace(matrix) / matrix.sum(), rel=1e-12)


def test_nothing_at_all_has_no_means() -> None:
    assert means(per_class(np.zeros((3, 3), dtype=np.int64), CLASSES)).isna().all(axis=None)


def test_the_pairs_confused_most_often_come_first() -> None:
    found = confusions(evaluate(Predictions(predictions([[5, 1, 2], [2, 1, 0], [0, 0, 2]]), CLASSES, 0), "val"), 2)
    # two each, but two of three dogs are more than two of eight cats
    assert [(one.label, one.predicted, one.count, one.share) for one in found] == [
        ("dog", "cat", 2, 2 / 3),
        ("cat", "owl", 2, 2 / 8),
    ]


def test_mistakes_are_the_wrong_rows_the_surest_first() -> None:
    wrong = evaluate(both(COUNTS, COUNTS), "val").mistakes
    assert (wrong["label"] != wrong["predicted"]).all()
    # in the order in which `predictions` lists them: cats 0 to 5, then two dogs called cats, ...
    assert wrong["row"].tolist() == [9, 7, 6, 5]
    assert wrong["confidence"].tolist() == pytest.approx([0.59, 0.57, 0.56, 0.55])


def test_scores_become_probabilities_and_ranks() -> None:
    scores = np.log(np.array([[0.7, 0.1, 0.2], [0.25, 0.5, 0.25]], dtype=np.float64))
    np.testing.assert_allclose(softmax(scores + 1000), [[0.7, 0.1, 0.2], [0.25, 0.5, 0.25]], rtol=1e-9)
    names, chances = ranked(scores, CLASSES, top=2)
    assert names.tolist() == [["cat", "owl"], ["dog", "cat"]]  # of cat and owl, equal, the first in order
    np.testing.assert_allclose(chances, [[0.7, 0.2], [0.5, 0.25]], rtol=1e-12)
    assert ranked(scores, CLASSES)[0].shape == (2, 3)


def test_scores_that_differ_by_little_keep_their_order() -> None:
    """In float32 both probabilities are 0.5; the model's own answer is the second class."""
    scores = np.array([[1.0, np.nextafter(np.float32(1), np.float32(2))]], dtype=np.float32)
    assert ranked(scores, ("a", "b"))[0].tolist() == [["b", "a"]]


def test_what_was_stored_is_read_back(make_run: Callable[..., Run]) -> None:
    run = make_run()
    assert load_predictions(run) is None
    scores = np.log(np.array([[0.7, 0.1, 0.2], [0.2, 0.5, 0.3]]))
    names = ("Früchte/Äpfel", "", "=cmd()")
    frame = tabulated("test", np.array([4, 9]), ["a.jpg", "中.png"], np.array([0, 2]), scores, names)
    store_predictions(run, Predictions(frame, names, None))
    found = load_predictions(run)
    assert found is not None
    assert (found.classes, found.epoch, found.splits) == (names, None, ("test",))
    assert found.frame[["split", "row", "file", "label", "predicted"]].to_numpy().tolist() == [
        ["test", 4, "a.jpg", "Früchte/Äpfel", "Früchte/Äpfel"],
        ["test", 9, "中.png", "=cmd()", ""],
    ]
    np.testing.assert_allclose(found.frame["probability"], [0.7, 0.3], rtol=1e-12)
    assert [list(one) for one in found.frame["top_classes"]] == [
        ["Früchte/Äpfel", "=cmd()", ""],
        ["", "=cmd()", "Früchte/Äpfel"],
    ]
    np.testing.assert_allclose(list(found.frame["top_probabilities"]), [[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]], rtol=1e-12)


def test_a_spreadsheet_gets_the_best_classes_side_by_side() -> None:
    scores = np.log(np.array([[0.7, 0.1, 0.2], [0.2, 0.5, 0.3]]))
    rows = tabulated("val", np.array([0, 1]), ["a", "b"], np.array([0, 0]), scores, CLASSES)
    table = flat(Predictions(rows, CLASSES, 0))
    assert list(table.columns[:6]) == ["split", "row", "file", "label", "predicted", "probability"]
    assert table[["class_1", "class_2", "class_3"]].to_numpy().tolist() == [
        ["cat", "owl", "dog"],
        ["dog", "owl", "cat"],
    ]
    np.testing.assert_allclose(table[["probability_1", "probability_3"]], [[0.7, 0.1], [0.5, 0.2]], rtol=1e-12)


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0.931, "93.1 %"),
        (1.0, "100.0 %"),
        (0.99951, "> 99.9 %"),
        (0.9994, "99.9 %"),
        (0.0004, "< 0.1 %"),
        (0.0, "0.0 %"),
    ],
)
def test_what_is_not_certain_is_never_called_so(probability: float, text: str) -> None:
    assert chance(probability) == text


@pytest.mark.parametrize("damage", [lambda content: content[:-40], lambda content: b"", lambda content: b"PAR1" * 9])
def test_a_damaged_file_is_named(make_run: Callable[..., Run], damage: Callable[[bytes], bytes]) -> None:
    run = make_run()
    store_predictions(run, both(COUNTS, COUNTS))
    run.predictions.write_bytes(damage(run.predictions.read_bytes()))
    with pytest.raises(LabError, match=f"predictions.parquet of run {run.id} is damaged"):
        load_predictions(run)
