"""Second factors: which codes are taken, how often, and what is kept of them."""

from __future__ import annotations

import threading
from base64 import b32decode
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.core import serializers
from django.db import connection
from django_otp.oath import hotp

from proxyapp.models import secondfactors
from proxyapp.models.secondfactors import SecondFactor, check, enrol, new_key, shown
from tests.proxyapp.contending import all_at_once

pytestmark = pytest.mark.django_db
NOW = 1_800_000_015.0
PERSON = 7


class Authenticator:
    """A phone to which a key was given."""

    def __init__(self, person: int = PERSON) -> None:
        self.sealed = new_key(person)
        self.key = b32decode(shown(person, self.sealed))

    def code(self, at: float = NOW) -> str:
        return f"{hotp(self.key, int(at) // 30):06}"


@pytest.fixture
def phone() -> Authenticator:
    """Return an authenticator with which person 7 enrolled, half an hour ago."""
    phone = Authenticator()
    assert enrol(PERSON, phone.sealed, phone.code(NOW - 1800), NOW - 1800)
    return phone


def test_who_has_none_needs_no_code() -> None:
    assert check(PERSON, "", NOW).fits


def test_a_code_of_now_or_a_step_beside_it_fits(phone: Authenticator) -> None:
    for number, off in enumerate((0, 30, -30)):
        at = NOW + number * 300
        assert check(PERSON, phone.code(at + off), at).fits
    assert not check(PERSON, phone.code(NOW + 960), NOW + 900).fits


def test_people_may_type_spaces(phone: Authenticator) -> None:
    bare = phone.code()
    assert check(PERSON, f" {bare[:3]} {bare[3:]} ", NOW).fits


def test_a_code_is_taken_once(phone: Authenticator) -> None:
    assert check(PERSON, phone.code(), NOW).fits
    again = check(PERSON, phone.code(), NOW + 1)
    assert (again.fits, again.why) == (False, "the code of the second factor was used before")


def test_no_code_before_the_last_one_is_taken(phone: Authenticator) -> None:
    assert check(PERSON, phone.code(NOW + 30), NOW).fits
    assert not check(PERSON, phone.code(NOW), NOW + 5).fits


def test_the_code_that_enrolled_does_not_log_in() -> None:
    phone = Authenticator()
    assert len(enrol(PERSON, phone.sealed, phone.code(), NOW)) == 10
    assert not check(PERSON, phone.code(), NOW + 1).fits


@pytest.mark.parametrize("code", ["", "1", "12345", "1234567", "١٢٣٤٥٦", "\0", "\ud800", "-1 000"])
def test_nonsense_does_not_fit(phone: Authenticator, code: str) -> None:
    assert not check(PERSON, code, NOW).fits


def test_enrolling_needs_a_code_of_the_key() -> None:
    assert enrol(PERSON, new_key(PERSON), Authenticator().code(), NOW) == []
    assert not secondfactors.in_use()


def test_a_key_of_somebody_else_cannot_be_enrolled() -> None:
    other = Authenticator(8)
    assert enrol(PERSON, other.sealed, other.code(), NOW) == []
    assert shown(PERSON, other.sealed) == ""


# ---------------------------------------------------------------- recovery codes


def test_a_recovery_code_lets_in_once(phone: Authenticator) -> None:
    codes = secondfactors.renew_recovery_codes(PERSON)
    judged = check(PERSON, codes[3].upper().replace("-", " "), NOW)
    assert (judged.fits, judged.why) == (True, "by a recovery code; 9 are left")
    assert not check(PERSON, codes[3], NOW).fits
    assert check(PERSON, codes[4], NOW + 1).fits


def test_new_recovery_codes_void_the_former(phone: Authenticator) -> None:
    former = secondfactors.renew_recovery_codes(PERSON)
    secondfactors.renew_recovery_codes(PERSON)
    assert not check(PERSON, former[0], NOW).fits
    assert secondfactors.renew_recovery_codes(8) == [], "who has no factor needs none"


# ---------------------------------------------------------------- guessing


def test_each_wrong_code_makes_the_next_wait_twice_as_long(phone: Authenticator) -> None:
    at, waits = NOW, []
    for _ in range(14):
        assert check(PERSON, "000000", at).wait == 0
        wait = check(PERSON, phone.code(at), at).wait
        assert check(PERSON, phone.code(at), at + wait - 0.5).wait == 1, "also with the right one"
        waits.append(wait)
        at += wait
    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == 3600
    assert check(PERSON, phone.code(at), at).fits
    assert check(PERSON, "000000", at + 60).wait == 0


def test_a_code_that_is_missing_makes_nobody_wait(phone: Authenticator) -> None:
    for _ in range(5):
        assert not check(PERSON, "", NOW).fits
    assert check(PERSON, phone.code(), NOW).fits


def test_a_clock_that_was_set_back_locks_nobody_out_for_longer(phone: Authenticator) -> None:
    check(PERSON, "000000", NOW + 10**6)
    assert check(PERSON, "000000", NOW).wait == 1


# ---------------------------------------------------------------- what is kept


def test_neither_key_nor_recovery_codes_are_kept_in_clear(phone: Authenticator) -> None:
    codes = secondfactors.renew_recovery_codes(PERSON)
    kept = serializers.serialize("json", SecondFactor.objects.all())
    for secret in (phone.key.hex(), shown(PERSON, phone.sealed), *codes):
        assert secret.lower() not in kept.lower()
        assert secret.replace("-", "") not in kept.lower()


def test_another_persons_key_does_not_open_in_its_place(phone: Authenticator) -> None:
    SecondFactor.objects.filter(pk=PERSON).update(person=8)
    assert "cannot be read" in check(8, phone.code(), NOW).why


def test_a_new_secret_key_seals_it_anew(phone: Authenticator, settings: Any) -> None:
    before = SecondFactor.objects.get().key
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
    unreadable: list[str] = []
    assert (secondfactors.reseal(unreadable), secondfactors.reseal(unreadable)) == (1, 0)
    settings.SECRET_KEY_FALLBACKS = []
    assert SecondFactor.objects.get().key != before
    assert check(PERSON, phone.code(), NOW).fits


def test_without_the_secret_key_nobody_comes_in(phone: Authenticator, settings: Any) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", []
    unreadable: list[str] = []
    assert secondfactors.reseal(unreadable) == 0
    assert unreadable == [f"second factor of person {PERSON}"]
    assert not check(PERSON, phone.code(), NOW).fits


def test_the_mark_changes_with_the_factor(phone: Authenticator) -> None:
    marks = {secondfactors.mark_of(PERSON), secondfactors.mark_of(8), secondfactors.mark_of(None)}
    secondfactors.remove(PERSON)
    assert marks == {"", repr(NOW - 1800)}
    assert secondfactors.mark_of(PERSON) == ""


# ---------------------------------------------------------------- at once

MANY = 6


def at_once(*steps: Callable[[], Any]) -> list[Any]:
    return all_at_once(SecondFactor.objects.filter(pk=PERSON), *steps)


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres_only
def test_a_code_that_many_bring_at_once_lets_one_in(phone: Authenticator) -> None:
    codes = [phone.code(), f" {phone.code()[:3]}-{phone.code()[3:]}"] * (MANY // 2)
    found = at_once(*(partial(check, PERSON, code, NOW) for code in codes))
    assert sum(judged.fits for judged in found) == 1
    used = "the code of the second factor was used before"
    others = [judged for judged in found if not judged.fits]
    # The next ones wait already, as after any wrong code.
    assert [judged.why for judged in others if not judged.wait] == [used]


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres_only
def test_a_recovery_code_that_many_bring_at_once_lets_one_in(phone: Authenticator) -> None:
    code, *others = secondfactors.renew_recovery_codes(PERSON)
    found = at_once(*[partial(check, PERSON, code, NOW)] * MANY)
    assert sum(judged.fits for judged in found) == 1
    assert len(SecondFactor.objects.get().recovery) == len(others)


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres_only
def test_two_recovery_codes_at_once_are_both_used_up(phone: Authenticator) -> None:
    first, second, *_ = secondfactors.renew_recovery_codes(PERSON)
    found = at_once(*(partial(check, PERSON, code, NOW) for code in (first, second)))
    assert [judged.fits for judged in found] == [True, True]
    assert sorted(judged.why[-10:] for judged in found) == ["8 are left", "9 are left"]
    assert not check(PERSON, first, NOW).fits
    assert not check(PERSON, second, NOW + 5).fits


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres_only
def test_of_a_burst_of_guesses_one_is_looked_at(phone: Authenticator) -> None:
    found = at_once(*(partial(check, PERSON, f"{number:06}", NOW) for number in range(MANY)))
    assert sorted(judged.wait for judged in found) == [0, *[1] * (MANY - 1)]
    assert SecondFactor.objects.get().failures == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres_only
def test_new_recovery_codes_and_a_code_at_once_lose_neither(phone: Authenticator) -> None:
    former, *_ = secondfactors.renew_recovery_codes(PERSON)
    found = at_once(
        partial(check, PERSON, phone.code(), NOW),
        partial(secondfactors.renew_recovery_codes, PERSON),
    )
    (codes,) = [item for item in found if isinstance(item, list)]
    assert not check(PERSON, phone.code(), NOW + 1).fits, "it was used"
    assert not check(PERSON, former, NOW + 5).fits
    assert check(PERSON, codes[0], NOW + 20).fits


def test_who_has_one_is_given_no_other(phone: Authenticator) -> None:
    """Also when the page is sent twice: the codes that were shown first are those that count."""
    other = Authenticator()
    assert enrol(PERSON, other.sealed, other.code(), NOW) == []
    assert check(PERSON, phone.code(), NOW).fits


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres_only
def test_one_of_two_who_enrol_at_once_is_told_recovery_codes_and_they_count() -> None:
    phone = Authenticator()
    codes: list[list[str]] = []

    def run() -> None:
        codes.append(enrol(PERSON, phone.sealed, phone.code(), NOW))
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(MANY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (shown_codes,) = [told for told in codes if told]
    assert len(codes) == MANY
    assert check(PERSON, shown_codes[0], NOW).fits
