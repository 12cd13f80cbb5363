"""Reverts in random order against a model that knows nothing of how they are made.

The model has objects as flat properties. It says what each revert leads to, what stands against it
and when it is refused. CSPROXY_TEST_REVERTS transactions are made and reverted, by a generator that
begins at CSPROXY_TEST_SEED.
"""

from __future__ import annotations

import json
import os
import random
from typing import Any

import pytest

from confwire.errors import HistoryExpired, RequestError, UniquenessViolation
from confwire.objects import ObjectType
from historylog import retention
from historylog.models import ChangeRecord, Transaction
from historylog.reader import floor
from historylog.retention import Limits
from historylog.verification import verify
from proxyapp.models import Document, Folder, Person, Revision
from proxyapp.services import access, asof, changes, objects, reverting
from proxyapp.services.documents import find
from proxyapp.services.reverting import Conflicting
from tests.pastmodel import replay, transact, whole

REVERTS = int(os.environ.get("CSPROXY_TEST_REVERTS", "40"))
SEED = int(os.environ.get("CSPROXY_TEST_SEED", "1"))
MOST_SKILLS = 10 + REVERTS // 5
SKILL = ObjectType.SKILL
WHO: dict[str, Any] = {"by": None, "origin": "revert"}
NAMES = [f"{word} {number}" for word in ("English", "Ελληνικά") for number in range(REVERTS)]

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(3600)]
Properties = dict[str, Any]
Skills = dict[int, Properties]
"""DBID -> properties by their paths; what is not set is not there."""


def now() -> int:
    return Revision.objects.get().number


def flat(body: str, acl: str) -> Properties:
    document = json.loads(body)
    found = {name: document[name] for name in ("name", "state", "folderDBID")}
    for section, members in document.get("userProperties", {}).items():
        found |= {f"userProperties.{section}.{key}": value for key, value in members.items()}
    return found | ({"permissions": acl} if acl else {})


def skills_now() -> Skills:
    rows = Document.objects.filter(type=int(SKILL))
    return {row.dbid: flat(row.body, row.acl) for row in rows}


class Model:
    """What there should be, as of each revision."""

    def __init__(self) -> None:
        self.first = now()
        self.states: dict[int, Skills] = {self.first: skills_now()}

    @property
    def present(self) -> Skills:
        return self.states[max(self.states)]

    def undone(self, revision: int, *, overwrite: bool) -> tuple[Skills, set[Any]]:
        """Return what a revert should lead to, and the conflicts (DBID, reason, path)."""
        before, after, present = self.states[revision - 1], self.states[revision], self.present
        result, conflicts = dict(present), set()
        for dbid in before.keys() | after.keys():
            versions = before.get(dbid), after.get(dbid), present.get(dbid)
            if versions[0] == versions[1]:
                continue
            found, against = _without(*versions, overwrite=overwrite)
            conflicts |= {(dbid, *conflict) for conflict in against}
            result.pop(dbid, None)
            if found is not None:
                result[dbid] = found
        return result, conflicts


def _without(
    before: Properties | None,
    after: Properties | None,
    present: Properties | None,
    *,
    overwrite: bool,
) -> tuple[Properties | None, list[tuple[str, str]]]:
    if before is None or after is None or present is None:
        if present == after:
            return before, []
        if present == before:
            return present, []
        reason = "createdAgain" if after is None else "changedLater"
        reason = "deletedLater" if present is None else reason
        return before if overwrite else present, [(reason, "")]
    result, conflicts = dict(present), []
    for path in before.keys() | after.keys():
        old, new, last = before.get(path), after.get(path), present.get(path)
        if old == new or last == old:
            continue
        if last != new:
            conflicts.append(("changedLater", path))
            if not overwrite:
                continue
        result.pop(path, None)
        if old is not None:
            result[path] = old
    return result, conflicts


# ---------------------------------------------------------------- random transactions


def step(run: random.Random, folders: list[int]) -> None:
    skills = sorted(Document.objects.filter(type=int(SKILL)).values_list("dbid", flat=True))
    what = run.choices(["create", "change", "delete", "grant"], [3, 8, 1, 2])[0]
    if len(skills) < 3 or (what == "create" and len(skills) < MOST_SKILLS):
        properties = {run.choice("ab"): {run.choice("xyz"): run.randint(0, 3)}}
        document = {"tenantDBID": 1, "name": run.choice(NAMES), "userProperties": properties}
        objects.create("skill", document, run.choice(folders), by=None, origin="run")
    elif what == "delete":
        objects.delete("skill", run.choice(skills), by=None, origin="run")
    elif what == "grant":
        target, person = find(SKILL, [run.choice(skills)]).first(), Person.objects.get(dbid=100)
        if target is not None:
            access.grant(target, person, run.choice([1, 5, 127]), by=None, origin="run")
    else:
        delta: dict[str, Any] = run.choice(
            [
                {"name": run.choice(NAMES)},
                {"state": run.choice(["enabled", "disabled"])},
                {"folderDBID": run.choice(folders)},
                {"userProperties": {run.choice("ab"): {run.choice("xyz"): run.randint(0, 3)}}},
                {"userProperties": {run.choice("ab"): None}},
            ]
        )
        objects.update("skill", run.choice(skills), delta, by=None, origin="run")


def commit(run: random.Random, folders: list[int]) -> bool:
    """Make one transaction; tell whether it became a revision."""
    start = now()
    try:
        with changes.commit(by=None, origin="run"):
            for _ in range(run.randint(1, 3)):
                step(run, folders)
    except RequestError:
        return False
    return now() > start


def revert(run: random.Random, model: Model, revision: int) -> str:
    """Revert a transaction as the model says; return what became of it."""
    overwrite = run.random() < 0.5
    expected, conflicts = model.undone(revision, overwrite=overwrite)
    plan = reverting.of_transaction(revision, by=None, overwrite=overwrite)
    found = {(c.key[1], c.reason, c.path) for c in plan.conflicts if c.key is not None}
    assert (found, len(plan.conflicts)) == (conflicts, len(conflicts)), revision
    if conflicts:
        with pytest.raises(Conflicting):
            reverting.revert(plan, **WHO)
    start = now()
    names = [properties["name"] for properties in expected.values()]
    if len(set(names)) < len(names):
        with pytest.raises(UniquenessViolation):
            reverting.revert(plan, **WHO, accept_conflicts=True)
        assert skills_now() == model.present
        return "refused"
    result = reverting.revert(plan, **WHO, accept_conflicts=True)
    assert skills_now() == expected, revision
    if expected == model.present:
        assert result.revision is None
        return "empty"
    assert result.revision == now() == start + 1
    model.states[start + 1] = expected
    return "conflicting" if conflicts else "clean"


def check(model: Model, every: int) -> int:
    """Compare the past with model and journal; return how many revisions were."""
    journal, position = replay(), Revision.objects.get()
    assert list(verify(position.number, position.chain)) == []
    kept = range(max(model.first, floor()), position.number + 1, every)
    for revision in kept:
        then = whole(revision)
        assert then == journal[revision], revision
        found = {key[1]: flat(*state) for key, state in then.items() if key[0] == int(SKILL)}
        assert found == model.states[revision], revision
    return len(kept)


def prune_half(first: int) -> None:
    middle = (first + now()) // 2
    surplus = ChangeRecord.objects.filter(revision__gt=middle).count()
    retention.prune(Limits(10**4, surplus), Transaction.objects.latest("revision").at)
    assert floor() == middle
    with pytest.raises(HistoryExpired):
        asof.Past(middle - 1)


def test_reverts_do_what_the_model_says() -> None:
    run = random.Random(SEED)
    folders = [Folder.objects.get(type="skill", folder=None).dbid]
    folders += [
        objects.create("folder", {"name": name, "type": "skill"}, by=None, origin="run").dbid
        for name in ("one", "two")
    ]
    model = Model()
    while len(model.states) <= REVERTS:
        if commit(run, folders):
            model.states[now()] = skills_now()
    todo = list(range(model.first + 1, now() + 1))
    run.shuffle(todo)
    outcomes = [revert(run, model, revision) for revision in todo]
    every = max(1, REVERTS // 10)
    compared = [check(model, every)]
    prune_half(model.first)
    compared.append(check(model, every))
    counts = {name: outcomes.count(name) for name in sorted(set(outcomes))}
    print(f"seed {SEED}: {len(todo)} reverts, {counts}, revisions compared {compared}")
    assert {"clean", "conflicting"} <= counts.keys()


def test_reverts_of_all_kinds_of_objects_leave_a_true_past() -> None:
    run = random.Random(SEED)
    first = now()
    while now() < first + REVERTS:
        transact(run)
    todo = list(range(first + 1, now() + 1))
    run.shuffle(todo)
    refused = 0
    for revision in todo:
        start = now()
        plan = reverting.of_transaction(revision, by=None, overwrite=run.random() < 0.5)
        try:
            result = reverting.revert(plan, **WHO, accept_conflicts=True)
        except RequestError:
            refused += 1
            assert now() == start
        else:
            assert (result.revision or start) == now()
    for _ in range(2):
        journal, position = replay(), Revision.objects.get()
        assert list(verify(position.number, position.chain)) == []
        for revision in range(max(first, floor()), now() + 1, max(1, REVERTS // 10)):
            assert whole(revision) == journal[revision], revision
        if floor() == 0:
            prune_half(first)
    print(f"seed {SEED}: {len(todo)} reverts, {refused} refused, {now() - first} revisions")
