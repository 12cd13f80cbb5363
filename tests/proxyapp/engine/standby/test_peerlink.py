"""The link between the servers of a pair: dialled by both, broken, refused, and made again."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from confwire.messages import HandOver, KeepAlive
from proxyapp.engine import commands, events
from proxyapp.engine.standby.peerlink import PeerLink
from proxyapp.engine.topology.pair import Configured
from proxyapp.engine.topology.partners import Partner
from tests.proxyapp.engine.bench import Bench, record
from tests.proxyapp.engine.pairbench import PRIMARY, PairBench, application
from tests.proxyapp.engine.standby.test_pairing import roles, session_of, sessions


@pytest.fixture
def two() -> PairBench:
    return PairBench()


class Owner:
    """Who writes down what becomes of a link."""

    starting = True

    def __init__(self) -> None:
        self.told: list[Any] = []

    def keep_alive(self) -> KeepAlive:
        return KeepAlive(10, 10)

    def take(self, message: Any) -> None:
        self.told.append(message)

    def linked(self) -> None:
        self.told.append("linked")

    def relinked(self) -> None:
        self.told.append("relinked")

    def parted(self, reason: str, gone: bool, was_open: bool) -> None:
        self.told.append((reason, gone, was_open))


class Line:
    """A session that the other server has opened."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def answer(self, message: Any) -> None:
        self.sent.append(message)


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def link(bench: Bench, owner: Owner) -> PeerLink:
    """A link that was asked for."""
    bench.commit(record("host", 70, name="host-b", ipAddress="10.1.1.70"))
    bench.commit(application(PRIMARY, "proxy1", serverInfo={"hostDBID": 70}))
    row = bench.node.serving.application_named("proxy1")
    assert row is not None
    made = PeerLink(bench.node.serving, owner)
    made.begin(Partner(PRIMARY, "proxy1", Configured.BACKUP, msgspec.json.decode(row.body)))
    return made


def delays(bench: Bench) -> list[float]:
    """Return the delays of the connections that were asked for since the last time."""
    out, bench.node.serving.out = bench.node.serving.out, []
    return [item.delay for item in out if isinstance(item, commands.ConnectLink)]


def test_the_other_server_is_dialled_at_once_and_then_again_after_a_while(bench, link, owner):
    assert delays(bench) == [0.0]
    link.lost("refused", True, 0.0)
    assert owner.told == [("refused", True, False)]
    assert delays(bench) == [0.1]
    owner.starting = False
    link.lost("refused", True, 1.0)
    assert delays(bench) == [0.75]


def test_a_second_line_is_talked_on_and_the_first_takes_over_when_it_ends(link, owner):
    first, second = Line(), Line()
    link.joined(first)
    link.joined(second)
    link.tell(HandOver(run="one", said=1))
    assert (len(first.sent), len(second.sent)) == (0, 1)
    link.left(second, "gone", True)
    link.tell(HandOver(run="one", said=1))
    assert (len(first.sent), len(second.sent)) == (1, 1)
    assert owner.told == ["linked", "linked", "relinked"]
    assert link.state == "live"


def test_what_decides_is_told_on_all_lines(link):
    first, second = Line(), Line()
    link.joined(first)
    link.joined(second)
    link.tell_all(HandOver(run="one", said=1))
    assert (len(first.sent), len(second.sent)) == (1, 1)


def test_the_last_line_that_ends_parts_the_two(link, owner):
    line = Line()
    link.joined(line)
    link.left(line, "silent", False)
    assert owner.told == ["linked", ("silent", False, True)]
    assert not link.stands
    link.left(line, "silent", False)
    assert len(owner.told) == 2


def test_a_server_that_ends_dials_no_more(bench, link):
    delays(bench)
    link.stop()
    link.lost("refused", True, 0.0)
    link.tick()
    assert delays(bench) == []


def test_a_link_that_only_broke_stands_again_and_promotes_nobody(two):
    client = two.primary.login("bob")
    two.primary._break(True, "the connection broke")
    assert two.backup.wanted is not None
    assert two.backup.wanted.delay == 0.0
    assert two.backup.running == "backup"
    two.backup.reach()
    assert roles(two) == ("primary", "backup")
    assert sessions(two.backup) == {session_of(client)}


NONSENSE: list[bytes] = [
    b"",
    b"nonsense",
    b"{}",
    b'{"message":"pairRole"}',
    b'{"message":"pairRole","running":"emperor","term":1}',
    b'{"message":"pairRole","running":"primary","term":-1}',
    b'{"message":"pairRole","running":"primary","term":1e300}',
    b'{"message":"sessionsMirrored","epoch":"e1","revision":"x"}',
    b'{"message":"opened"}',
    b'{"message":"readObjects","ref":1,"objectType":"skill"}',
]


@pytest.mark.parametrize("data", NONSENSE)
def test_nonsense_of_the_other_server_changes_nobodys_role(two, data):
    two.primary.handle(events.Received(two.backup.peer_line.connection, [data]))
    two.backup.handle(events.LinkReceived([data], "peer"))
    for _ in range(3):
        two.tick(1.0)
    assert roles(two) == ("primary", "backup")
    assert two.backup.pair["link"] == two.primary.pair["link"] == "live"


def test_a_server_that_was_refused_for_good_does_not_knock_all_the_time(two):
    two.backup.hang_up("to dial anew")
    two.primary.node.serving.settings = msgspec.structs.replace(
        two.primary.node.serving.settings, release="9.9"
    )
    two.backup.tick(1.0)
    two.backup.reach()
    assert two.backup.wanted is not None
    assert two.backup.wanted.delay >= 5.0
