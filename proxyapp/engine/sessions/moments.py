"""Which objects of the past are asked for, and as of when: the common part of such requests."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Struct

from confwire.errors import InvalidParameter
from confwire.messages import ComparePast, ReadPast
from confwire.objects import OBJECTS, ObjectType
from proxyapp.engine.data.filters import pattern
from proxyapp.engine.data.rows import Row
from proxyapp.engine.data.store import identity_of
from proxyapp.engine.serving import Serving

LARGEST = 2**63
_SHARED = frozenset(int(info.type) for info in OBJECTS.values() if "tenantDBIDs" in info.by_name)
"""Types whose objects are of several tenants."""


class Wanted(Struct):
    """What a request asks of an object's own place and name."""

    dbid: int
    folder: int
    tenant: int
    fits_name: Callable[[str], bool] | None

    def holds(self, row: Row) -> bool:
        """Whether an object is asked for, as it is in this row."""
        return self._holds(row.type, row.dbid, row.folder, row.name, row.tenant, row.body)

    def holds_body(self, type_: int, dbid: int, folder: int, body: bytes) -> bool:
        """Whether an object is asked for, as it is in this document."""
        if self.fits_name is None and not self.tenant:
            return self.dbid in (0, dbid) and self._lies(folder)
        name, tenant = identity_of(ObjectType(type_), dbid, body)
        return self._holds(type_, dbid, folder, name, tenant, body)

    def _lies(self, folder: int) -> bool:
        return self.folder in (0, folder)

    def _holds(
        self, type_: int, dbid: int, folder: int, name: str, tenant: int, body: bytes
    ) -> bool:
        if self.dbid not in (0, dbid) or not self._lies(folder):
            return False
        if self.fits_name is not None and not self.fits_name(name.casefold()):
            return False
        if not self.tenant or self.tenant == tenant:
            return True
        return type_ in _SHARED and self.tenant in msgspec.json.decode(body).get("tenantDBIDs", ())


def wanted_by(request: ReadPast | ComparePast) -> Wanted:
    """Return what a request asks for. Raises InvalidParameter."""
    numbers = (request.dbid, request.folder_dbid, request.tenant_dbid, request.revision or 0)
    if not all(0 <= number < LARGEST for number in numbers):
        raise InvalidParameter("numbers of objects and revisions are from 0 on")
    fits = pattern(request.name.casefold()) if request.name else None
    return Wanted(request.dbid, request.folder_dbid, request.tenant_dbid, fits)


def revision_of(serving: Serving, revision: int | None, time: float) -> int | None:
    """Return the revision that is asked for; None: of a time from before memory.

    Raises InvalidParameter.
    """
    if (revision is None) == (not time):
        raise InvalidParameter("say either revision or time")
    if revision is None:
        moments = (entry.revision for entry in serving.journal.backwards() if entry.at <= time)
        return next(moments, None)
    if revision > serving.revision:
        raise InvalidParameter(
            f"there is no revision {revision} here yet: the newest is {serving.revision}"
        )
    return revision
