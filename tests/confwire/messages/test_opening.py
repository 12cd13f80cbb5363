"""What an opening may ask for."""

from __future__ import annotations

import msgspec
import pytest

from confwire.messages import KeepAlive, Open, ServerIdentity


def opening(**fields):
    text = msgspec.json.encode({"message": "open", "application": "client", **fields})
    return msgspec.json.decode(text, type=Open)


def test_it_is_for_a_session_with_scram_and_without_a_token_unless_it_says_otherwise():
    message = opening()
    assert (message.role, message.mechanism, message.token) == ("client", "SCRAM-SHA-256", None)


def test_an_empty_token_is_not_none():
    assert opening(token="").token == ""


@pytest.mark.parametrize(
    "fields",
    [
        {"role": "master"},
        {"mechanism": "SCRAM-SHA-1"},
        {"token": "x" * 1_001},
        {"keepAlive": {"local": -1}},
        {"keepAlive": {"remote": 86_401}},
        {"subscriptions": [{"mode": "all"}]},
    ],
)
def test_what_nobody_offers_is_refused(fields):
    with pytest.raises(msgspec.ValidationError):
        opening(**fields)


def test_timeouts_are_up_to_a_day():
    assert opening(keepAlive={"local": 0.5, "remote": 86_400}).keep_alive == KeepAlive(0.5, 86_400)


def test_a_server_tells_only_the_addresses_that_it_has():
    server = ServerIdentity(application="confserv", dbid=99, release="1.0.0", mode="master")
    assert msgspec.json.decode(msgspec.json.encode(server)) == {
        "application": "confserv",
        "DBID": 99,
        "release": "1.0.0",
        "mode": "master",
    }
