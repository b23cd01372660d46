"""`predict` on real files: the same answers as the table that the run left, and every refusal by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrlab.datasets import add_dataset
from lrlab.experiments import Experiment
from lrlab.home import Home
from lrlab.runs import DatasetFacts, Run, create_run, load_predictions
from lrlab.training.worker import attempt

from .conftest import Lrlab


@pytest.fixture
def trained(home: Home, pictures: Path) -> Run:
    """A run of one epoch on the bright and dark pictures, with a best and a last model."""
    dataset = add_dataset(home, pictures, "lights")
    experiment = Experiment.model_validate(
        {
            "dataset": "lights", "image_size": 16, "batch_size": 8, "epochs": 2, "device": "cpu",
            "validation": {"fraction": 0.5}, "augment": {"normalization": "dataset"},
        }
    )  # fmt: skip
    facts = DatasetFacts(id=dataset.id, name="lights", classes=dataset.classes, train=12, val=12)
    run = create_run(home, experiment, dataset=facts, steps_per_epoch=1)
    assert attempt(home, run) == 0, run.record.cause
    return run


def test_the_files_of_the_validation_images_get_what_the_table_says(trained: Run, lrlab: Lrlab, pictures: Path) -> None:
    found = load_predictions(trained)
    assert found is not None
    table = found.of("val")
    files = [pictures / file for file in table["file"]]
    assert len(files) == 12 and all(file.is_file() for file in files)
    done = lrlab("predict", trained.id, *files, "--json")
    assert (done.code, done.err) == (0, "")
    assert [one["file"] for one in done.json] == [str(file) for file in files]
    assert [one["predicted"] for one in done.json] == table["predicted"].tolist()
    for one, row in zip(done.json, table.itertuples(), strict=True):
        assert [guess["class"] for guess in one["top"]] == list(row.top_classes)
        assert [guess["probability"] for guess in one["top"]] == pytest.approx(list(row.top_probabilities), abs=1e-6)


def test_for_a_person_it_is_a_table(trained: Run, lrlab: Lrlab, pictures: Path) -> None:
    file = pictures / "dark" / "0.png"
    done = lrlab("predict", trained.id, file, "--top", 1, "--model", "last")
    head, row = done.out.splitlines()
    assert head.split() == ["image", "class", "probability"]
    assert row.split()[0] == str(file) and row.split()[1] in ("bright", "dark") and row.endswith("%")


def test_what_cannot_be_read_is_named_and_the_rest_is_answered(
    trained: Run, lrlab: Lrlab, pictures: Path, tmp_path: Path
) -> None:
    text, cut = tmp_path / "notes.jpg", tmp_path / "cut.png"
    text.write_text("no image")
    cut.write_bytes((pictures / "dark" / "1.png").read_bytes()[:600])
    missing = tmp_path / "none.png"
    done = lrlab("predict", trained.id, text, pictures / "dark" / "1.png", cut, missing, tmp_path, "--json")
    assert done.code == 2
    assert [one["predicted"] is not None for one in done.json] == [False, True, False, False, False]
    reasons = ["is no image that lrlab reads", "is cut off before its end", "No such file", "Is a directory"]
    lines = done.err.splitlines()
    assert len(lines) == 4
    for line, path, reason in zip(lines, (text, cut, missing, tmp_path), reasons, strict=True):
        assert line.startswith("error: ") and str(path.name) in line and reason in line


def test_what_cannot_be_asked_is_refused(trained: Run, lrlab: Lrlab, pictures: Path) -> None:
    file = pictures / "dark" / "1.png"
    assert "--top: got 0, allowed: 1 or more" in lrlab("predict", trained.id, file, "--top", 0).err
    assert "there is no run 'nosuchrun'" in lrlab("predict", "nosuchrun", file).err
    trained.best_model.unlink()
    done = lrlab("predict", trained.id, file)
    assert (done.code, done.err) == (2, f"error: run {trained.id} has no best model yet\n")
    assert lrlab("predict", trained.id, file, "--model", "last").code == 0
    trained.last_model.write_bytes(b"no model")
    assert (
        "'last.safetensors' holds no model that lrlab saved"
        in lrlab("predict", trained.id, file, "--model", "last").err
    )
