from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confwire.errors import TokenRefused
from confwire.messages import TokenKeys
from proxyapp.engine.trust.tokens import (
    PERIOD,
    TOLERANCE,
    UNTOLD,
    WHOLE,
    Holder,
    Ring,
    fingerprint_of,
    make_keys,
)
from tests.proxyapp.engine.bench import STEADY

NOW = 1_760_000_000.25
LIFE, OUTAGE = 3600, 3 * PERIOD
BOB = Holder("0123456789abcdef01234567", 100, 101, fingerprint_of("verifier"), 7)


def ring(now: float = NOW, secret: bytes = b"secret", generation: int = 7) -> Ring:
    return Ring(make_keys(secret, generation, LIFE, OUTAGE, now))


def reason(found: Ring, text: str, now: float = NOW) -> str:
    with pytest.raises(TokenRefused) as refused:
        found.read(text, now)
    return refused.value.text


def test_a_token_tells_another_server_with_the_same_secret_whose_it_is():
    token = ring().read(ring().issue(BOB, 110, NOW), NOW + 10)
    assert (token.session, token.application, token.person) == (BOB.session, 100, 101)
    assert (token.server, token.issued_at, token.expires_at) == (110, NOW, NOW + LIFE)
    assert ring().proves(token, BOB.fingerprint)


def test_a_token_tells_what_the_server_showed_and_since_when():
    text = ring().issue(BOB, 110, NOW, b"seven..", 2**40)
    token = ring().read(text, NOW)
    assert (token.part, token.part_since) == (b"seven..", 2**40)
    token = ring().read(ring().issue(BOB, 110, NOW), NOW)
    assert (token.part, token.part_since) == (WHOLE, UNTOLD)


def test_another_password_proves_nothing():
    token = ring().read(ring().issue(BOB, 110, NOW), NOW)
    assert not ring().proves(token, fingerprint_of("another verifier"))
    assert not ring().proves(token, fingerprint_of(""))


def test_a_token_does_not_show_the_fingerprint_of_the_verifier():
    data = urlsafe_b64decode(ring().issue(BOB, 110, NOW))
    assert not any(BOB.fingerprint[at : at + 4] in data for at in range(12))


def test_a_token_ends_after_its_life_with_a_little_for_clocks_that_differ():
    text = ring().issue(BOB, 110, NOW)
    assert ring().read(text, NOW + LIFE + TOLERANCE - 1)
    assert "expired" in reason(ring(), text, NOW + LIFE + TOLERANCE + 1)


def test_a_token_of_another_secret_or_generation_is_refused():
    assert "signature" in reason(ring(secret=b"other"), ring().issue(BOB, 110, NOW))
    assert "revoked" in reason(ring(generation=8), ring().issue(BOB, 110, NOW))


@pytest.mark.parametrize("place", range(0, 136, 5))
def test_one_other_character_anywhere_is_refused(place):
    text = ring().issue(BOB, 110, NOW)
    other = "A" if text[place] != "A" else "B"
    assert reason(ring(), text[:place] + other + text[place + 1 :])


@pytest.mark.parametrize(
    "made",
    [lambda text: "", lambda text: text[:-1], lambda text: text + "A", lambda text: text[:-4],
     lambda text: text + "\n", lambda text: text[:40] + "\0" + text[41:],
     lambda text: text[:-1] + "=", lambda text: "é" * 136, lambda text: " " + text[:-1],
     lambda text: urlsafe_b64encode(bytes(102)).decode(), lambda text: text * 7],
)  # fmt: skip
def test_what_is_cut_or_is_no_token_is_refused(made):
    assert reason(ring(), made(ring().issue(BOB, 110, NOW)))


@STEADY
@given(st.text(max_size=200) | st.binary(min_size=102, max_size=102).map(
    lambda data: urlsafe_b64encode(data).decode()))  # fmt: skip
def test_nonsense_is_refused_and_nothing_else_happens(text):
    assert reason(ring(), text)


@STEADY
@given(
    st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.binary(min_size=12, max_size=12),
    st.integers(0, 2**32 - 1), st.floats(0, 1e11),
)  # fmt: skip
def test_every_holder_comes_back_as_it_was(application, person, session, generation, now):
    holder = Holder(session.hex(), application, person, b"f" * 16, generation)
    found = ring(now, generation=generation)
    token = found.read(found.issue(holder, 1, now), now)
    assert (token.application, token.person, token.session) == (application, person, session.hex())
    assert found.proves(token, b"f" * 16)


def test_keys_reach_back_for_a_life_and_on_for_the_outage():
    edge = 20_000 * PERIOD
    text = ring(edge - 1.0).issue(BOB, 110, edge - 1.0)
    assert ring(edge + LIFE - 1.0).read(text, edge + LIFE - 1.0), "signed a period before"
    without_master = ring(edge)
    later = edge + OUTAGE - 1.0
    assert without_master.read(without_master.issue(BOB, 110, later), later)
    assert without_master.issue(BOB, 110, without_master.ends_at) == ""
    assert without_master.ends_at == edge + OUTAGE + PERIOD


def test_a_ring_without_keys_gives_nothing_and_takes_nothing():
    empty = Ring(TokenKeys(generation=7, life=LIFE, period=PERIOD, keys=[]))
    assert empty.issue(BOB, 110, NOW) == ""
    assert "does not have" in reason(empty, ring().issue(BOB, 110, NOW))


def test_each_period_has_another_key_and_the_same_on_every_master():
    one, other = make_keys(b"s", 0, LIFE, OUTAGE, NOW), make_keys(b"s", 0, LIFE, OUTAGE, NOW)
    assert one == other
    assert len({key for _, key in one.keys}) == len(one.keys) == 4
