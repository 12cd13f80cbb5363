"""Which master leads, and the fence: no server writes that has been replaced without knowing it.

The row of the revision names the leader and its term. Whoever writes has locked that row, so what
it says then holds until the end of the transaction. A node writes under its own term, its web
process for as long as its node leads, an operator's command under whatever term there is.
"""

from __future__ import annotations

from typing import NamedTuple

from django.db import transaction

from confwire.errors import DatabaseUnavailable, MasterUnavailable
from proxyapp.models import Revision
from proxyapp.models.statements import run

RETRY_AFTER = 2
"""Seconds after which a write that found no leader is worth another attempt."""


class Standing(NamedTuple):
    """Who leads, as the database has it."""

    term: int
    leader: str
    """Name of its Application object; empty before the first one."""
    instance: str
    web_port: int


NOBODY = Standing(0, "", "", 0)


class _Claim(NamedTuple):
    """As what this process writes."""

    instance: str
    term: int | None
    """None: under every term of the instance."""
    reason: str = ""
    """Why it must not write at all."""


_claim: _Claim | None = None
_highest = 0
"""The highest term that this process has seen its own instance in."""


def claim(instance: str, term: int | None = None) -> None:
    """Write from now on as this instance of a master only: under this term, or under any of it."""
    global _claim
    _claim = _Claim(instance, term)


def forbid(instance: str, reason: str) -> None:
    """Write nothing from now on; an attempt is refused with the reason."""
    global _claim
    _claim = _Claim(instance, None, reason)


def forget() -> None:
    """Write as an operator's command does: under whatever term there is."""
    global _claim, _highest
    _claim, _highest = None, 0


def check(standing: Standing) -> None:
    """Raise the reason if this process may not write while that one leads.

    Raises:
        DatabaseUnavailable: this server is not sure that it still leads.
        MasterUnavailable: another one leads.
    """
    if _claim is None:
        return
    if _claim.reason:
        raise DatabaseUnavailable(_claim.reason, retryAfter=RETRY_AFTER)
    if _claim.instance != standing.instance or _claim.term not in (None, standing.term):
        raise deposed(standing.leader)
    if _is_behind(standing):
        raise MasterUnavailable(
            f"this database is behind: it is in term {standing.term}, and {_highest} was seen; a"
            " former primary of PostgreSQL must not take writes",
            retryAfter=RETRY_AFTER,
        )


def _is_behind(standing: Standing) -> bool:
    """Whether the database is in a term before one that this instance was seen in."""
    global _highest
    _highest = max(_highest, standing.term)
    return standing.term < _highest


def deposed(leader: str = "") -> MasterUnavailable:
    """Return the error of a writer that another master has replaced."""
    who = f"'{leader}' does" if leader else "another one does"
    return MasterUnavailable(
        f"this server no longer leads, {who}: write there", retryAfter=RETRY_AFTER
    )


def standing() -> Standing:
    """Return who leads, or led last."""
    names = "term", "leader", "instance", "web_port"
    row = Revision.objects.values_list(*names).filter(pk=1).first()
    return NOBODY if row is None else Standing._make(row)


def leads() -> bool:
    """Whether this process may write: it is no server's, or its server leads."""
    if _claim is None:
        return True
    found = standing()
    return not _claim.reason and found.instance == _claim.instance and not _is_behind(found)


TAKE = (
    "UPDATE proxyapp_revision SET term = CASE WHEN term > %s THEN term ELSE %s END + 1,"
    " epoch = CASE WHEN timeline NOT IN ('', %s) AND instance <> %s THEN %s ELSE epoch END,"
    " leader = %s, instance = %s, web_port = %s, timeline = %s"
    " WHERE id = 1 RETURNING term, epoch"
)
"""Begins a new term: writers of the old one are refused from then on. It waits for a transaction
that is being committed. Its values are those of `taking`."""


def taking(
    leader: str, instance: str, web_port: int, *, above: int, timeline: str, epoch: str
) -> list[str | int]:
    """Return the values of TAKE.

    Args:
        leader: name of the Application object of who takes the lead.
        instance: names its process.
        web_port: of its web site.
        above: the highest term that it has seen: the new one is above that, too.
        timeline: of the database cluster; empty where that is not known.
        epoch: what is begun if another process led on another timeline: the database may have
            lost commits that this one had told others about.
    """
    fence: list[str | int] = [above, above, timeline, instance, epoch]
    return [*fence, leader, instance, web_port, timeline]


def take(leader: str, instance: str, web_port: int) -> int | None:
    """Begin a new term on a database without standbys and return it; None in an empty one."""
    values = taking(leader, instance, web_port, above=0, timeline="", epoch="")
    with transaction.atomic():
        rows = run(TAKE, values)
    return rows[0][0] if rows else None
