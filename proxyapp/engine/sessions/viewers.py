"""Persons who look at a server's own pages: their passwords, and what they may see there.

They have no session. A password that they bring counts like one at a login; the runtime checks
it, since that takes long.
"""

from __future__ import annotations

from collections.abc import Iterable

from confwire.errors import RequestError
from confwire.objects import ObjectType
from proxyapp.engine.data.access import Profile, ServerProfile
from proxyapp.engine.serving import Serving
from proxyapp.engine.sessions.recent import RecentChanges, RecentQuestion, recent


class Viewers:
    """The persons of one node."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    def verifier_of(self, user_name: str) -> str | None:
        """Return the SCRAM verifier of an enabled person, None where there is none."""
        row = self._serving.person_named(user_name)
        if row is None or not row.enabled or not self._serving.checks.ways_of(row).internal:
            return None
        return row.verifier or None

    def may_try(self, user_name: str, address: str) -> bool:
        """Whether neither the account nor the address has failed too often."""
        serving = self._serving
        most = serving.options.number("failed-logins-per-address")
        try:
            serving.throttle.check(address, most, serving.now)
            serving.accounts.check(user_name, serving.person_named(user_name))
        except RequestError:
            return False
        return True

    def has_failed(self, user_name: str, address: str) -> None:
        """A password that was not brought by a session is wrong: it counts like one that was."""
        serving = self._serving
        most = serving.options.number("failed-logins-per-address")
        serving.throttle.failed(address, most, serving.now)
        serving.accounts.failed(user_name, address)

    def is_super_administrator(self, user_name: str) -> bool:
        """Whether the person is in the access group of super administrators."""
        row = self._serving.person_named(user_name)
        return row is not None and self._serving.access.administers(row.dbid)

    def hidden_names(self, user_name: str, type_: ObjectType, names: Iterable[str]) -> list[str]:
        """Return which names are such of objects that a person may not read."""
        profile = self._profile_of(user_name)
        table = self._serving.store.tables[type_]
        return [
            name for name in names if not all(profile.may_read(row) for row in table.named(name))
        ]

    def recent_changes(
        self, user_name: str | None, question: RecentQuestion, limit: int
    ) -> RecentChanges:
        """Return the newest changes in memory that a person may see; None sees all."""
        profile = ServerProfile() if user_name is None else self._profile_of(user_name)
        return recent(self._serving, profile, question, limit)

    def _profile_of(self, user_name: str) -> Profile:
        """Return the rights of a person; nobody has those of no account."""
        row = self._serving.person_named(user_name)
        return self._serving.access.profile_of(row.dbid if row is not None else 0)
