"""Passwords of persons and secrets of applications, kept as SCRAM verifiers only."""

from __future__ import annotations

import secrets

from django.conf import settings

from confwire.handshake import make_verifier
from proxyapp.models import Application, Credential, Person
from proxyapp.services import changes
from proxyapp.services.changes import CommitResult, Work


def set_password(person: Person, password: str, *, by: Person | None, origin: str) -> CommitResult:
    """Give a person a password.

    Raises:
        InvalidParameter: the password is empty or has characters that are not allowed.
    """
    with changes.commit(by=by, origin=origin) as work:
        person.set_password(password)
    return _result(work)


def make_secret(application: Application, *, by: Person | None, origin: str) -> str:
    """Give an application a new secret and return it; it can never be read again."""
    secret = secrets.token_urlsafe(32)
    verifier = make_verifier(secret, secrets.token_bytes(16), settings.SCRAM_ITERATIONS)
    with changes.commit(by=by, origin=origin):
        Credential.objects.update_or_create(
            application=application, defaults={"verifier": verifier}
        )
    return secret


def withdraw_secret(application: Application, *, by: Person | None, origin: str) -> CommitResult:
    """Take an application's secret away: it can no longer log in by itself."""
    with changes.commit(by=by, origin=origin) as work:
        work.delete(*application.credentials.all())
    return _result(work)


def _result(work: Work) -> CommitResult:
    return work.result or CommitResult(None)
