"""The door of a lab for one person: what they may see is found, what they may do is done, and all else is refused.

Pages and routes ask here, never the rooms themselves, for everything that belongs to somebody. What a person may not
see is answered as what is not there, in the same words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lrlab import jobs
from lrlab.datasets import (
    Dataset,
    Sample,
    Source,
    Upload,
    among,
    begin_upload,
    cancel_upload,
    delete_dataset,
    list_datasets,
    load_dataset,
    no_upload,
    open_upload,
    share_dataset,
)
from lrlab.errors import Forbidden, NotFound, shown
from lrlab.experiments import Experiment, Finder
from lrlab.home import Home
from lrlab.rights import Owned, Person, demand, may, sees
from lrlab.runs import FINAL, Run, RunRecord, list_runs, load_run, no_run, rename, update
from lrlab.runs.record import Kind


@dataclass(frozen=True)
class Desk:
    """One person at one lab. NotFound where they do not see what they name, Forbidden where they may not do it."""

    home: Home
    person: Person

    def may(self, action: str, thing: Owned | None = None) -> bool:
        """Whether the person may do `action`, an entry of `rights.ACTIONS`, to `thing`."""
        return may(self.person, action, thing)

    def demand(self, action: str, thing: Owned | None = None) -> None:
        """Forbidden where they may not."""
        demand(self.person, action, thing)

    def sees(self, thing: Owned) -> bool:
        """Whether `thing` is there for the person."""
        return sees(self.person, thing)

    def mine(self, thing: Owned) -> bool:
        """Whether it is the person's own, whatever else they may do; with one local user everything is."""
        return self.person.role == "local" or thing.owner == self.person.mail

    # Runs

    def runs(self, kind: Kind | None = "train") -> list[Run]:
        """The runs that the person sees, the newest first; see `runs.list_runs`."""
        found = list_runs(self.home, kind)
        return found if self.person.may_all else [run for run in found if self._sees(run)]

    def run(self, run_id: str, action: str = "watch runs") -> Run:
        """The run `run_id`, for `action`."""
        run = load_run(run_id, self.home)
        if not self.person.may_all:
            record = run.record
            if not self.sees(record):
                raise no_run(run_id)
            self.demand(action, record)
        return run

    def submit(self, experiment: Experiment, finder: Finder | None = None) -> Run:
        """Starts a run of the person's own; see `jobs.submit`."""
        self.demand("start a run")
        self.dataset(experiment.dataset, "train on a data set")
        return jobs.submit(self.home, experiment, finder, owner=self.person.mail)

    def plan(self, experiment: Experiment, finder: Finder | None = None) -> jobs.Plan:
        """What `experiment` comes to on a data set that the person sees; see `jobs.plan`."""
        self.dataset(experiment.dataset, "train on a data set")
        return jobs.plan(self.home, experiment, finder)

    def resume(self, run_id: str, epochs: int | None = None) -> Run:
        """See `jobs.resume`."""
        return jobs.resume(self.home, self._with_images(run_id, "resume a run"), epochs)

    def retry(self, run_id: str) -> Run:
        """See `jobs.retry`."""
        return jobs.retry(self.home, self._with_images(run_id, "try a run again"))

    def evaluate(self, run_id: str) -> None:
        """Has the predictions of a run made that ended without; see `jobs.start_evaluation`."""
        jobs.start_evaluation(self.home, self._with_images(run_id, "evaluate a run"))

    def rename(self, run_id: str, name: str) -> RunRecord:
        """See `runs.rename`."""
        return rename(self.run(run_id, "rename a run"), name)

    def share(self, run_id: str, shared: bool) -> RunRecord:
        """Lets the class see a run, or no longer."""
        return update(self.run(run_id, "share a run with the class"), shared=shared)

    def delete(self, run_id: str) -> None:
        """See `jobs.delete`."""
        jobs.delete(self.home, self.run(run_id, "delete a run").id)

    # Images

    def datasets(self) -> list[Dataset]:
        """The data sets that the person sees, the newest first."""
        return [dataset for dataset in list_datasets(self.home) if self.sees(dataset)]

    def dataset(self, name_or_id: str, action: str = "look at images") -> Dataset:
        """The data set of that name or id, for `action`."""
        if self.person.may_all:
            return load_dataset(self.home, name_or_id)
        try:
            found = load_dataset(self.home, name_or_id)
        except NotFound:
            found = None
        if found is None or not self.sees(found):
            return among(self.datasets(), name_or_id)  # which it is not, so that the names they see are told
        self.demand(action, found)
        return found

    def users(self, dataset: Dataset) -> list[str]:
        """The names of the runs that still need `dataset`: waiting, running or stalled ones, whoever's they are."""
        names = []
        for run in list_runs(self.home, None):
            try:
                record = run.record
                if record.dataset.id == dataset.id and run.state not in FINAL:
                    names.append(record.name if self.sees(record) else "a run of somebody else")
            except NotFound:  # deleted while we looked
                continue
        return names

    def share_dataset(self, dataset_id: str, shared: bool) -> Dataset:
        """Lets the class see a data set and train on it, or no longer."""
        return share_dataset(self.home, self.dataset(dataset_id, "share a data set with the class").id, shared)

    def delete_dataset(self, dataset_id: str) -> None:
        """See `datasets.delete_dataset`."""
        delete_dataset(self.home, self.dataset(dataset_id, "delete a data set").id)

    def begin_upload(self, name: str, files: Sequence[tuple[str, int]]) -> Upload:
        """See `datasets.begin_upload`."""
        self.demand("upload images")
        return begin_upload(self.home, name, files, owner=self.person.mail)

    def upload(self, upload_id: str, action: str = "go on with an upload") -> Upload:
        """The person's own upload `upload_id`, for `action`."""
        upload = open_upload(self.home, upload_id)
        if not self.sees(upload):
            raise no_upload()
        self.demand(action, upload)
        return upload

    def cancel_upload(self, upload_id: str) -> None:
        """Leaves nothing of an upload; one that is gone is no error."""
        try:
            cancel_upload(self.home, self.upload(upload_id).id)
        except NotFound:
            return

    def start_import(self, source: Source, name: str) -> str:
        """Takes in images as a data set of the person's own; see `jobs.start_import`."""
        if isinstance(source, Sample):
            self.demand("add the sample set")
        elif isinstance(source, Upload):
            self.demand("go on with an upload", source)
        else:
            self.demand("add images that lie on the server")
        return jobs.start_import(self.home, source, name, owner=self.person.mail)

    def importing(self, import_id: str, action: str = "watch an import") -> jobs.ImportStatus:
        """How the person's own import `import_id` stands, for `action`."""
        status = jobs.import_status(self.home, import_id)
        if not self.sees(status):
            raise jobs.no_import(import_id)
        self.demand(action, status)
        return status

    def cancel_import(self, import_id: str) -> None:
        """See `jobs.cancel_import`."""
        jobs.cancel_import(self.home, self.importing(import_id, "cancel an import").id)

    def imports(self) -> list[jobs.ImportStatus]:
        """The person's own imports under way, the newest first."""
        return [status for status in jobs.running_imports(self.home) if self.mine(status)]

    def _with_images(self, run_id: str, action: str) -> str:
        """The id of a run that the person may do `action` to, and on whose images they may train."""
        run = self.run(run_id, action)
        if not self.person.may_all:  # for anybody else the room of jobs says what is not there
            facts = run.record.dataset
            try:
                self.dataset(facts.id, "train on a data set")
            except NotFound:
                gone = f"dataset: {shown(facts.name)} was deleted, or is not shared with you any more"
                raise Forbidden(gone, "dataset") from None
        return run.id

    def _sees(self, run: Run) -> bool:
        try:
            return self.sees(run.record)
        except NotFound:  # deleted since the runs were listed
            return False
