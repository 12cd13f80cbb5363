from __future__ import annotations

from dataclasses import dataclass

import pytest

from proxyapp.engine.roster import Roster


@dataclass
class Member:
    connection: int
    application: int
    daemon: bool = False
    person: int = 100
    user: str = "anna"

    @property
    def id(self) -> str:
        return f"s{self.connection}"


def test_a_daemon_has_one_session_and_others_any_number():
    roster: Roster[Member] = Roster()
    first, gui = Member(1, 10, daemon=True), Member(2, 20)
    for member in (first, gui, Member(3, 20)):
        roster.enter(member)
    assert roster.daemon(10) is first
    assert roster.daemon(20) is None
    assert roster.count_of(100) == 3
    assert (len(roster), roster.get(2), roster.named("s2")) == (3, gui, gui)
    with pytest.raises(AssertionError):
        roster.enter(Member(4, 10, daemon=True))


def test_who_is_struck_is_gone_and_who_never_opened_takes_nobody_along():
    roster: Roster[Member] = Roster()
    first = Member(1, 10, daemon=True)
    roster.enter(first)
    roster.strike(Member(9, 10, daemon=True))
    assert roster.daemon(10) is first
    roster.strike(first)
    roster.strike(first)
    assert (len(roster), roster.daemon(10), roster.get(1)) == (0, None, None)


def test_members_may_be_struck_while_they_are_walked():
    roster: Roster[Member] = Roster()
    for number in range(5):
        roster.enter(Member(number, 1))
    for member in roster:
        roster.strike(member)
    assert len(roster) == 0
