"""When an account is locked, by its state and its rules: the same at a node and on the web.

Pure: states are values, and what happens gives a new one.
"""

from __future__ import annotations

from math import inf, nextafter

import msgspec

from confwire.errors import AccountLocked, TooManyAttempts
from confwire.messages import AccountState
from proxyapp.engine.trust.accountrules import FOR_GOOD, Rules

KEPT_FAILURES = 100
"""Failed logins of an account that are remembered; no threshold is higher."""
_DAY = 86_400


def merged(one: AccountState, other: AccountState) -> AccountState:
    """Return what two states say together; the order does not matter."""
    cleared = max(one.cleared_at, other.cleared_at)
    latest = max(one, other, key=lambda state: (state.locked_at, state.locked_until))
    locked = latest.locked_at > cleared
    since = max(cleared, latest.locked_at)
    failures = sorted({at for at in (*one.failures, *other.failures) if at > since})
    return AccountState(
        person=one.person,
        last_login=max(one.last_login, other.last_login),
        failures=failures[-KEPT_FAILURES:],
        locked_at=latest.locked_at if locked else 0.0,
        locked_until=latest.locked_until if locked else 0.0,
        cleared_at=cleared,
    )


def check(state: AccountState, rules: Rules, under_way: int, now: float) -> None:
    """Refuse a login to an account that is locked.

    Args:
        under_way: logins that are being judged: each may fail.

    Raises AccountLocked, TooManyAttempts.
    """
    if rules.flag("account-lockout"):
        return
    if state.locked_until > now:
        for_good = state.locked_until >= FOR_GOOD
        remedy = (
            "an administrator can unlock it"
            if for_good
            else "try again later, or have it unlocked by an administrator"
        )
        raise AccountLocked(
            f"the account is locked after too many failed logins: {remedy}",
            retryAfter=min(int(state.locked_until - now) + 1, _DAY),
        )
    threshold = rules.number("account-lockout-threshold")
    if threshold and _counted(state, rules, now) + under_way >= threshold:
        raise TooManyAttempts(
            "several logins to this account are being checked: wait for them", retryAfter=2
        )


def after_failure(state: AccountState, rules: Rules, now: float) -> AccountState:
    """Return the state after one more failed login: locked, if it was one too many."""
    # Those of one moment must differ, else merging would take them for one.
    latest = max(state.cleared_at, state.locked_at, *state.failures)
    at = max(now, nextafter(latest, inf))
    failures = [*state.failures, at][-KEPT_FAILURES:]
    return settled(msgspec.structs.replace(state, failures=failures), rules)


def settled(state: AccountState, rules: Rules) -> AccountState:
    """Return a state with the lock that its failures amount to.

    They may have come together from several servers; all of them settle it alike.
    """
    threshold = rules.number("account-lockout-threshold")
    if not threshold or not state.failures or rules.flag("account-lockout"):
        return state
    at = state.failures[-1]
    if _counted(state, rules, at) < threshold:
        return state
    minutes = rules.number("account-lockout-duration")
    for_good = rules.number("account-lockout-mode") == 1
    until = FOR_GOOD if for_good else at + minutes * 60.0
    return msgspec.structs.replace(state, locked_at=at, locked_until=until)


def how_long(state: AccountState) -> str:
    """Say how long a lock lasts."""
    if state.locked_until >= FOR_GOOD:
        return "until it is lifted"
    return f"for {(state.locked_until - state.locked_at) / 60:g} minutes"


def _counted(state: AccountState, rules: Rules, now: float) -> int:
    minutes = rules.number("account-lockout-attempts-period")
    since = max(state.cleared_at, state.locked_at, now - minutes * 60.0 if minutes else 0.0)
    return sum(1 for at in state.failures if at > since)
