"""Passwords of persons and secrets of applications, kept as SCRAM verifiers only."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Iterator

from django.conf import settings

from confwire.errors import AuthenticationFailed, NoPermission, PasswordRefused
from confwire.handshake import derive, make_verifier
from confwire.messages import AccountState
from proxyapp.engine.trust.accountrules import Rules, Sections, faults_of, must_change, rules_for
from proxyapp.engine.trust.tokens import fingerprint_of
from proxyapp.models import Application, Credential, Person, Tenant
from proxyapp.models.accounts import FormerPassword, keep
from proxyapp.services import changes, receipts
from proxyapp.services.changes import CommitResult, Work
from proxyapp.services.objects import Outcome

_DEEPEST_TENANT = 20


def set_password(person: Person, password: str, *, by: Person | None, origin: str) -> CommitResult:
    """Give a person a password, and unlock its account.

    The rules of its tenant bind whoever sets it; the system (None) they do not bind.

    Raises:
        InvalidParameter: the password is empty or has characters that are not allowed.
        PasswordRefused: the rules do not allow it; the text says what it lacks.
    """
    rules = rules_of(person)
    digest = "" if by is None else _check(person, password, rules)
    own = by is not None and by.pk == person.pk
    with changes.commit(by=by, origin=origin) as work:
        person.set_password(password)
        person.password_updating_date = int(time.time())
        person.change_password_on_next_login = not own and (
            rules.flag("force-password-reset") if by is not None
            else person.change_password_on_next_login
        )  # fmt: skip
        work.save(person)
        if digest:
            _remember(person, digest, rules)
    unlock(person)
    return _result(work)


def change_own_password(
    dbid: int, password: str, *, origin: str, former: bytes, name: str = "", through: str = ""
) -> CommitResult:
    """Give a person a password that it has chosen itself.

    Args:
        former: fingerprint of the verifier by which the old one was judged.
        name: what the change is called; it is carried out once under each name.
        through: the proxy that passed it on.

    Raises:
        NoPermission: there is no such person any more.
        AuthenticationFailed: another password was set since the old one was judged.
        InvalidParameter, PasswordRefused: as `set_password`.
    """
    person = Person.objects.filter(pk=dbid).first()
    if person is None:
        raise NoPermission("the account does not exist any more")

    def change() -> Outcome:
        if fingerprint_of(person.verifier) != former:
            raise AuthenticationFailed("the old password is wrong: it was changed just now")
        return Outcome(dbid, set_password(person, password, by=person, origin=origin))

    # No digest of the password: a receipt is kept for a day.
    receipt = receipts.Name(name, former.hex())
    return receipts.once(receipt, change, by=person, origin=origin, through=through).result


def check_password(person: Person, password: str) -> None:
    """Check a new password by the rules.

    Raises:
        PasswordRefused: they do not allow it; the text says what it lacks.
    """
    _check(person, password, rules_of(person))


def must_change_password(person: Person) -> bool:
    """Whether a person has to change its password before anything else."""
    document = {
        "DBID": person.dbid,
        "changePasswordOnNextLogin": person.change_password_on_next_login,
        "passwordUpdatingDate": person.password_updating_date,
    }
    usable = person.has_usable_password()
    return usable and must_change(rules_of(person), document, time.time())


def unlock(person: Person) -> None:
    """Lift a lock, forget failed logins, and let an account that has expired in again."""
    now = time.time()
    keep([AccountState(person.dbid, last_login=now, cleared_at=now)])


def rules_of(person: Person) -> Rules:
    """Return the rules of accounts that count for a person."""
    document = {"DBID": person.dbid, "userProperties": person.annex}
    return rules_for(document, list(_annexes(person.tenant_id)))


def _annexes(tenant_id: int | None) -> Iterator[Sections]:
    for _ in range(_DEEPEST_TENANT):
        tenant = Tenant.objects.filter(pk=tenant_id or 0).first()
        if tenant is None:
            return
        yield tenant.annex
        tenant_id = tenant.parent_tenant_id


def _check(person: Person, password: str, rules: Rules) -> str:
    """Refuse a password that the rules do not allow; return its digest where they need one."""
    faults = faults_of(rules, password)
    if faults:
        raise PasswordRefused(f"the new password needs {', '.join(faults)}", faults=faults)
    kept = rules.number("password-no-repeats")
    if not kept:
        return ""
    former = list(FormerPassword.objects.filter(person=person.dbid)[:kept])
    salt = former[0].salt if former else secrets.token_hex(16)
    derived = derive(password, bytes.fromhex(salt), settings.SCRAM_ITERATIONS)
    digest = hashlib.sha256(derived).hexdigest()
    same = any(hmac.compare_digest(digest, one.digest) for one in former)
    if same or (person.has_usable_password() and person.check_password(password)):
        raise PasswordRefused(
            f"the new password was used before: choose one that is not among the last {kept}",
            faults=["a password that is new"],
        )
    return f"{salt}:{digest}"


def _remember(person: Person, digest: str, rules: Rules) -> None:
    salt, _, value = digest.partition(":")
    FormerPassword.objects.create(person=person.dbid, salt=salt, digest=value, at=time.time())
    rows = FormerPassword.objects.filter(person=person.dbid)
    kept = rows.values_list("pk", flat=True)[: rules.number("password-no-repeats")]
    rows.exclude(pk__in=list(kept)).delete()


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
