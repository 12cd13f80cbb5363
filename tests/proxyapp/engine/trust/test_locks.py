from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confwire.errors import AccountLocked, TooManyAttempts
from confwire.messages import AccountState
from proxyapp.engine.trust.accountrules import FOR_GOOD, SECTION, rules_for
from proxyapp.engine.trust.locks import KEPT_FAILURES, after_failure, check, how_long, merged
from tests.proxyapp.engine.bench import STEADY

RULES = rules_for(None, [{SECTION: {"account-lockout-threshold": 3}}])
TIMES = st.floats(0, 50)
STATES = st.builds(
    AccountState,
    st.just(1),
    TIMES,
    st.lists(TIMES, max_size=4),
    TIMES,
    TIMES,
    TIMES,
)


def test_states_say_the_same_in_whatever_order_they_come():
    states = [
        AccountState(1, last_login=5.0, failures=[1.0, 2.0, 9.0]),
        AccountState(1, failures=[3.0], locked_at=4.0, locked_until=50.0),
        AccountState(1, cleared_at=6.0),
        AccountState(1, locked_at=7.0, locked_until=70.0, failures=[8.0]),
    ]
    found = []
    for order in permutations(states):
        total = AccountState(1)
        for state in order:
            total = merged(total, state)
        found.append(total)
    assert all(total == found[0] for total in found)
    assert found[0] == AccountState(1, 5.0, [8.0, 9.0], 7.0, 70.0, 6.0)


@given(STATES, STATES, STATES)
@STEADY
def test_merging_is_the_same_in_any_grouping_and_twice(one, two, three):
    assert merged(one, two) == merged(two, one)
    assert merged(merged(one, two), three) == merged(one, merged(two, three))
    total = merged(one, two)
    assert merged(total, one) == total


def test_failures_of_one_moment_are_several():
    state = AccountState(1)
    for count in range(3):
        check(state, RULES, 0, 10.0)
        state = after_failure(state, RULES, 10.0)
        assert len(merged(state, state).failures) == (count + 1) % 3
    with pytest.raises(AccountLocked):
        check(state, RULES, 0, 10.0)
    assert how_long(state) == "for 30 minutes"
    check(state, RULES, 0, 10.0 + 1801)


def test_logins_under_way_count_as_if_they_had_failed():
    state = after_failure(AccountState(1), RULES, 1.0)
    check(state, RULES, 1, 2.0)
    with pytest.raises(TooManyAttempts):
        check(state, RULES, 2, 2.0)


def test_without_a_threshold_nothing_is_locked_and_little_is_kept():
    none, state = rules_for(None, []), AccountState(1)
    for moment in range(300):
        state = after_failure(state, none, float(moment))
    check(state, none, 10**6, 400.0)
    assert len(state.failures) == KEPT_FAILURES


def test_a_lock_without_end_says_so():
    assert how_long(AccountState(1, locked_at=1.0, locked_until=FOR_GOOD)) == "until it is lifted"
