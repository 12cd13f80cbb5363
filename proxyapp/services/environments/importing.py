"""Imports: the objects of environment files are brought into the configuration, all or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import DataError

from confwire.delta import diff
from confwire.errors import RequestError
from confwire.objects import ObjectType
from proxyapp.models import Application
from proxyapp.models.redundancy import port_refusals, refusals_of
from proxyapp.services import changes, documents, objects
from proxyapp.services.changes import Work
from proxyapp.services.environments import reading
from proxyapp.services.environments.errors import FileError
from proxyapp.services.environments.natural_keys import NaturalKey
from proxyapp.services.environments.planning import Plan, after, resolved
from proxyapp.services.environments.reading import Entry
from proxyapp.services.environments.steps import Step

T = ObjectType

CREATED, UPDATED, SKIPPED = "+", "~", "="

_MOST_AT_ONCE = 1000  # objects that one statement inserts


@dataclass(slots=True)
class Report:
    """What an import did."""

    lines: list[str] = field(default_factory=list)
    """One for each step: sign and label."""
    counts: Counter[str] = field(default_factory=Counter)
    """Sign -> how many steps."""
    warnings: list[str] = field(default_factory=list)

    def add(self, sign: str, key: NaturalKey) -> None:
        """Take note of a step."""
        self.lines.append(f"{sign} {key}")
        self.counts[sign] += 1


def validate(paths: Sequence[Path]) -> Plan:
    """Return the plan of an import that could take place.

    Raises:
        FileError: a file is no environment file.
        ValidationFailed: properties or dependencies are missing, or cannot change.
    """
    plan = Plan([entry for path in paths for entry in reading.read(path)])
    plan.entries.sort(key=lambda entry: entry.info.plural.casefold())
    plan.validate()
    return plan


def import_files(paths: Sequence[Path]) -> Report:
    """Bring the objects of files into the configuration, in one transaction.

    Raises:
        FileError: a file is no environment file, or one of its objects is refused.
        ValidationFailed: as `validate`.
        RequestError: the data would not hold together.
    """
    with changes.commit(by=None, origin=_origin(paths)) as work:
        plan = validate(paths)
        plan.arrange()
        writer = _Writer(plan, work)
        writer.run()
        writer.report.warnings = [*_unknown(plan.entries), *_rule_warnings(plan)]
    return writer.report


def _origin(paths: Sequence[Path]) -> str:
    return f"importconfig {', '.join(path.name for path in paths)}"


# ---------------------------------------------------------------- writing


class _Writer:
    """Carries out the steps of a plan; creations of one type that follow each other go together."""

    def __init__(self, plan: Plan, work: Work) -> None:
        self.report = Report()
        self._plan = plan
        self._directory = plan.directory
        self._work = work
        self._waiting: list[Step] = []

    def run(self) -> None:
        """Carry out all steps."""
        for step in self._plan.steps:
            if not self._fits(step):
                self._flush()
            if step.action == CREATED:
                self._waiting.append(step)
            elif step.action == UPDATED:
                self._update(step)
            else:
                self.report.add(SKIPPED, step.entry.key)
        self._flush()

    def _fits(self, step: Step) -> bool:
        """Whether a step can be put off until those that wait are carried out."""
        if not self._waiting:
            return True
        first = self._waiting[0].entry
        return (
            step.action == CREATED
            and step.entry.info is first.info
            and first.info.type is not T.FOLDER
            and len(self._waiting) < _MOST_AT_ONCE
            and all(self._directory.dbid_of(key) is not None for key in step.references())
        )

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        self._directory.forget_missing()
        if self._came_with_its_owner(waiting[0]):
            return
        info = waiting[0].entry.info
        place = waiting[0].entry.place if len(waiting) == 1 else f"{info.plural} of the files"
        with _explained(place):
            given = [self._new_document(step) for step in waiting]
            dbids = objects.create_many(info.name, given, work=self._work)
        for step, dbid in zip(waiting, dbids, strict=True):
            self._directory.remember(step.entry.key, dbid)
            self.report.add(CREATED, step.entry.key)

    def _came_with_its_owner(self, step: Step) -> bool:
        """Whether the step's folder is there by now, as a default folder of a new object."""
        if step.entry.info.type is not T.FOLDER:
            return False
        dbid = self._directory.dbid_of(step.entry.key)
        if dbid is not None:
            self._update(Step(UPDATED, step.entry, step.given, dbid))
        return dbid is not None

    def _new_document(self, step: Step) -> dict[str, Any]:
        document = {
            name: resolved(step.entry.info.by_name[name], value, self._directory.dbid_of)
            for name, value in step.given.items()
        }
        folder = self._folder_of(step.entry)
        return document | ({"folderDBID": folder} if folder else {})

    def _folder_of(self, entry: Entry) -> int:
        if entry.folder is not None:
            return self._directory.dbid_of(entry.folder) or 0
        if entry.info.type is T.FOLDER:
            return self._directory.level_of(entry.given["owner"], entry.given["type"])
        return 0

    def _update(self, step: Step) -> None:
        info = step.entry.info
        dbid = step.dbid or self._directory.dbid_of(step.entry.key)
        assert dbid is not None, step
        old = documents.document_of(documents.find(info.type, [dbid]).get())
        delta = diff(info, old, after(step.entry, step.given, old, self._directory))
        if delta:
            with _explained(step.entry.place):
                objects.update(info.name, dbid, delta, by=None, origin=self._work.origin)
        self.report.add(UPDATED if delta or step.dbid is None else SKIPPED, step.entry.key)


@contextmanager
def _explained(place: str) -> Iterator[None]:
    """Say which object of a file it was that was refused."""
    try:
        yield
    except (RequestError, DataError) as error:
        raise FileError(f"{place}: {error}") from error


# ---------------------------------------------------------------- warnings


def _unknown(entries: Sequence[Entry]) -> Iterator[str]:
    for entry in entries:
        for name in entry.unknown:
            yield f"{entry.place}: there is no property {name} here, so it is left out"


def _rule_warnings(plan: Plan) -> Iterator[str]:
    """Yield what a strict server would refuse in the applications that were written."""
    written = {
        plan.directory.dbid_of(step.entry.key): step.entry
        for step in plan.steps
        if step.entry.info.type is T.APPLICATION and step.action != SKIPPED
    }
    for application in documents.find(T.APPLICATION, [dbid for dbid in written if dbid]):
        entry = written[application.dbid]
        for problem in (*_problems_of(application), *_contradictions(application, entry)):
            yield f"{entry.key}: {problem}"


def _problems_of(application: Application) -> Iterator[str]:
    ports = list(application.ports.all())
    refusals = dict.fromkeys((*refusals_of(application), *port_refusals(ports)))
    yield from (message for _, message in refusals)
    used = [port.conn_protocol for port in ports]
    used += [connection.conn_protocol for connection in application.connections.all()]
    for protocol in dict.fromkeys(used):
        if protocol not in ("", "addp"):
            yield f"{protocol} is no connection protocol"


def _contradictions(application: Application, entry: Entry) -> Iterator[str]:
    given = entry.given.get("isPrimary")
    if given is not None and given != application.is_primary:
        yield f"isPrimary is not {str(given).lower()}: it follows from who is whose backup"
