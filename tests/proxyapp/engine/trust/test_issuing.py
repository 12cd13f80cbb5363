from __future__ import annotations

from proxyapp.engine.trust.issuing import Issuing
from proxyapp.engine.trust.tokens import Holder, Ring, make_keys

NOW, LIFE = 1_760_000_000.0, 600
HOLDER = Holder("00" * 12, 100, 101, b"", 0)


def issuing(sessions: int) -> Issuing:
    made = Issuing()
    made.ring = Ring(make_keys(b"s", 0, LIFE, 3600, NOW))
    for connection in range(sessions):
        assert made.issue(connection, HOLDER, NOW + connection, 0)
    return made


def test_each_session_is_due_after_half_a_life_and_again_after_another():
    made = issuing(3)
    assert list(made.due(NOW + 299)) == []
    assert list(made.due(NOW + 301)) == [0, 1]
    assert list(made.due(NOW + 302)) == [2]
    assert list(made.due(NOW + 600)) == []
    assert list(made.due(NOW + 601)) == [0, 1]


def test_who_is_gone_is_never_due():
    made = issuing(2)
    made.forget(0)
    made.forget(7)
    assert list(made.due(NOW + 301)) == [1]


def test_many_at_once_are_spread():
    made = Issuing()
    made.ring = Ring(make_keys(b"s", 0, LIFE, 3600, NOW))
    for connection in range(1_000):
        made.issue(connection, HOLDER, NOW, 0)
    turns = [list(made.due(NOW + 300 + turn)) for turn in range(10)]
    assert max(map(len, turns)) == 200
    assert sorted(one for turn in turns for one in turn) == list(range(1_000))


def test_without_keys_there_is_no_token():
    assert Issuing().issue(1, HOLDER, NOW, 0) == ""
    assert list(Issuing().due(NOW)) == []
