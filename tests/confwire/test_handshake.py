"""The login: SCRAM-SHA-256 between both sides, and the verifiers that servers keep."""

from __future__ import annotations

import base64

import pytest

from confwire.errors import (
    AuthenticationFailed,
    InvalidParameter,
    LocalProtocolError,
    RemoteProtocolError,
)
from confwire.handshake import (
    LONGEST_PASSWORD,
    ClientHandshake,
    ServerHandshake,
    check_password,
    derive,
    make_verifier,
    normalise,
    parse_challenge,
    parse_verifier,
    resume_proof,
    server_key,
)

SALT = b"0123456789abcdef"
KEY = b"k" * 32
PENCIL = make_verifier("pencil", SALT, 4096)


def log_in(password: str, verifier: str | None, user: str = "user") -> None:
    client, server = ClientHandshake(user, "cccc"), ServerHandshake("ssss")
    challenge = server.challenge(client.first(), verifier, KEY)
    salting = parse_challenge(challenge)
    proof = client.final(challenge, derive(password, salting.salt, 4096))
    client.verify(server.check(proof))


def test_the_example_of_rfc_7677():
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    nonce = "rOprNGfwEbeRWgbNEkqO"
    client = ClientHandshake("user", nonce)
    server = ServerHandshake("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")
    assert client.first() == f"n,,n=user,r={nonce}"
    challenge = server.challenge(client.first(), make_verifier("pencil", salt, 4096), KEY)
    assert challenge == (
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    )
    final = client.final(challenge, derive("pencil", salt, 4096))
    assert final == (
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    server_final = server.check(final)
    assert server_final == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    client.verify(server_final)


@pytest.mark.parametrize("user", ["user", "a,b=c", "=2C", "Иван", "山田", "مستخدم1"])
def test_names_travel_unharmed(user):
    server = ServerHandshake("s")
    server.challenge(ClientHandshake(user, "n").first(), None, b"key")
    assert server.user == user
    log_in("pencil", PENCIL, user)


def test_a_wrong_password_is_refused():
    with pytest.raises(AuthenticationFailed, match=r"^user name or password is wrong$"):
        log_in("pencils", PENCIL)


def test_an_unknown_user_is_refused_as_one_with_a_wrong_password():
    with pytest.raises(AuthenticationFailed, match=r"^user name or password is wrong$"):
        log_in("pencil", None)


def test_unknown_users_get_a_stable_salt_like_anyone():
    def challenge(user: str) -> str:
        first = ClientHandshake(user, "c").first()
        return ServerHandshake("s", 4096).challenge(first, None, KEY)

    salting = parse_challenge(challenge("nobody"))
    assert challenge("nobody") == challenge("nobody") != challenge("noone")
    assert (len(salting.salt), salting.iterations) == (16, 4096)


def test_a_proof_is_checked_once():
    client, server = ClientHandshake("user", "c"), ServerHandshake("s")
    challenge = server.challenge(client.first(), PENCIL, KEY)
    proof = client.final(challenge, derive("pencil", SALT, 4096))
    server.check(proof)
    with pytest.raises(LocalProtocolError, match="only after `challenge`"):
        server.check(proof)


@pytest.mark.parametrize(
    "change",
    [
        lambda proof: proof.replace("c=biws", "c=eSws"),
        lambda proof: proof.replace("r=cs", "r=cx"),
        lambda proof: proof[:-4],
        lambda proof: proof.replace(",p=", ",p=é"),
        lambda proof: proof.rpartition(",p=")[0],
        lambda proof: "",
        lambda proof: proof.rpartition(",p=")[0] + ",p=" + "A" * 4000,
    ],
)
def test_a_bent_proof_is_refused(change):
    client, server = ClientHandshake("user", "c"), ServerHandshake("s")
    challenge = server.challenge(client.first(), PENCIL, KEY)
    proof = client.final(challenge, derive("pencil", SALT, 4096))
    with pytest.raises(AuthenticationFailed):
        server.check(change(proof))


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        ("y,,n=user,r=c", "SCRAM-SHA-256-PLUS does not exist here"),
        ("p=tls-exporter,,n=user,r=c", "channel binding does not exist here"),
        ("", "begins with 'n,,'"),
        ("n,a=other,n=user,r=c", "begins with 'n,,'"),
        ("n,,n=user", "n=<user>,r=<nonce>"),
        ("n,,n=user,r=", "n=<user>,r=<nonce>"),
        ("n,,n=user,r=\u00e9", "n=<user>,r=<nonce>"),
        ("n,,m=ext,n=user,r=c", "n=<user>,r=<nonce>"),
        ("n,,n=us=er,r=c", "=3D"),
        ("n,,n=,r=c", "empty"),
        ("n,,n=a\0b,r=c", "control characters"),
        ("n,,n=a\ud800b,r=c", "not valid Unicode"),
    ],
)
def test_a_bent_opening_is_refused_with_a_reason(first, reason):
    with pytest.raises(InvalidParameter, match=reason):
        ServerHandshake("s").challenge(first, PENCIL, KEY)


@pytest.mark.parametrize(
    ("challenge", "reason"),
    [
        ("r=xs,s=AAAA,i=4096", "does not extend"),
        ("r=c,s=AAAA,i=4096", "does not extend"),
        ("r=cs,s=AAAA,i=1", "asks for 1 iterations"),
        ("r=cs,s=AAAA,i=99999999999", "iterations"),
        ("r=cs,s=A,i=4096", "no SCRAM message"),
        ("r=cs,s=AAAA", "no SCRAM message"),
        ("e=other-error", "no SCRAM message"),
        ("m=x,r=cs,s=AAAA,i=4096", "no SCRAM message"),
    ],
)
def test_a_client_refuses_a_bent_challenge(challenge, reason):
    with pytest.raises(RemoteProtocolError, match=reason):
        ClientHandshake("user", "c").final(challenge, b"x" * 32)


def test_a_client_refuses_a_server_that_does_not_know_the_account():
    client = ClientHandshake("user", "c")
    client.final("r=cs,s=AAAA,i=4096", b"x" * 32)
    with pytest.raises(RemoteProtocolError, match="could not prove"):
        client.verify("v=AAAA")


def test_a_verifier_is_written_as_rfc_5803_says_and_read_back():
    assert PENCIL.startswith("SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==$")
    assert str(parse_verifier(PENCIL)) == PENCIL
    assert repr(parse_verifier(PENCIL)) == "<Verifier 4096 iterations>"


@pytest.mark.parametrize(
    "text",
    ["", "pencil", PENCIL[:-4], PENCIL.replace("4096", "x"), PENCIL.replace("256", "512")],
)
def test_a_damaged_verifier_is_refused(text):
    with pytest.raises(InvalidParameter, match="set the password anew"):
        parse_verifier(text)


def test_passwords_are_checked_against_a_verifier():
    assert check_password(PENCIL, "pencil")
    assert not check_password(PENCIL, "Pencil")
    assert not check_password(PENCIL, "")


@pytest.mark.parametrize(
    ("typed", "hashed"),
    [
        ("I\u00adX", "IX"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("e\u0301", "é"),
        ("a\u00a0b", "a b"),
        ("سر1", "سر1"),
    ],
)
def test_the_same_password_typed_otherwise_is_the_same(typed, hashed):
    assert normalise(typed) == hashed.encode()


@pytest.mark.parametrize("password", ["", "\u00ad", "a\x07", "a\0", "\ue000", "a\ud800"])
def test_passwords_that_nobody_can_type_again_are_refused(password):
    with pytest.raises(InvalidParameter, match=r"^the password "):
        make_verifier(password, SALT, 4096)


def test_too_long_passwords_are_neither_set_nor_looked_at():
    longest = LONGEST_PASSWORD * "a"
    verifier = make_verifier(longest, SALT, 4096)

    assert check_password(verifier, longest)
    assert not check_password(verifier, longest + "a")
    with pytest.raises(InvalidParameter, match="more than 1024 characters"):
        make_verifier(longest + "a", SALT, 4096)


def test_too_few_iterations_are_refused():
    with pytest.raises(InvalidParameter, match="1000 iterations: use 4096"):
        make_verifier("pencil", SALT, 1000)


def test_at_a_resume_only_who_knows_the_account_can_prove_it():
    mine = server_key(derive("pencil", SALT, 4096))
    assert mine == parse_verifier(PENCIL).server_key
    proof = resume_proof(mine, "nonce", "token")
    assert proof == resume_proof(parse_verifier(PENCIL).server_key, "nonce", "token")
    others = (
        resume_proof(server_key(derive("other", SALT, 4096)), "nonce", "token"),
        resume_proof(mine, "another", "token"),
        resume_proof(mine, "nonce", "another"),
        resume_proof(mine, "nonce,", "token"[1:]),
    )
    assert proof not in others
