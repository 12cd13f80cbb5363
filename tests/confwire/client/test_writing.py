"""What a client writes, and what it is told of it."""

from __future__ import annotations

import msgspec
import pytest

from confwire.errors import NoPermission
from confwire.messages import (
    CreateObject,
    DeleteObject,
    ObjectCreated,
    ObjectDeleted,
    ObjectUpdated,
    UpdateObject,
)

pytestmark = pytest.mark.asyncio


async def test_writes_tell_what_became_of_them(peer, start):
    client = await peer.connect()
    session = await peer.session()
    writing = start(client.create("host", {"name": "h"}, folder=3))
    request = await session.receive(CreateObject)
    assert (request.object, request.folder_dbid) == ({"name": "h"}, 3)
    answer = {"ref": request.ref, "epoch": "e", "revision": 11, "object_type": "host", "dbid": 5}
    await session.send(ObjectCreated(**answer, object=msgspec.Raw(b'{"DBID":5,"name":"h"}')))
    written = await writing
    assert (written.dbid, written.revision, written.object["name"]) == (5, 11, "h")

    writing = start(client.update("host", 5, {"lcaPort": "1"}))
    request = await session.receive(UpdateObject)
    assert request.delta == {"lcaPort": "1"}
    await session.send(ObjectUpdated(**{**answer, "ref": request.ref, "revision": 12}))
    assert (await writing).revision == 12

    writing = start(client.delete("host", 5))
    request = await session.receive(DeleteObject)
    await session.send(ObjectDeleted(**{**answer, "ref": request.ref, "revision": 13}))
    assert (await writing).revision == 13


async def test_a_refused_write_raises_the_error_of_its_code(peer, start):
    client = await peer.connect()
    session = await peer.session()
    writing = start(client.delete("host", 5))
    await session.refuse(await session.receive(), NoPermission())
    with pytest.raises(NoPermission):
        await writing


async def test_an_object_that_was_deleted_at_once_was_created_all_the_same(peer, start):
    client = await peer.connect()
    session = await peer.session()
    writing = start(client.create("host", {"name": "h"}))
    request = await session.receive(CreateObject)
    answer = {"ref": request.ref, "epoch": "e", "revision": 11, "object_type": "host", "dbid": 5}
    await session.send(ObjectCreated(**answer, object=msgspec.Raw(b"null")))
    written = await writing
    assert (written.dbid, written.object) == (5, None)
