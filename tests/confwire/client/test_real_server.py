"""The client against a real master: the promises of the protocol, and a server that dies."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from confwire.cli.program import main
from confwire.client import BlockingClient, Client, Cursor, ObjectId, State
from confwire.errors import (
    ApplicationUnknown,
    AuthenticationFailed,
    IncompleteObjectData,
    InvalidParameter,
    ObjectNotFound,
    ProtectedObject,
    UniquenessViolation,
    UnknownFilterKey,
)
from confwire.messages import Permission
from tests.servers import PASSWORD, Process, Site, eventually

T = TypeVar("T")
pytestmark = [pytest.mark.asyncio, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that the master writes is in here."""
    return tmp_path_factory.mktemp("master")


@pytest.fixture(scope="module")
def master(folder: Path) -> Iterator[Process]:
    """One master for all of these tests: each uses names of its own."""
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{folder / 'csproxy.sqlite3'}",
        "CSPROXY_DATA": str(folder / "var"),
    }
    site = Site(environment, folder)
    yield site.master().start()
    site.end()


async def client_of(master: Process, **options: Any) -> Client:
    wished = {"application": "default", "user": "default", "password": PASSWORD, **options}
    return await Client.connect([("127.0.0.1", master.port)], **wished)


async def following(watch: AsyncIterator[T]) -> T:
    async with asyncio.timeout(20):
        return await anext(watch)


def contents_of(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


def skill(name: str) -> dict[str, Any]:
    return {"name": name, "tenantDBID": 1}


async def test_reading_page_by_page_finds_what_reading_at_once_finds(master) -> None:
    async with await client_of(master) as client:
        folders = await client.read("folder")
        numbers = [document["DBID"] for document in folders]
        assert len(numbers) > 30
        assert numbers == sorted(numbers)
        pages: list[dict[str, Any]] = []
        while page := await client.read("folder", limit=7, after=pages[-1]["DBID"] if pages else 0):
            assert len(page) <= 7
            pages += page
        assert pages == folders
        named = pages[:0]
        last: dict[str, Any] = {"name": "", "DBID": 0}
        while page := await client.read(
            "folder", limit=7, order="name", after_name=last["name"], after=last["DBID"]
        ):
            named += page
            last = page[-1]
        assert named == sorted(folders, key=lambda item: (item["name"].casefold(), item["DBID"]))
        brief = await client.brief("folder")
        assert [item["name"] for item in brief] == [item["name"] for item in folders]


async def test_a_filter_is_answered_or_refused(master) -> None:
    async with await client_of(master) as client:
        (found,) = await client.read("application", {"name": "confserv", "object_path": 1})
        assert (found["DBID"], found["type"]) == (99, "configserver")
        assert found["objectPath"]
        assert await client.read("application", {"name": "nobody"}) == []
        with pytest.raises(UnknownFilterKey, match="no filter key 'nam'"):
            await client.read("application", {"nam": "x"})
        with pytest.raises(InvalidParameter, match="no object type 'applicatoin'"):
            await client.read("applicatoin")


async def test_writes_come_back_to_a_watch_as_they_were_made(master) -> None:
    async with await client_of(master) as client, await client.watch(["skill"]) as watch:
        written = await client.create("skill", skill("Навык"))
        assert written.object is not None
        created = await following(watch)
        assert (created.revision, created.changes[0].kind) == (written.revision, "created")
        assert created.changes[0].object == written.object
        await client.update("skill", written.dbid, {"name": "技能"})
        (updated,) = (await following(watch)).changes
        assert (updated.delta, updated.former) == ({"name": "技能"}, {"name": "Навык"})
        await client.delete("skill", written.dbid)
        (deleted,) = (await following(watch)).changes
        assert (deleted.kind, deleted.dbid) == ("deleted", written.dbid)


async def test_a_write_that_is_mistyped_is_made_with_a_warning(master, monkeypatch, capfd) -> None:
    async with await client_of(master) as client:
        wrong = {"options": {"csproxy": {"drain-time": "x"}}}
        (told,) = (await client.update("application", 99, wrong)).warnings
        assert "drain-time has the value 'x', which is not valid" in told
        right = {"options": {"csproxy": {"drain-time": "5"}}}
        assert (await client.update("application", 99, right)).warnings == ()
        monkeypatch.setenv("CONFCTL_PASSWORD", PASSWORD)
        words = ["write", "set", "application", "name=confserv", "csproxy/drain-time=soon"]
        words += ["--user", "default", "--port", str(master.port), "--host", "127.0.0.1"]
        assert await asyncio.to_thread(main, words) == 0
        shown = capfd.readouterr()
        assert shown.out.startswith("updated application 99, revision ")
        assert "confctl: warning: option [csproxy] drain-time has the value 'soon'" in shown.err
        assert await asyncio.to_thread(main, [*words, "--json"]) == 0
        shown = capfd.readouterr()
        assert "drain-time" in json.loads(shown.out)["warnings"][0]
        assert "warning" not in shown.err
        await client.update("application", 99, {"options": {"csproxy": None}})


async def test_a_refused_write_says_why(master) -> None:
    async with await client_of(master) as client:
        await client.create("skill", skill("taken"))
        with pytest.raises(UniquenessViolation):
            await client.create("skill", skill("taken"))
        with pytest.raises(IncompleteObjectData):
            await client.create("skill", {"name": "two"})
        with pytest.raises(ObjectNotFound):
            await client.update("skill", 4711, {"name": "x"})
        with pytest.raises(ProtectedObject):
            await client.delete("application", 99)
        with pytest.raises(InvalidParameter, match="NUL"):
            await client.create("skill", skill("a\0b"))


@pytest.mark.parametrize(
    ("account", "error"),
    [
        ({"password": "wrong"}, AuthenticationFailed),
        ({"user": "nobody"}, AuthenticationFailed),
        ({"application": "nothing"}, ApplicationUnknown),
    ],
)
async def test_a_login_that_is_not_allowed_is_refused(master, account, error) -> None:
    with pytest.raises(error):
        await client_of(master, **account)


async def test_grants_are_set_and_told_with_what_they_come_to(master) -> None:
    async with await client_of(master) as client:
        made = await client.create("skill", skill("granted"))
        denied = Permission(subject_type="person", subject_dbid=100, mask=113)
        await client.set_permissions("skill", made.dbid, [denied], recursive=True)
        found = await client.permissions("skill", made.dbid, person=100)
        assert found.permissions == [denied]
        assert isinstance(found.because, list)
        assert (found.because[0].subject_dbid, found.because[0].mask) == (100, 113)
        assert found.mask == 127  # as a super administrator


async def test_rights_are_told_as_they_are_and_as_they_become(master) -> None:
    async with await client_of(master) as client:
        made = await client.create("skill", skill("watched"))
        later = ObjectId("skill", made.dbid + 1)
        watch = await client.watch_permissions([ObjectId("skill", made.dbid), later])
        first = await following(watch)
        assert [rights.mask for rights in first.objects] == [127, 0], "the second is not there yet"
        grant = Permission(subject_type="person", subject_dbid=100, mask=113)
        written = await client.set_permissions("skill", made.dbid, [grant])
        granted = await following(watch)
        assert (granted.revision, granted.objects[0].permissions) == (written.revision, (grant,))
        assert (await client.create("skill", skill("later"))).dbid == later.dbid
        assert [(rights.dbid, rights.mask) for rights in (await following(watch)).objects] == [
            (later.dbid, 127)
        ]
        await client.delete("skill", made.dbid)
        (gone,) = (await following(watch)).objects
        assert (gone.dbid, gone.mask, gone.permissions) == (made.dbid, 0, None)


async def test_a_secret_is_told_to_who_may_have_it_and_stands_nowhere(master, folder) -> None:
    annex = {"db": {"password": {"secret": "Тайна-9731"}, "port": 1}}
    async with await client_of(master) as client:
        written = await client.create("skill", {**skill("secret"), "userProperties": annex})
        assert written.object is not None
        opaque = written.object["userProperties"]["db"]["password"]
        assert opaque.startswith("secret:1:")
        values = {"userProperties": {"db": {"password": "Тайна-9731"}}}
        assert await client.secrets("skill", written.dbid) == values
        wrong = {"userProperties": {"db": {"x": {"secret": ["Тайна-9731"]}}}}
        with pytest.raises(InvalidParameter) as refusal:
            await client.update("skill", written.dbid, wrong)
        assert "9731" not in str(refusal.value)
    files = contents_of(folder)
    assert any(opaque.encode() in content for content in files), "the database"
    assert not any(b"-9731" in content for content in files), "no table, journal or log"


async def test_a_write_under_the_same_name_is_made_once(master) -> None:
    async with await client_of(master) as client, await client_of(master) as other:
        first = await client.create("skill", skill("once"), request_id="one name")
        again = await other.create("skill", skill("once"), request_id="one name")
        assert again.dbid == first.dbid
        with pytest.raises(InvalidParameter):
            await client.create("skill", skill("twice"), request_id="one name")


async def test_a_snapshot_and_its_notifications_are_the_data(master) -> None:
    async with await client_of(master) as client, await client_of(master) as writer:
        first = await writer.create("skill", skill("first"))
        watch = await client.watch(["skill"], snapshot=True)
        known: dict[int, Any] = {}
        last = first
        for number in range(20):
            last = await writer.create("skill", skill(f"skill {number}"))
        while watch.consumed < last.revision:
            notification = await following(watch)
            if notification.reset:
                known.clear()
            for change in notification.changes:
                known[change.dbid] = change.object
        assert list(known.values()) == await client.read("skill")


async def test_a_bookmark_goes_on_in_another_session(master) -> None:
    async with await client_of(master) as client:
        watch = await client.watch(["skill"])
        await client.create("skill", skill("page 1"))
        bookmark = (await following(watch)).cursor
        await client.create("skill", skill("page 2"))
    async with await client_of(master) as client:
        watch = await client.watch(["skill"], since=bookmark)
        (change,) = (await following(watch)).changes
        assert change.object is not None
        assert change.object["name"] == "page 2"


async def test_a_bookmark_of_other_data_brings_everything_anew(master) -> None:
    async with await client_of(master) as client:
        watch = await client.watch(["skill"], since=Cursor("another epoch", 3))
        notification = await following(watch)
        assert notification.reset
        found = [change.object for change in notification.changes]
        assert found == await client.read("skill")


async def test_two_watches_of_one_client_get_each_its_own(master) -> None:
    async with await client_of(master) as client:
        skills = await client.watch(["skill"])
        default = await client.watch(objects=[ObjectId("application", 100)])
        await client.create("skill", skill("mine"))
        await client.update("application", 100, {"options": {"log": {"verbose": "all"}}})
        assert (await following(skills)).changes[0].object_type == "skill"
        (change,) = (await following(default)).changes
        assert change.delta == {"options": {"log": {"verbose": "all"}}}


async def test_the_history_tells_what_was_changed_and_what_became_of_the_session(master) -> None:
    async with await client_of(master) as client:
        begin = datetime.now(UTC)
        created = await client.create("skill", skill("looked back at"))
        await client.update("skill", created.dbid, {"state": "disabled"})
        await client.delete("skill", created.dbid)
        epoch = (await client.server_info()).epoch
        whole = await client.history(since=Cursor(epoch, created.revision - 1))
        steps = [(past.change.kind, past.by) for past in whole.changes]
        assert steps == [("created", "default"), ("updated", "default"), ("deleted", "default")]
        assert whole.changes[1].change.former == {"state": "enabled"}
        assert all(past.at >= begin for past in whole.changes)
        assert [entry.kind for entry in whole.entries] == ["sessionOpened"]
        assert whole.entries[0].session == client.session
        assert (await client.history(since_time=begin)).changes == whole.changes
        assert (await client.history(since=whole.cursor)).changes == []
        # What is older than the server's memory comes from its database.
        older = await client.history(since=Cursor(epoch, 1))
        assert older.changes[-3:] == whole.changes
        assert older.changes[0].revision == 2


async def test_a_watch_misses_nothing_when_its_server_is_killed(master) -> None:
    client, writer = await client_of(master), await client_of(master)
    async with client, writer, await client.watch(["skill"]) as watch:
        rights = await client.watch_permissions([ObjectId("application", 100)])
        before = await following(rights)
        await writer.create("skill", skill("before"))
        # A master that starts anew goes on from where it stands, not from before.
        names = [change.object["name"] for change in (await following(watch)).changes]
        await asyncio.to_thread(master.stop, signal.SIGKILL)
        # Else the write would go out on the dying connection.
        await asyncio.to_thread(eventually, lambda: writer.state is not State.OPEN, "the loss")
        starting = asyncio.to_thread(master.start)
        creating = writer.create("skill", skill("after"))  # waits for the connection
        created, _ = await asyncio.gather(creating, starting)
        while names[-1] != "after":
            notification = await following(watch)
            assert not notification.reset
            names += [change.object["name"] for change in notification.changes if change.object]
        assert names == ["before", "after"]
        assert created.revision == watch.consumed
        grant = Permission(subject_type="person", subject_dbid=100, mask=9)
        await writer.set_permissions("application", 100, [grant])
        after = await following(rights)
        assert before.objects[0].permissions != after.objects[0].permissions == (grant,)


async def test_a_program_without_a_loop_does_the_same(master) -> None:
    def program() -> list[str]:
        with BlockingClient.connect(
            [("127.0.0.1", master.port)], application="default", user="default", password=PASSWORD
        ) as client:
            with client.watch(["skill"]) as watch:
                client.create("skill", skill("blocking"))
                notification = watch.next(timeout=20)
            with client.watch_permissions([ObjectId("host", 4711)]) as rights:
                first = rights.next(timeout=20)
            assert first is not None
            assert first.objects[0].mask == 0
            assert notification is not None
            assert client.server_info().revision == notification.revision
            return [document["name"] for document in client.read("skill", {"name": "block*"})]

    assert await asyncio.to_thread(program) == ["blocking"]


async def test_objects_are_read_as_they_were_and_differ(master, monkeypatch, capfd) -> None:
    async with await client_of(master) as client:
        made = await client.create("skill", skill("Dawn"))
        changed = await client.update("skill", made.dbid, {"name": "Dusk"})
        gone = await client.delete("skill", made.dbid)
        names = []
        for revision in (made.revision - 1, made.revision, changed.revision, gone.revision):
            found = await client.read_past("skill", revision=revision, dbid=made.dbid)
            assert found.revision == revision
            names.append([document["name"] for document in found.objects])
        assert names == [[], ["Dawn"], ["Dusk"], []]
        # From before the server's start, so from the database.
        first = await client.read_past("folder", revision=1)
        assert first.revision == 1
        with pytest.raises(InvalidParameter):
            await client.read_past("skill", revision=gone.revision + 1000)
    monkeypatch.setenv("CONFCTL_PASSWORD", PASSWORD)
    words = ["--user", "default", "--port", str(master.port), "--host", "127.0.0.1"]

    async def confctl(*said: object) -> str:
        assert await asyncio.to_thread(main, [*map(str, said), *words]) == 0
        return str(capfd.readouterr().out)

    at, until = made.revision, changed.revision
    assert "Dawn" in await confctl("read", "skill", "name=dawn", "--at", at)
    told = await confctl("diff", "skill", "Dawn", "--at", at, "--until", until)
    assert told.splitlines() == [
        f"updated  skill {made.dbid}",
        "  name: Dawn -> Dusk",
    ]
    lost = ["diff", "skill", "Dwan", "--at", str(at)]
    assert await asyncio.to_thread(main, [*lost, *words]) == 1
    assert "there was no skill Dwan, then or later" in capfd.readouterr().err
    whole = await confctl("diff", "all", "--at", at, "--until", until, "--json")
    assert [json.loads(line)["DBID"] for line in whole.splitlines()] == [made.dbid]
    # From before the server's start, so from the database.
    assert '"objectType":"folder"' in await confctl("diff", "all", "--at", 0, "--json")
    assert "Dusk" in await confctl("read", "all", "--at", until, "--json")
