"""Second factors of the web login: codes of an authenticator (TOTP, RFC 6238), and recovery codes.

Beside the configuration, as the states of accounts: no revision, no export, no proxy has them. A
key is sealed as secret options are; of recovery codes only digests are kept.
"""

from __future__ import annotations

import hmac
import os
import secrets
from base64 import b32encode
from hashlib import sha256
from math import ceil
from typing import NamedTuple

from django.conf import settings
from django.db import models, transaction
from django_otp.oath import TOTP

from confwire.objects import ObjectType
from proxyapp.engine.trust.sealing import NONCE_SIZE, Place, SecretKeys, Unreadable, derive

FACTOR = "proxyapp.factor"
"""In the META of a request: what is kept of the second factor of a login."""
RECOVERY_CODES = 10
_KEY_SIZE = 20
_TOLERANCE = 1
"""Steps of 30 seconds by which the clock of an authenticator may be off."""
_LONGEST_WAIT = 3600


class SecondFactor(models.Model):
    """What a person shows beside its password. Times are seconds since 1970."""

    person = models.BigIntegerField(primary_key=True)
    key = models.TextField()
    """The authenticator's key in hexadecimal, sealed."""
    enrolled_at = models.FloatField()
    last_step = models.BigIntegerField()
    """The step of the last code that was taken: no code of it or before is taken again."""
    failures = models.IntegerField(default=0)
    """Wrong codes since the last right one."""
    failed_at = models.FloatField(default=0.0)
    recovery = models.JSONField(default=list)
    """Digests of the recovery codes that are left."""

    def __str__(self) -> str:
        return f"second factor of person {self.person}"


class Judged(NamedTuple):
    """What is thought of a code."""

    fits: bool
    why: str = ""
    """For the history: what was wrong, or that it was a recovery code."""
    wait: int = 0
    """Seconds until the next code is looked at; this one was not."""


def in_use() -> bool:
    """Whether anybody has a second factor."""
    return SecondFactor.objects.exists()


def factor_of(person: int) -> SecondFactor | None:
    """Return what is kept of a person's second factor; None: it has none."""
    return SecondFactor.objects.filter(pk=person).first()


def mark_of(person: int | None) -> str:
    """Return what changes whenever the second factor of a person does; empty: it has none."""
    found = SecondFactor.objects.filter(pk=person or 0).values_list("enrolled_at", flat=True)
    return "".join(map(repr, found))


def new_key(person: int) -> str:
    """Return a new key, sealed for this person; nothing is kept."""
    return _seal(secrets.token_hex(_KEY_SIZE), person)


def shown(person: int, key: str) -> str:
    """Return a sealed key as authenticators take it, in base32; empty: it is not this person's."""
    try:
        return b32encode(bytes.fromhex(_open(key, person))).decode()
    except Unreadable:
        return ""


def enrol(person: int, key: str, code: str, now: float) -> list[str]:
    """Keep a key of `new_key` if a code was made with it.

    Of two at once one is kept, so that the recovery codes that were shown are those that count.

    Returns:
        The recovery codes; empty if the code does not fit, the key is not this person's, or the
        person has a second factor already.
    """
    try:
        step = _step_of(_open(key, person), code, now)
    except Unreadable:
        return []
    if step is None:
        return []
    codes, digests = _recovery_codes(person)
    values = {
        "key": key, "enrolled_at": now, "last_step": step, "failures": 0, "failed_at": 0.0,
        "recovery": digests,
    }  # fmt: skip
    _, is_new = SecondFactor.objects.get_or_create(person=person, defaults=values)
    return codes if is_new else []


def renew_recovery_codes(person: int) -> list[str]:
    """Replace a person's recovery codes and return the new ones; empty: it has no second factor."""
    codes, digests = _recovery_codes(person)
    return codes if SecondFactor.objects.filter(pk=person).update(recovery=digests) else []


def remove(person: int) -> bool:
    """Forget a person's second factor; return whether there was one."""
    return bool(SecondFactor.objects.filter(pk=person).delete()[0])


def check(person: int, code: str, now: float) -> Judged:
    """Judge a code, and use it up; whoever has no second factor needs none.

    One after another, so that of two logins with one code one is refused, and of a burst of
    guesses one is looked at.
    """
    with transaction.atomic():
        factor = SecondFactor.objects.select_for_update().filter(pk=person).first()
        if factor is None:
            return Judged(True)
        if not code:
            return Judged(False, "the code of the second factor is missing")
        wait = _wait_of(factor, now)
        if wait:
            return Judged(False, "too many codes of the second factor were wrong", wait)
        judged = _judge(factor, _bare(code), now)
        factor.failures = 0 if judged.fits else factor.failures + 1
        factor.failed_at = 0.0 if judged.fits else now
        factor.save()
        return judged


def reseal(unreadable: list[str]) -> int:
    """Seal with the newest key what an older one has sealed; return how many.

    Args:
        unreadable: gets a line for each that no key opens; it stays as it is.
    """
    count = 0
    for factor in SecondFactor.objects.order_by("pk"):
        if _keys().is_newest(factor.key):
            continue
        try:
            sealed = _seal(_open(factor.key, factor.person), factor.person)
        except Unreadable:
            unreadable.append(f"second factor of person {factor.person}")
            continue
        # Another key, given meanwhile, is sealed with the newest one already.
        count += SecondFactor.objects.filter(pk=factor.pk, key=factor.key).update(key=sealed)
    return count


def _judge(factor: SecondFactor, code: str, now: float) -> Judged:
    digest = _digest(factor.person, code)
    if any(hmac.compare_digest(digest, kept) for kept in factor.recovery):
        factor.recovery = [kept for kept in factor.recovery if kept != digest]
        return Judged(True, f"by a recovery code; {len(factor.recovery)} are left")
    try:
        key = _open(factor.key, factor.person)
    except Unreadable as error:
        return Judged(False, f"the second factor cannot be read: {error}")
    step = _step_of(key, code, now, after=factor.last_step)
    if step is not None:
        factor.last_step = step
        return Judged(True)
    fault = "is wrong" if _step_of(key, code, now) is None else "was used before"
    return Judged(False, f"the code of the second factor {fault}")


def _step_of(key: str, code: str, now: float, after: int = -1) -> int | None:
    """Return the step of a code; None: it is none of the key's, or of no step after that one."""
    bare = _bare(code)
    if len(bare) != 6 or not (bare.isascii() and bare.isdecimal()):
        return None
    clock = TOTP(bytes.fromhex(key))
    clock.time = now
    return int(clock.t()) if clock.verify(int(bare), _TOLERANCE, after + 1) else None


def _wait_of(factor: SecondFactor, now: float) -> int:
    if not factor.failures:
        return 0
    whole = min(1 << min(factor.failures - 1, 30), _LONGEST_WAIT)
    return max(0, ceil(whole - max(0.0, now - factor.failed_at)))


def _recovery_codes(person: int) -> tuple[list[str], list[str]]:
    """Return new codes of 80 bits, and their digests: nobody guesses one, so no salt is needed."""
    codes = [b32encode(os.urandom(10)).decode().lower() for _ in range(RECOVERY_CODES)]
    shown = ["-".join(code[at : at + 4] for at in range(0, 16, 4)) for code in codes]
    return shown, [_digest(person, code) for code in codes]


def _bare(code: str) -> str:
    return "".join(code.split()).replace("-", "").lower()


def _digest(person: int, code: str) -> str:
    return sha256(f"csproxy recovery code 1 {person} {code}".encode("utf-8", "replace")).hexdigest()


def _keys() -> SecretKeys:
    return SecretKeys(derive([settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]))


def _seal(plain: str, person: int) -> str:
    return _keys().seal(plain, _place(person), os.urandom(NONCE_SIZE))


def _open(key: str, person: int) -> str:
    return _keys().open(key, _place(person))


def _place(person: int) -> Place:
    """No property of a person has this name: no option's text opens here, and no key there."""
    return Place(ObjectType.PERSON, person, "secondFactor", "", "")
