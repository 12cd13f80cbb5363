"""Requests of a client and what becomes of them when the connection does not hold."""

from __future__ import annotations

import msgspec
import pytest

from confwire.client import ClientClosed, LinkLost, State
from confwire.errors import (
    AuthenticationFailed,
    InvalidParameter,
    LocalProtocolError,
    NotReady,
    ReadInterrupted,
)
from confwire.messages import (
    BriefInfo,
    ObjectsRead,
    ObjectsSent,
    ReadBrief,
    ReadObjects,
    ReadServerInfo,
    ServerIdentity,
    ServerInfo,
)

pytestmark = pytest.mark.asyncio
SERVER = ServerIdentity(application="confserv", dbid=99, release="1.0.0", mode="master")


def dbids(objects):
    return [document["DBID"] for document in objects]


async def test_an_open_client_knows_its_server(peer):
    client = await peer.connect(application_type="sce")
    session = await peer.session()
    assert session.opening.application == "default"
    assert session.opening.application_type == "sce"
    assert session.opening.user == "default"
    assert (client.state, client.session, client.server.application) == (
        State.OPEN,
        "s1",
        "confserv",
    )
    assert repr(client) == "<Client open, 0 watches>"


async def test_an_application_logs_in_by_its_own_secret(peer):
    await peer.connect(application="statserver", user="", password="", secret="pencil")
    session = await peer.session()
    assert session.opening.user == ""
    assert "n=statserver," in session.opening.data


@pytest.mark.parametrize("account", [{"user": ""}, {"secret": "x"}])
async def test_an_account_is_a_person_or_an_application(peer, account):
    with pytest.raises(LocalProtocolError, match="give a user with a password, or the"):
        await peer.connect(**account)


async def test_a_wrong_password_is_told_and_not_tried_again(peer):
    with pytest.raises(AuthenticationFailed, match="user name or password is wrong"):
        await peer.connect(password="pen")


async def test_a_server_that_cannot_be_reached_is_named(peers, unused_port):
    peer = await peers()
    peer.port = unused_port
    with pytest.raises(LinkLost, match=f"cannot connect to 127.0.0.1:{unused_port}: connection r"):
        await peer.connect()


async def test_a_patient_client_waits_for_a_server_to_get_ready(peer, start):
    peer.refusal = NotReady()
    opening = start(peer.connect(patience=60))
    await peer.refused.wait()
    peer.refusal = None
    assert (await opening).state is State.OPEN


async def test_an_impatient_client_says_what_the_server_said(peer):
    peer.refusal = NotReady()
    with pytest.raises(NotReady, match="the server has no data yet"):
        await peer.connect()


async def test_a_read_gathers_its_packets(peer, start):
    client = await peer.connect()
    session = await peer.session()
    reading = start(client.read("host", {"name": "h*"}))
    request = await session.receive(ReadObjects)
    assert (request.object_type, request.filter) == ("host", {"name": "h*"})
    await session.packet(request, 1, 2, total=3)
    await session.packet(request, 3, total=3)
    await session.send(ObjectsSent(ref=request.ref, epoch="e", revision=10, total=3))
    assert dbids(await reading) == [1, 2, 3]


async def test_an_answer_of_one_packet_needs_no_end(peer, start):
    client = await peer.connect()
    session = await peer.session()
    reading = start(client.read("host"))
    await session.packet(await session.receive(), last=True)
    assert await reading == []


async def test_pipelined_answers_find_their_askers(peer, start):
    client = await peer.connect()
    session = await peer.session()
    first, second = start(client.read("host")), start(client.read("host"))
    one, two = await session.receive(), await session.receive()
    await session.packet(two, 2, last=True)
    await session.packet(one, 1, last=True)
    assert dbids(await first) == [1]
    assert dbids(await second) == [2]


async def test_a_brief_read_asks_for_brief_objects(peer, start):
    client = await peer.connect()
    session = await peer.session()
    reading = start(client.brief("host", limit=5, after=7))
    request = await session.receive(ReadBrief)
    assert (request.limit, request.after) == (5, 7)
    brief = BriefInfo(
        ref=request.ref,
        epoch="e",
        revision=10,
        object_type="host",
        count=1,
        total=1,
        last=True,
        objects=[msgspec.Raw(b'{"DBID":8}')],
    )
    await session.send(brief)
    assert await reading == [{"DBID": 8}]


async def test_a_cut_read_by_name_goes_on_behind_the_last_name(peer, start):
    client = await peer.connect()
    session = await peer.session()
    packets = client.read_packets("person", limit=3, order="name", after_name="a")
    following = start(anext(packets))
    request = await session.receive(ReadObjects)
    assert (request.order, request.after_name, request.after) == ("name", "a", 0)
    persons = [b'{"DBID":8,"userName":"b"}', b'{"DBID":5,"userName":"C"}']
    answer = ObjectsRead(
        ref=request.ref, epoch="e", revision=10, object_type="person", count=2, total=3,
        objects=list(map(msgspec.Raw, persons)),
    )  # fmt: skip
    await session.send(answer)
    assert dbids((await following).objects) == [8, 5]
    session.cut()
    following = start(anext(packets))
    session = await peer.session()
    request = await session.receive(ReadObjects)
    assert (request.order, request.after_name, request.after) == ("name", "C", 5)
    assert request.limit == 1
    await session.packet(request, 9, last=True)
    assert dbids((await following).objects) == [9]


async def test_a_read_cut_in_the_middle_goes_on_behind_the_last_object(peer, start):
    client = await peer.connect()
    session = await peer.session()
    packets = client.read_packets("host", limit=4)
    following = start(anext(packets))
    await session.packet(await session.receive(), 1, 2, total=4)
    assert dbids((await following).objects) == [1, 2]
    session.cut()
    following = start(anext(packets))
    session = await peer.session()
    request = await session.receive(ReadObjects)
    assert (request.after, request.limit) == (2, 2)
    await session.packet(request, 3, 4, last=True)
    assert dbids((await following).objects) == [3, 4]
    with pytest.raises(StopAsyncIteration):
        await anext(packets)


async def test_a_read_that_was_not_answered_is_asked_again(peer, start):
    client = await peer.connect()
    session = await peer.session()
    reading = start(client.read("host"))
    await session.receive()
    session.cut()
    session = await peer.session()
    await session.packet(await session.receive(), 1, last=True)
    assert dbids(await reading) == [1]


async def test_a_refused_read_raises_the_error_of_its_code(peer, start):
    client = await peer.connect()
    session = await peer.session()
    reading = start(client.read("host", {"nam": "x"}))
    await session.refuse(await session.receive(), InvalidParameter("no filter key 'nam'"))
    with pytest.raises(InvalidParameter, match="no filter key 'nam'"):
        await reading
    assert client.state is State.OPEN


async def test_the_path_of_an_object_comes_with_it(peer, start):
    client = await peer.connect()
    session = await peer.session()
    reading = start(client.read("host", {"object_path": 1}))
    request = await session.receive()
    await session.packet(request, 1, last=True, object_paths=["Hosts"])
    assert await reading == [{"DBID": 1, "name": "h1", "objectPath": "Hosts"}]


async def test_the_server_tells_of_itself(peer, start):
    client = await peer.connect()
    session = await peer.session()
    asking = start(client.server_info())
    await session.receive(ReadServerInfo)
    session.cut()
    session = await peer.session()
    request = await session.receive(ReadServerInfo)
    info = ServerInfo(ref=request.ref, epoch="e", revision=12, server=SERVER, objects=7)
    await session.send(info)
    assert (await asking) == info


async def test_closing_the_client_ends_what_waits(peer, start):
    client = await peer.connect()
    session = await peer.session()
    reading = start(client.read("host"))
    await session.receive()
    await client.close()
    with pytest.raises(ClientClosed, match="the client was closed"):
        await reading
    with pytest.raises(ClientClosed, match="the client was closed"):
        await client.read("host")
    assert client.state is State.CLOSED
    assert session.socket.close_code == 1000
    await client.close()  # twice is no error


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b'{"message":"nonsense"}',
        b'{"message":"error","code":"malformedMessage","text":"x"}',
        b'{"message":"objectsRead","ref":2,"epoch":"e","revision":1,"objectType":"host",'
        b'"count":1,"total":1,"objects":[5]}',
    ],
)
async def test_what_is_no_message_ends_the_link_and_another_follows(peer, start, data):
    client = await peer.connect()
    session = await peer.session()
    watching = start(client.watch(["host"], snapshot=True))
    request = await session.receive()
    await session.socket.send(data.replace(b"2", b"%d" % request.ref), text=True)
    session = await peer.session()
    await session.registered(await session.receive(), 1)
    assert (await watching).is_live
    assert client.state is State.OPEN


async def test_a_read_that_was_interrupted_is_read_anew(peer, start):
    client = await peer.connect()
    session = await peer.session()
    reading = start(client.read("host"))
    request = await session.receive()
    await session.packet(request, 1, 2, total=3)
    await session.refuse(request, ReadInterrupted())
    request = await session.receive(ReadObjects)
    assert request.after == 0
    await session.packet(request, 2, last=True)
    assert dbids(await reading) == [2]


async def test_who_reads_by_packets_is_told_that_they_are_void(peer, start):
    client = await peer.connect()
    session = await peer.session()
    packets = client.read_packets("host")
    following = start(anext(packets))
    request = await session.receive()
    await session.packet(request, 1, total=3)
    await following
    await session.refuse(request, ReadInterrupted())
    with pytest.raises(ReadInterrupted):
        await anext(packets)
