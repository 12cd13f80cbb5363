"""Several ways one after another, and what is remembered of passwords that were rejected."""

from __future__ import annotations

import time
from typing import Any

import pytest

from confwire.handshake import make_verifier
from proxyapp.auth import chain
from proxyapp.auth.verdict import Misconfigured, Standing, Verdict, secret_of
from proxyapp.engine.commands import Authenticate
from proxyapp.engine.trust.ways import Directory, Internal, Ldap
from tests.authservers import PEOPLE, LdapServer
from tests.servers import free_port

VERIFIER = make_verifier("слово", b"0123456789abcdef", 4096)


def request(*ways: Any, data: str = "слово", **more: Any) -> Authenticate:
    given: dict[str, Any] = {
        "mechanism": "PLAIN", "user": "зоя", "nonce": "", "proof": "", "verifier": VERIFIER,
        "known": True, "seconds": 3.0, "remember": 0.0, "iterations": 4096, "empty": False,
        "external_empty": False, **more,
    }  # fmt: skip
    return Authenticate(ticket=1, data=data, ways=ways, **given)


def judge(asked: Authenticate, refusals: chain.Refusals | None = None) -> Verdict:
    return chain.check(asked, time.monotonic() + 3, {}, refusals or chain.Refusals())


def at(server: LdapServer) -> Ldap:
    return Ldap((Directory(url=server.url(), timeout=1.0),))


def test_what_rejects_hands_on_to_the_next(directory: LdapServer) -> None:
    way = at(directory)
    assert judge(request(way, Internal(), data=PEOPLE["зоя"])).outcome == "accepted"
    assert judge(request(way, Internal())).outcome == "accepted"
    assert judge(request(way, Internal(), data="wrong")).outcome == "rejected"


def test_what_is_away_hands_on_but_one_rejection_is_one(directory: LdapServer) -> None:
    gone = Ldap((Directory(url=f"ldap://127.0.0.1:{free_port()}/dc=t??sub?(uid=X)", attempts=1),))
    assert judge(request(gone, at(directory), data=PEOPLE["зоя"])).outcome == "accepted"
    assert judge(request(gone, at(directory))).outcome == "rejected"
    assert judge(request(at(directory), gone)).outcome == "rejected"
    assert judge(request(gone)).outcome == "unavailable"
    assert judge(request()).outcome == "unavailable"


def test_a_rejection_is_remembered_for_this_password_alone(directory: LdapServer) -> None:
    refusals, way = chain.Refusals(), at(directory)
    assert judge(request(way, data="wrong", remember=60.0), refusals).outcome == "rejected"
    directory.stop()
    try:
        assert judge(request(way, data="wrong", remember=60.0), refusals).outcome == "rejected"
        other = request(way, data=PEOPLE["зоя"], remember=60.0)
        assert judge(other, refusals).outcome == "unavailable"
    finally:
        directory.start()
    assert judge(other, refusals).outcome == "accepted"
    kept = repr(refusals._known)
    assert "wrong" not in kept


def test_the_memory_of_rejections_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "_MOST", 3)
    refusals = chain.Refusals()
    for number in range(5):
        asked = request(Internal(), data=f"wrong {number}", remember=60.0)
        refusals.put(asked, Verdict("rejected"))
    assert len(refusals._known) == 3


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ({}, "rejected"),
        ({"empty": True}, "rejected"),
        ({"empty": True, "verifier": ""}, "accepted"),
        ({"empty": True, "verifier": "", "known": False}, "rejected"),
        ({"verifier": ""}, "rejected"),
    ],
)
def test_an_empty_password_opens_only_what_has_none(more: dict[str, Any], outcome: str) -> None:
    assert judge(request(Internal(), data="", **more)).outcome == outcome


def test_a_secret_file_is_for_its_owner(tmp_path: Any) -> None:
    file = tmp_path / "secret"
    file.touch(0o600)
    file.write_text("тайна\n")
    assert secret_of("", str(file)) == "тайна"
    assert secret_of("given", "") == "given"
    with pytest.raises(Misconfigured):
        secret_of("", str(tmp_path / "none"))


def test_a_silent_server_is_left_alone_for_a_while() -> None:
    standing = Standing()
    standing.answered(1)
    assert standing.order(3) == [1, 2, 0]
    standing.silent(2, 60.0)
    assert standing.order(3) == [1, 0]
    standing.silent(1, 0.0)
    assert standing.order(3) == [1, 0]
