from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyapp.engine.trust.sealing import NONCE_SIZE, Place, SecretKeys, Unreadable, derive
from tests.proxyapp.engine.bench import STEADY

PLACE = Place(9, 105, "options", "db", "password")
NONCE = bytes(range(NONCE_SIZE))
KEYS = SecretKeys(derive(["present", "former"]))
FORMER = SecretKeys(derive(["former"]))


@STEADY
@given(plain=st.text(st.characters(codec="utf-8")), nonce=st.binary(min_size=12, max_size=12))
def test_what_is_sealed_opens_at_its_place(plain, nonce):
    assert KEYS.open(KEYS.seal(plain, PLACE, nonce), PLACE) == plain


@pytest.mark.parametrize("part", range(5))
def test_it_opens_nowhere_else(part):
    other = [8, 106, "userProperties", "DB", "Password"][part]
    with pytest.raises(Unreadable):
        KEYS.open(KEYS.seal("x", PLACE, NONCE), Place(*PLACE[:part], other, *PLACE[part + 1 :]))


def test_names_do_not_run_into_each_other():
    text = KEYS.seal("x", PLACE._replace(section="a", option="b.c"), NONCE)
    with pytest.raises(Unreadable):
        KEYS.open(text, PLACE._replace(section="a.b", option="c"))


def test_no_damaged_text_opens():
    text = KEYS.seal("geheim", PLACE, NONCE)
    for at in range(len(text)):
        for char in "A0é":
            damaged = text[:at] + char + text[at + 1 :]
            if damaged != text:
                with pytest.raises(Unreadable):
                    KEYS.open(damaged, PLACE)
    for damaged in ("", text[:-4], text + "=", text + "AAAA", "secret:1:" + "0" * 16 + ":A==="):
        with pytest.raises(Unreadable):
            KEYS.open(damaged, PLACE)


def test_a_former_key_still_opens_and_is_not_the_newest():
    text = FORMER.seal("x", PLACE, NONCE)
    assert KEYS.open(text, PLACE) == "x"
    assert not KEYS.is_newest(text)
    assert KEYS.is_newest(KEYS.seal("x", PLACE, NONCE))
    with pytest.raises(Unreadable):
        FORMER.open(KEYS.seal("x", PLACE, NONCE), PLACE)


def test_short_texts_do_not_tell_their_length():
    assert len({len(KEYS.seal("x" * n, PLACE, NONCE)) for n in range(32)}) == 1


def test_keys_are_those_of_the_secrets_alone():
    assert derive(["a", "b", "a", ""]) == [*derive(["a"]), *derive(["b"])]
    ((id_, key),) = derive(["a"])
    assert (len(id_), len(key)) == (16, 32)
    assert id_ not in key.hex()


def test_without_keys_nothing_opens():
    assert not SecretKeys(())
    with pytest.raises(Unreadable):
        SecretKeys(()).open(KEYS.seal("x", PLACE, NONCE), PLACE)
