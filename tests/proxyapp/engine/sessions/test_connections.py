from __future__ import annotations

from confwire.handshake import ClientHandshake
from confwire.messages import Open
from proxyapp.engine import events


def test_events_of_connections_that_are_gone_are_nobodys(bench):
    for event in (
        events.Received(77, [b"{}"]),
        events.Blocked(77),
        events.Drained(77),
        events.Disconnected(77, "gone"),
    ):
        bench.commands.clear()
        bench.handle(event)
        assert bench.commands == []


def test_who_does_not_log_in_in_time_is_sent_away(bench):
    silent, slow, quick = bench.connect(), bench.connect(), bench.connect()
    slow.send(Open(application="default", user="bob",
                   data=ClientHandshake("bob", "client-nonce-0123456789ab").first()))  # fmt: skip
    quick.open("bob")
    bench.tick(9.9)
    assert silent.closed is None
    bench.tick(0.2)
    assert (silent.closed[0], slow.closed[0], quick.closed) == (4000, 4000, None)


def test_one_client_that_goes_away_in_its_opening_leaves_nothing(bench):
    client = bench.connect()
    first = ClientHandshake("bob", "client-nonce-0123456789ab").first()
    client.send(Open(application="default", user="bob", data=first))
    client.leave()
    bench.tick(20)
    bench.handle(events.Received(client.connection, [b"{}"]))
    assert bench.node.status(bench.now)["sessions"] == []
