"""What a reader may do: accounts, their groups, and the masks that result at each place.

Readers with the same rights share one `Profile`, so that the check on the hot path is one
dictionary look-up and a notification is worked out once for all of them. Rule: at a place the
nearest grant upwards counts for each subject; a person has the union over itself and all its
groups; nothing granted is forbidden.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from confwire.objects import BY_NAME, SUPER_ADMINISTRATORS, ObjectType
from proxyapp.engine.data.limits import Limit, is_shown
from proxyapp.engine.data.rights import READ, RightsNode, Subject
from proxyapp.engine.data.rows import Row
from proxyapp.engine.data.store import Store

_ALL = 255
_PERSON = int(ObjectType.PERSON)
_GROUP = int(ObjectType.ACCESS_GROUP)


class Profile:
    """The rights of all accounts that the grants do not tell apart, as far as a limit shows."""

    __slots__ = ("_whole", "limit", "masks", "subjects")

    def __init__(self, subjects: frozenset[Subject], limit: Limit | None = None) -> None:
        self.subjects = subjects
        self.limit = limit
        self._whole = Profile(subjects) if limit is not None else None
        # Open to the shortest way of reading, which asks `mask` for what is missing here.
        # Invariant: emptied whenever grants or places change; a missing node is worked out anew.
        self.masks: dict[RightsNode, int] = {}

    def __repr__(self) -> str:
        return f"<Profile {sorted(self.subjects)}>"

    @property
    def whole(self) -> Profile:
        """The same rights without the limit: those that the account itself has."""
        return self if self._whole is None else self._whole

    def mask(self, node: RightsNode) -> int:
        """Return the rights at a place."""
        mask = self.masks.get(node)
        if mask is None:
            mask = 0
            if is_shown(self.limit, node):
                for subject in self.subjects:
                    mask |= node.nearest(subject)
            self.masks[node] = mask
        return mask

    def may_read(self, row: Row) -> bool:
        return bool(self.mask(row.node) & READ)

    def readable(self, rows: list[Row]) -> list[Row]:
        """Return those of some rows that may be read."""
        hidden = {node for node in {row.node for row in rows} if not self.mask(node) & READ}
        return [row for row in rows if row.node not in hidden] if hidden else rows

    def limit_to(self, limit: Limit | None) -> None:
        """Show this part of the data from now on, to whoever has the profile."""
        self.limit = limit
        self._whole = Profile(self.subjects) if limit is not None else None
        self.masks.clear()

    def forget(self) -> None:
        """Work every mask out anew: grants or places have changed."""
        self.masks.clear()
        if self._whole is not None:
            self._whole.forget()


class ServerProfile(Profile):
    """The profile of a server link: it sees all."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(frozenset())

    def mask(self, node: RightsNode) -> int:
        return _ALL


class Access:
    """The memberships of one store, and the profiles made from them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._groups_of: dict[Subject, set[int]] = {}
        self._members: dict[int, frozenset[Subject]] = {}
        self._everyone: set[int] = set()
        self._profiles: dict[frozenset[Subject], Profile] = {}
        self._of_persons: dict[int, Profile] = {}
        """What `profile_of` has found, until groups or the subjects of grants change."""
        self._as_of = 0
        self.limit: Limit | None = None
        """What is shown of all data; None is no limit."""

    def limit_to(self, limit: Limit | None) -> None:
        """Show this part of the data; the profiles that were given out follow at once."""
        if limit != self.limit:
            self.limit = limit
            for profile in self._profiles.values():
                profile.limit_to(limit)

    def take(self, old: Row | None, new: Row | None) -> None:
        """Follow a change of an access group; changes of other objects are none of it."""
        row = new or old
        if row is None or row.type != _GROUP:
            return
        self._of_persons.clear()
        document: dict[str, Any] = msgspec.json.decode(new.body) if new is not None else {}
        members = frozenset(
            (int(BY_NAME[member["objectType"]].type), int(member["DBID"]))
            for member in document.get("members", ())
        )
        for subject in self._members.pop(row.dbid, frozenset()) - members:
            self._groups_of[subject].discard(row.dbid)
        for subject in members:
            self._groups_of.setdefault(subject, set()).add(row.dbid)
        if members:
            self._members[row.dbid] = members
        self._everyone.discard(row.dbid)
        if document.get("type") == "everyone" and new is not None and new.enabled:
            self._everyone.add(row.dbid)

    def is_member(self, subject: Subject) -> bool:
        """Whether some group names this person or group as a member."""
        return bool(self._groups_of.get(subject))

    def groups_of(self, person: int) -> set[int]:
        """Return the DBIDs of all access groups of a person, those in groups included."""
        found = set(self._everyone)
        waiting: list[Subject] = [(_PERSON, person), *((_GROUP, group) for group in found)]
        while waiting:
            for group in self._groups_of.get(waiting.pop(), ()):
                if group not in found:
                    found.add(group)
                    waiting.append((_GROUP, group))
        return {group for group in found if self._is_enabled(group)}

    def _is_enabled(self, group: int) -> bool:
        row = self._store.get(_GROUP, group)
        return row is not None and row.enabled

    def profile_of(self, person: int) -> Profile:
        """Return the profile of a person, shared with all whom the grants do not tell apart."""
        version = self._store.rights.version
        if version != self._as_of:
            self._as_of = version
            self._of_persons.clear()
        profile = self._of_persons.get(person)
        if profile is None:
            profile = self._of_persons[person] = self._find_profile(person)
        return profile

    def _find_profile(self, person: int) -> Profile:
        subjects: Iterable[Subject] = [
            (_PERSON, person),
            *((_GROUP, group) for group in self.groups_of(person)),
        ]
        granted = self._store.rights.subjects
        key = frozenset(subject for subject in subjects if subject in granted)
        profile = self._profiles.get(key)
        if profile is None:
            profile = self._profiles[key] = Profile(key, self.limit)
        return profile

    def profiles(self) -> list[Profile]:
        return list(self._profiles.values())

    def forget(self) -> None:
        """Work all masks out anew: grants or places have changed."""
        for profile in self._profiles.values():
            profile.forget()

    def prune(self, used: set[Profile]) -> None:
        """Let go of the profiles that no session uses."""
        self._of_persons.clear()
        self._profiles = {
            key: profile for key, profile in self._profiles.items() if profile in used
        }

    def administers(self, person: int) -> bool:
        """Whether a person is in the access group of super administrators."""
        rows = [self._store.get(_GROUP, group) for group in self.groups_of(person)]
        return any(
            msgspec.json.decode(row.body).get("type") == SUPER_ADMINISTRATORS
            for row in rows
            if row is not None
        )
