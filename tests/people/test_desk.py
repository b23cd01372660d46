"""At the desk: whose runs, data sets, uploads and imports somebody finds, and what they may do to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lrlab.datasets import Sample, add_dataset, add_sample, list_datasets
from lrlab.desk import Desk
from lrlab.errors import Forbidden, NotFound
from lrlab.experiments import Experiment
from lrlab.home import Home
from lrlab.jobs import evaluating, imports
from lrlab.rights import Person
from lrlab.runs import update


@pytest.fixture
def desks(home: Home, people: dict[str, Person]) -> dict[str, Desk]:
    return {name: Desk(home, person) for name, person in people.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight images of two classes."""
    dice = np.random.default_rng(0)
    for name in ("dark", "light"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(4):
            pixels = dice.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{number}.png")
    return tmp_path / "images"


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        ("ann", ["shared by Ann", "of Ann"]),
        ("ben", ["shared by Ann", "of Ben"]),
        ("teacher", ["shared by Ann", "of nobody", "of Ben", "of Ann"]),
        ("local", ["shared by Ann", "of nobody", "of Ben", "of Ann"]),
    ],
)
def test_whose_runs_are_listed(desks: dict[str, Desk], runs: Any, who: str, seen: list[str]) -> None:
    assert [run.record.name for run in desks[who].runs()] == seen


def test_a_run_unseen_is_a_run_that_is_not_there(desks: dict[str, Desk], runs: Any) -> None:
    with pytest.raises(NotFound) as unseen:
        desks["ben"].run(runs.ann.id)
    with pytest.raises(NotFound) as invented:
        desks["ben"].run("abcdefghij")
    assert str(unseen.value).replace(runs.ann.id, "ID") == str(invented.value).replace("abcdefghij", "ID")
    assert unseen.value.field == invented.value.field


@pytest.mark.parametrize(
    ("who", "whose", "refused"),
    [
        ("ann", "ann", None),
        ("ann", "ben", NotFound),
        ("ann", "local", NotFound),
        ("ben", "shared", Forbidden),
        ("teacher", "ann", None),
        ("local", "shared", None),
    ],
)
def test_who_renames_shares_and_deletes(desks: dict[str, Desk], runs: Any, who: str, whose: str, refused: Any) -> None:
    run, desk = getattr(runs, whose), desks[who]
    update(run, state="cancelled")
    deeds = [lambda: desk.rename(run.id, "new"), lambda: desk.share(run.id, True), lambda: desk.delete(run.id)]
    for deed in deeds:
        if refused:
            with pytest.raises(refused):
                deed()
        else:
            deed()
    assert run.folder.exists() == bool(refused)


def test_what_is_shared_no_more_is_there_no_more(desks: dict[str, Desk], runs: Any) -> None:
    assert desks["ben"].run(runs.shared.id)
    desks["ann"].share(runs.shared.id, False)
    with pytest.raises(NotFound):
        desks["ben"].run(runs.shared.id)


def test_a_run_is_of_whoever_starts_it(desks: dict[str, Desk], home: Home, folder: Path, woken: list[Home]) -> None:
    add_dataset(home, folder, "hers", owner="ann@school.example")
    experiment = Experiment(dataset="hers", batch_size=2, epochs=1)
    with pytest.raises(NotFound, match="there are: none"):  # names of others' data sets are not told
        desks["ben"].submit(experiment)
    with pytest.raises(NotFound):
        desks["ben"].plan(experiment)
    assert desks["ann"].submit(experiment).record.owner == "ann@school.example"
    assert desks["teacher"].submit(experiment).record.owner == "tea.cher@school.example"
    assert desks["local"].submit(experiment).record.owner == ""


@pytest.mark.parametrize(
    "deed",
    [
        lambda desk, run: desk.resume(run.id, 10_000),
        lambda desk, run: desk.retry(run.id),
        lambda desk, run: desk.evaluate(run.id),
    ],
    ids=["resume", "retry", "evaluate"],
)
@pytest.mark.usefixtures("woken")
def test_what_needs_the_images_needs_the_right_to_them(
    desks: dict[str, Desk], home: Home, folder: Path, runs: Any, monkeypatch: pytest.MonkeyPatch, deed: Any
) -> None:
    done: list[str] = []
    monkeypatch.setattr(evaluating, "start_evaluation", lambda home, run_id: done.append(run_id))
    lent = add_dataset(home, folder, "lent", owner="tea.cher@school.example")
    facts = runs.ann.record.dataset.model_copy(update={"id": lent.id, "name": "lent"})
    update(runs.ann, state="cancelled", dataset=facts)
    before = runs.ann.record
    with pytest.raises(Forbidden, match="dataset: 'lent' was deleted, or is not shared with you any more"):
        deed(desks["ann"], runs.ann)
    with pytest.raises(NotFound):  # whose run it is not
        deed(desks["ben"], runs.ann)
    assert (runs.ann.record, done) == (before, [])
    desks["teacher"].share_dataset(lent.id, True)
    deed(desks["ann"], runs.ann)
    assert runs.ann.record.state == "queued" or done == [runs.ann.id]


def test_whose_data_sets_are_listed(desks: dict[str, Desk], home: Home, folder: Path) -> None:
    hers = add_dataset(home, folder, "hers", owner="ann@school.example")
    add_dataset(home, folder, "nobodys")
    add_sample(home)
    assert {dataset.name for dataset in desks["ben"].datasets()} == {Sample.name}
    assert {dataset.name for dataset in desks["ann"].datasets()} == {Sample.name, "hers"}
    assert len(desks["teacher"].datasets()) == len(desks["local"].datasets()) == 3
    with pytest.raises(Forbidden):
        desks["ben"].delete_dataset(next(d.id for d in list_datasets(home) if d.name == Sample.name))
    with pytest.raises(NotFound):
        desks["ben"].share_dataset(hers.id, True)
    desks["ann"].share_dataset(hers.id, True)
    assert desks["ben"].dataset("hers").content == hers.content
    with pytest.raises(Forbidden):
        desks["ben"].delete_dataset(hers.id)
    desks["ann"].delete_dataset(hers.id)
    assert {dataset.name for dataset in list_datasets(home)} == {"nobodys", Sample.name}


def test_a_data_set_in_use_is_in_use_whoever_asks(desks: dict[str, Desk], home: Home, folder: Path, runs: Any) -> None:
    hers = add_dataset(home, folder, "hers", owner="ann@school.example")
    facts = runs.ann.record.dataset.model_copy(update={"id": hers.id})
    for run in (runs.ann, runs.ben):
        update(run, dataset=facts)
    assert sorted(desks["ann"].users(hers)) == ["a run of somebody else", "of Ann"]
    assert sorted(desks["teacher"].users(hers)) == ["of Ann", "of Ben"]


def test_uploads_and_imports_are_their_own(desks: dict[str, Desk], home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "_spawn", lambda home, import_id: None)
    upload = desks["ann"].begin_upload("new", [("a/1.png", 0), ("b/2.png", 0)])
    with pytest.raises(NotFound):
        desks["ben"].upload(upload.id)
    desks["ben"].cancel_upload(upload.id)  # finds nothing of his to cancel
    assert desks["ann"].upload(upload.id).folder.is_dir()
    for number in range(2):
        upload.receive(number).close()
    with pytest.raises(Forbidden):
        desks["ben"].start_import(upload, "new")
    started = desks["ann"].start_import(upload, "new")
    assert desks["ann"].importing(started).owner == "ann@school.example"
    assert [status.id for status in desks["ann"].imports()] == [started] == [s.id for s in desks["local"].imports()]
    assert desks["ben"].imports() == desks["teacher"].imports() == []
    assert desks["teacher"].importing(started)  # who may look at it, where it is named
    with pytest.raises(NotFound):
        desks["ben"].importing(started)
    with pytest.raises(NotFound):
        desks["ben"].cancel_import(started)
    desks["ann"].cancel_upload(upload.id)
    assert not upload.folder.exists()


@pytest.mark.parametrize("who", ["ann", "ben"])
def test_only_a_teacher_names_a_folder_of_the_server(desks: dict[str, Desk], folder: Path, who: str) -> None:
    with pytest.raises(Forbidden, match="only a teacher may add images that lie on the server"):
        desks[who].start_import(str(folder), "mine")
