"""What was true at each revision: the records, and what each reader may see of them.

Worked out from the records alone, in a way that shares nothing with the engine. What one
revision has in common with the one before it is worked out once.
"""

from __future__ import annotations

import msgspec

from confwire.messages import Record
from tests.proxyapp.engine.bench import T
from tests.simulation.sites import Sites
from tests.simulation.vocabulary import (
    APPLICATION,
    FOLDER,
    GROUP,
    PERSON,
    TENANT,
    Document,
    Key,
    Place,
    document_of,
)

LEAVES = {T["skill"], T["agentGroup"]}
"""Types in which nothing lies and which grant nothing to others."""
READ, EXECUTE, NO_PROPAGATE = 1, 8, 128


class Moment:
    """The data at one revision."""

    def __init__(
        self,
        place: Place,
        at: float,
        records: dict[Key, Record],
        before: Moment | None,
        changed: list[Key],
    ) -> None:
        self.place = place
        self.at = at
        """When it was committed, in seconds of the simulation."""
        self.records = records
        self.before = before
        """The moment before it, in the same epoch."""
        self.changed = changed
        self.is_plain = before is not None and all(map(self._is_leaf, changed))
        """It surely changes nobody's rights and no places."""
        self._rights: _Rights | None = None
        self._views: dict[tuple[int, int, str], dict[Key, Document]] = {}

    def __repr__(self) -> str:
        return f"<Moment {self.place[0]}:{self.place[1]}>"

    def _is_leaf(self, key: Key) -> bool:
        assert self.before is not None
        old, new = self.before.records.get(key), self.records.get(key)
        if key[0] not in LEAVES:
            return False
        if not (old and old.acl) and not (new and new.acl):
            return True
        kept = old is not None and new is not None and old.folder == new.folder
        return kept and old.acl == new.acl

    def rights(self) -> _Rights:
        if self._rights is None:
            if self.is_plain:
                assert self.before is not None
                self._rights = self.before.rights()
            else:
                self._rights = _Rights(self.records)
        return self._rights

    def may(self, person: int, key: Key, right: int = READ) -> bool:
        """Whether a person has a right on an object."""
        return bool(self.rights().mask(person, self.records[key]) & right)

    def admits(self, person: int, application: int) -> bool:
        """Whether a person may be logged in with an application."""
        account = self.records[PERSON, person]
        enabled = document_of(account).get("state") != "disabled"
        return enabled and self.may(person, (APPLICATION, application), EXECUTE)

    def shows(self, site: int, key: Key) -> bool:
        """Whether a server shows an object to anybody.

        Args:
            site: the DBID of the server's application; 0 for a master.
        """
        sites, item = self.rights().sites, self.records.get(key)
        return item is not None and sites.shows(sites.text(site), item)

    def view(self, person: int, specs: Specs, site: int = 0) -> dict[Key, Document]:
        """Return what a person with these subscriptions sees at a server; must not be changed."""
        limit = self.rights().sites.text(site)
        known = person, specs.number, limit
        found = self._views.get(known)
        if found is None:
            if self.is_plain and self.before is not None and known in self.before._views:
                found = self._patched(self.before._views[known], person, specs, limit)
            else:
                found = {
                    key: document_of(item)
                    for key, item in self.records.items()
                    if self._is_seen(person, specs, item, limit)
                }
            self._views[known] = found
        return found

    def _patched(
        self, before: dict[Key, Document], person: int, specs: Specs, limit: str
    ) -> dict[Key, Document]:
        found = dict(before)
        for key in self.changed:
            item = self.records.get(key)
            if item is not None and self._is_seen(person, specs, item, limit):
                found[key] = document_of(item)
            else:
                found.pop(key, None)
        return found

    def _is_seen(self, person: int, specs: Specs, item: Record, limit: str) -> bool:
        rights = self.rights()
        if not specs.match(item, rights) or not rights.sites.shows(limit, item):
            return False
        return bool(rights.mask(person, item) & READ)

    def logs(self, specs: Specs, item: Record) -> bool:
        """Whether some subscription of the mode log matches."""
        return specs.match(item, self.rights(), "log")


class _Rights:
    """Places, groups and grants of one moment, and of all that differ in none of these."""

    def __init__(self, records: dict[Key, Record]) -> None:
        self._records = records
        self._parents = {dbid: item.folder for (kind, dbid), item in records.items()
                         if kind == FOLDER}  # fmt: skip
        self._groups = {dbid: document_of(item) for (kind, dbid), item in records.items()
                        if kind == GROUP}  # fmt: skip
        self._subjects: dict[int, set[Key]] = {}
        self._ancestors: dict[int, list[int]] = {}
        self._below: dict[tuple[int, Key], int] = {}
        self.sites = Sites(records, self.chain)

    def ancestors(self, folder: int) -> list[int]:
        """Return a folder and those above it."""
        found = self._ancestors.get(folder)
        if found is None:
            found, at = [], folder
            while at in self._parents and at not in found:
                found.append(at)
                at = self._parents[at]
            self._ancestors[folder] = found
        return found

    def subjects(self, person: int) -> set[Key]:
        """Return as whom grants may name a person."""
        found = self._subjects.get(person)
        if found is None:
            found = {(PERSON, person)}
            off = {g for g, doc in self._groups.items() if doc.get("state") == "disabled"}
            for group, document in self._groups.items():
                if document["type"] == "everyone" and group not in off:
                    found.add((GROUP, group))
            members = {
                group: {(T[m["objectType"]], m["DBID"]) for m in document.get("members", ())}
                for group, document in self._groups.items()
            }
            for _ in members:
                found |= {(GROUP, group) for group, held in members.items() if held & found}
            found -= {(GROUP, group) for group in off}
            self._subjects[person] = found
        return found

    def mask(self, person: int, item: Record) -> int:
        """Return a person's rights on an object: the nearest grant to each of its subjects."""
        chain = self.chain(item)
        if not item.acl:  # all that lie at one place are alike
            known = person, chain[1] if len(chain) > 1 else (0, 0)
            found = self._below.get(known)
            if found is None:
                found = self._below[known] = self._mask(person, chain, item)
            return found
        return self._mask(person, chain, item)

    def _mask(self, person: int, chain: list[Key], item: Record) -> int:
        subjects, nearest = self.subjects(person), {}
        for at in chain:
            place = self._records.get(at) if at != (item.type, item.dbid) else item
            for kind, dbid, mask in (place.acl or ()) if place is not None else ():
                if (kind, dbid) in subjects and (place is item or not mask & NO_PROPAGATE):
                    nearest.setdefault((kind, dbid), mask)
        result = 0
        for mask in nearest.values():
            result |= mask
        return result

    def chain(self, item: Record) -> list[Key]:
        """Return an object and what it lies in, upwards."""
        folders = self.ancestors(item.folder) if item.folder else []
        found = [(item.type, item.dbid), *((FOLDER, dbid) for dbid in folders)]
        lowest = self._records.get(found[-1]) if folders else item
        if lowest is not None and lowest.type == FOLDER:
            owner = document_of(lowest)["owner"]
            found.append((T[owner["objectType"]], owner["DBID"]))
        return found


class Specs:
    """The subscriptions of a session."""

    _known: dict[bytes, int] = {}

    def __init__(self, specs: dict[str, Document]) -> None:
        self.by_name = specs
        text = msgspec.json.encode(specs, order="sorted")
        self.number = Specs._known.setdefault(text, len(Specs._known))
        """The same for all that are equal."""
        self.has_log = any(spec.get("mode", "log") == "log" for spec in specs.values())
        self._conditions = [_Conditions(spec) for spec in specs.values()]

    def match(self, item: Record, rights: _Rights, mode: str = "") -> bool:
        """Whether some subscription asks for an object, whoever may read it."""
        return any(
            one.hold(item, rights) for one in self._conditions if not mode or one.mode == mode
        )


class _Conditions:
    def __init__(self, spec: Document) -> None:
        self.mode = spec.get("mode", "log")
        self._types = {T[name] for name in spec.get("types", ())}
        self._objects = {(T[o["objectType"]], o["DBID"]) for o in spec.get("objects", ())}
        self._tenants = set(spec.get("tenants", ()))
        self._folders = set(spec.get("folders", ()))
        self._filter = spec.get("filter", {})

    def hold(self, item: Record, rights: _Rights) -> bool:
        if self._types and item.type not in self._types:
            return False
        if self._objects and (item.type, item.dbid) not in self._objects:
            return False
        if self._folders:
            folder = item.dbid if item.type == FOLDER else item.folder
            if self._folders.isdisjoint(rights.ancestors(folder)):
                return False
        if self._tenants and _tenant_of(item) not in self._tenants:
            return False
        return not self._filter or _passes(document_of(item), self._filter)


def _tenant_of(item: Record) -> int:
    if item.type == TENANT:
        return item.dbid
    document = document_of(item)
    if item.type == FOLDER:
        return int(document["owner"]["DBID"])
    return int(document.get("tenantDBID", 0))


def _passes(document: Document, conditions: Document) -> bool:
    name, state = conditions.get("name"), conditions.get("state")
    if conditions.get("dbid") not in (None, document["DBID"]):
        return False
    return (name is None or document.get("name", "").casefold() == name.casefold()) and (
        state is None or document.get("state", "enabled") == state
    )


class Truth:
    """Every moment of every epoch."""

    def __init__(self) -> None:
        self.moments: dict[Place, Moment] = {}
        self.present: Moment | None = None

    def note(self, place: Place, at: float, records: dict[Key, Record], changed: list[Key]) -> None:
        """A transaction was committed, or a new epoch begun where nothing is given as changed."""
        before = self.moments.get((place[0], place[1] - 1))
        self.present = self.moments[place] = Moment(place, at, records, before, changed)

    def missed(self, place: Place, before: float) -> Moment | None:
        """Return the first moment after a place that was committed before a time."""
        epoch, revision = place
        found = self.moments.get((epoch, revision + 1))
        return found if found is not None and found.at < before else None

    def between(self, epoch: str, after: int, upto: int) -> list[Moment]:
        """Return the moments behind one revision up to another."""
        return [self.moments[epoch, n] for n in range(after + 1, upto + 1)]
