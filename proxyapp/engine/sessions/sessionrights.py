"""What follows for open sessions when rights, accounts or applications change."""

from __future__ import annotations

from collections.abc import Set

from confwire.errors import CloseCode
from confwire.objects import ObjectType
from proxyapp.engine.data.access import ServerProfile
from proxyapp.engine.data.journal import Change, Entry
from proxyapp.engine.logins.admission import account_of, may_stay
from proxyapp.engine.serving import Serving

_ACCOUNTS = (ObjectType.PERSON, ObjectType.APPLICATION)


def follow(serving: Serving, entry: Entry, types: Set[int]) -> None:
    """Give sessions the rights that they have now, and end those that may not stay.

    Args:
        types: those of the objects that have changed.
    """
    if entry.structural or entry.regroups:
        _regroup(serving)
    accounts = not types.isdisjoint(_ACCOUNTS)
    if entry.structural or (accounts and any(map(_bars, entry.changes))):
        _end_barred(serving)


def _regroup(serving: Serving) -> None:
    used = set()
    for session in serving.roster:
        if not isinstance(session.profile, ServerProfile):
            session.profile = serving.access.profile_of(session.person)
            session.follower.regroup(session.profile)
            used.add(session.profile)
    serving.access.prune(used)


def _end_barred(serving: Serving) -> None:
    for session in serving.roster:
        reason = may_stay(serving, session)
        if reason:
            session.close(CloseCode.RIGHTS_WITHDRAWN, reason)


def _bars(change: Change) -> bool:
    """Whether a change may end sessions: an account or an application is gone or disabled, or
    an application has another account.
    """
    if change.type not in _ACCOUNTS or change.old is None:
        return False
    if change.new is None or not change.new.enabled:
        return True
    is_application = change.type == ObjectType.APPLICATION
    return is_application and account_of(change.old) != account_of(change.new)
