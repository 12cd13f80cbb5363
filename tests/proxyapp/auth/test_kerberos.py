"""Tickets of a real realm: MIT Kerberos."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxyapp.auth.kerberos import check
from proxyapp.engine.trust.ways import Kerberos
from tests.authservers import Realm

NONCE = "bm9uY2Ugb2YgdGhlIGNvbm5lY3Rpb24="
CLIENT = """
import asyncio, json, sys
from confwire.client.credentials import Credentials
from confwire.client.logins import login_of

user, service, nonces = sys.argv[1], sys.argv[2], sys.argv[3:]
async def bring(nonce):
    login = login_of(Credentials("default", user, "", "", "KERBEROS", service), secure=False)
    return [await login.first(), await login.answer(nonce)]
print(json.dumps([asyncio.run(bring(nonce)) for nonce in nonces]))
"""


def tickets(realm: Realm, user: str, *nonces: str, seconds: int = 3600) -> list[tuple[str, str]]:
    """Return tickets of a user and its signatures, as its own process makes them."""
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, user, realm.spn, *nonces],
        env={**realm.cache_of(user, seconds), "PYTHONPATH": "."},
        cwd=Path(__file__).parents[3],
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [(ticket, proof) for ticket, proof in json.loads(done.stdout)]


@pytest.fixture
def way(realm: Realm, monkeypatch: pytest.MonkeyPatch) -> Kerberos:
    for name, value in realm.environment.items():
        if name.startswith("KRB5"):
            monkeypatch.setenv(name, value)
    return Kerberos(spn=realm.spn, keytab=realm.keytab, realm=realm.name, replay_cache=False)


@pytest.mark.parametrize("user", ["ivan", "зоя", "田中"])
def test_the_owner_of_a_ticket_is_known(realm: Realm, way: Kerberos, user: str) -> None:
    ((ticket, proof),) = tickets(realm, user, NONCE)
    verdict = check(way, ticket, NONCE, proof)
    assert (verdict.outcome, verdict.principal) == ("accepted", f"{user}@{realm.name}")
    assert b64decode(verdict.data)


def test_a_ticket_is_of_no_use_to_who_has_recorded_it(realm: Realm, way: Kerberos) -> None:
    """Not with its old proof, for another connection has another nonce; nor at another server."""
    (first, second) = tickets(realm, "ivan", NONCE, "other")
    assert check(way, *first[:1], "other", first[1]).outcome == "rejected"
    assert check(way, first[0], "other", second[1]).outcome == "rejected"
    assert check(way, first[0], NONCE, b64encode(b"forged").decode()).outcome == "rejected"
    assert check(way, first[0], NONCE, "").outcome == "rejected"


def test_the_hosts_replay_cache_may_stand_beside(realm: Realm, way: Kerberos) -> None:
    with_cache = Kerberos(spn=realm.spn, keytab=realm.keytab, realm=realm.name)
    ((ticket, proof),) = tickets(realm, "ivan", NONCE)
    assert check(with_cache, ticket, NONCE, proof).outcome == "accepted"
    assert check(with_cache, ticket, NONCE, proof).outcome == "rejected"
    assert check(way, ticket, NONCE, proof).outcome == "accepted"


@pytest.mark.parametrize("cut", [0, 1, 10, 200])
def test_truncated_and_spoiled_tickets(realm: Realm, way: Kerberos, cut: int) -> None:
    ((ticket, proof),) = tickets(realm, "ivan", NONCE)
    raw = b64decode(ticket)
    spoiled = raw[:cut] + bytes([raw[cut] ^ 1]) + raw[cut + 1 :]
    for data in (raw[:cut], spoiled, raw[:-1]):
        assert check(way, b64encode(data).decode(), NONCE, proof).outcome == "rejected"
    assert check(way, "no base64!", NONCE, proof).outcome == "rejected"


def test_keys_that_are_not_there_reject_nobody(realm: Realm, way: Kerberos) -> None:
    ((ticket, proof),) = tickets(realm, "ivan", NONCE)
    lost = Kerberos(spn=realm.spn, keytab="/nowhere", realm=realm.name)
    assert check(lost, ticket, NONCE, proof).outcome == "unavailable"


def test_a_ticket_of_another_realm_is_refused(realm: Realm, way: Kerberos) -> None:
    ((ticket, proof),) = tickets(realm, "ivan", NONCE)
    foreign = Kerberos(spn=way.spn, keytab=way.keytab, realm="OTHER", replay_cache=False)
    assert check(foreign, ticket, NONCE, proof).outcome == "rejected"


@pytest.fixture(scope="module")
def other(realm: Realm) -> Iterator[Realm]:
    """A realm of another name with a key distribution centre of its own, and the same people."""
    made = Realm(("ivan",), "OTHER.TEST")
    yield made
    made.end()


@pytest.fixture(scope="module")
def namesake(realm: Realm) -> Iterator[Realm]:
    """One more, which says that it is ours."""
    made = Realm(("ivan",), realm.name)
    yield made
    made.end()


def test_a_real_ticket_of_another_realm_is_refused(
    realm: Realm, way: Kerberos, other: Realm
) -> None:
    ((ticket, proof),) = tickets(other, "ivan", NONCE)
    verdict = check(way, ticket, NONCE, proof)
    assert verdict.outcome == "rejected"
    assert other.spn in verdict.text
    assert way.spn in verdict.text
    assert check(way, *_fresh(realm)).outcome == "accepted"


def test_a_real_ticket_of_a_realm_that_says_it_is_ours_is_refused(
    realm: Realm, way: Kerberos, namesake: Realm
) -> None:
    ((ticket, proof),) = tickets(namesake, "ivan", NONCE)
    assert namesake.spn == realm.spn
    verdict = check(way, ticket, NONCE, proof)
    assert (verdict.outcome, verdict.principal) == ("rejected", "")
    assert verdict.text.startswith("Cannot decrypt ticket")


@pytest.mark.parametrize("form", ["ours", "theirs", "any"])
def test_the_realm_counts_also_where_the_keys_of_both_are_there(
    realm: Realm, other: Realm, tmp_path: Path, way: Kerberos, form: str
) -> None:
    spn = {"ours": realm.spn, "theirs": other.spn, "any": "confwire@localhost"}[form]
    keys = merged(tmp_path / "both.keytab", realm, other)
    both = Kerberos(spn=spn, keytab=keys, realm=realm.name, replay_cache=False)
    ((ticket, proof),) = tickets(other, "ivan", NONCE)
    verdict = check(both, ticket, NONCE, proof)
    assert verdict.outcome == "rejected"
    if form != "ours":
        assert verdict.text == f"the ticket is of another realm than {realm.name}"


def merged(file: Path, *realms: Realm) -> str:
    """Return a keytab with the keys of all of these realms."""
    words = "".join(f"rkt {realm.keytab}\n" for realm in realms) + f"wkt {file}\n"
    subprocess.run(["ktutil"], input=words, text=True, check=True, capture_output=True)
    return str(file)


def test_a_ticket_that_was_made_without_the_keys_is_refused(
    realm: Realm, way: Kerberos, tmp_path: Path
) -> None:
    ((ticket, proof),) = tickets(realm, "ivan", NONCE)
    keys = realm.made_up_keytab(tmp_path)
    other = Kerberos(spn=way.spn, keytab=keys, realm=realm.name, replay_cache=False)
    assert check(other, ticket, NONCE, proof).outcome == "rejected"


def test_a_ticket_that_has_expired_is_refused(
    realm: Realm, way: Kerberos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ((ticket, proof),) = tickets(realm, "ivan", NONCE, seconds=2)
    assert check(way, ticket, NONCE, proof).outcome == "accepted", "clocks may differ"
    monkeypatch.setenv("KRB5_CONFIG", realm.intolerant(tmp_path))
    deadline = time.monotonic() + 20
    while (verdict := check(way, ticket, NONCE, proof)).outcome == "accepted":
        assert time.monotonic() < deadline, "it never expires"
        time.sleep(0.1)
    # Its client's signature of the time is as old as it is, which is what is looked at first.
    assert (verdict.outcome, verdict.text) == ("rejected", "Clock skew too great")
    assert check(way, *_fresh(realm)).outcome == "accepted", "the keys are still good"


def _fresh(realm: Realm) -> tuple[str, str, str]:
    ((ticket, proof),) = tickets(realm, "ivan", NONCE)
    return ticket, NONCE, proof
