from __future__ import annotations

import pytest

from confwire.messages import KeepAlive
from proxyapp.engine import commands
from proxyapp.engine.node import Node
from tests.proxyapp.engine.bench import Bench, Database, environment, settings


def test_a_person_logs_in_and_learns_where_it_is(bench):
    client = bench.connect()
    client.open("bob")
    opened = client.inbox[-1]
    assert (opened["message"], opened["epoch"], opened["revision"]) == ("opened", "e1", 1)
    assert (opened["applicationDBID"], opened["personDBID"]) == (100, 101)
    assert opened["server"]["application"] == "confserv"
    assert opened["server"]["mode"] == "master"
    assert bench.of(commands.Admit)[0].connection == client.connection


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{", b"\xff", b'{"message":"nothing"}', b'{"message":"open"}', b"null",
     b'{"message":"open","application":1,"data":"x"}', b"[" * 5000],
)  # fmt: skip
def test_a_first_message_that_cannot_be_read_ends_the_connection(bench, data):
    client = bench.connect()
    client.send(data)
    assert client.inbox[-1]["message"] == "error"
    assert client.closed[0] == 4002


@pytest.mark.parametrize(
    "request_", [b'{"message":"readServerInfo","ref":1}', b'{"message":"proof","data":"x"}']
)
def test_a_request_before_the_opening_ends_the_connection(bench, request_):
    client = bench.connect()
    client.send(request_, b'{"message":"readServerInfo","ref":2}')
    assert [m["code"] for m in client.inbox] == ["notOpen"]
    assert client.closed is not None


def test_a_second_opening_is_refused_and_the_session_goes_on(bench):
    client = bench.login("bob")
    client.open("eve")
    assert client.inbox[-1]["code"] == "alreadyOpen"
    assert client.closed is None
    assert client.read("skill") == [601, 602]


def test_a_server_without_data_opens_no_session():
    bench = Bench(Node.for_master(settings()), Database(environment()))
    client = bench.connect()
    client.open("bob")
    assert client.inbox[-1]["code"] == "notReady"
    assert client.closed is not None


def test_wished_keep_alives_are_taken_over(bench):
    client = bench.connect()
    client.open("bob", keep_alive=KeepAlive(7, 9))
    assert client.inbox[-1]["keepAlive"] == {"local": 7, "remote": 9}
    assert bench.of(commands.SetKeepAlive)[-1].timeout == 9


def test_who_wishes_no_keep_alive_is_polled_all_the_same(bench):
    bench.login("bob")
    assert bench.of(commands.SetKeepAlive)[-1].timeout == 60
