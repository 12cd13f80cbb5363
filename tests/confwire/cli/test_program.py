"""confctl as its user meets it: a process with output, errors and an exit code."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys

import msgspec
import pytest
import pytest_asyncio

from confwire.errors import InvalidParameter, NoPermission, NotFresh
from confwire.messages import (
    Bounds,
    BriefInfo,
    Change,
    CreateObject,
    DeleteObject,
    Disconnect,
    Drain,
    ObjectCreated,
    ObjectDeleted,
    ObjectsChanged,
    ObjectUpdated,
    PermissionsChanged,
    PermissionsRegistered,
    PermissionState,
    ReadBrief,
    ReadObjects,
    ReadServerInfo,
    RegisterNotification,
    RegisterPermissions,
    ServerIdentity,
    ServerInfo,
    SessionsSentAway,
    Shed,
    SwitchedOver,
    SwitchOver,
    UpdateObject,
)

pytestmark = pytest.mark.asyncio
UPDATED = Change(
    change="updated",
    object_type="host",
    dbid=5,
    delta=msgspec.Raw(b'{"options":{"log":{"verbose":"all"}}}'),
    former=msgspec.Raw(b'{"options":{"log":{"verbose":"none"}}}'),
)


class Run:
    """A running confctl."""

    def __init__(self, process):
        self.process = process

    async def line(self):
        """Return the next line of its output."""
        return (await asyncio.wait_for(self.process.stdout.readline(), 20)).decode().rstrip("\n")

    async def note(self):
        """Return the next line of its errors."""
        return (await asyncio.wait_for(self.process.stderr.readline(), 20)).decode().rstrip("\n")

    async def end(self, given=None):
        """Wait for its end; return output, errors and exit code."""
        out, err = await asyncio.wait_for(self.process.communicate(given), 20)
        return out.decode(), err.decode(), self.process.returncode


@pytest_asyncio.fixture
async def confctl(peer):
    """Start confctl against the scripted server."""
    runs = []

    async def begin(*words, password="pencil", stdout=asyncio.subprocess.PIPE):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "confwire.cli", *words),
            *("-host", "127.0.0.1", "-port", str(peer.port), "-user", "default"),
            stdin=asyncio.subprocess.PIPE,
            stdout=stdout,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "CONFCTL_PASSWORD": password, "PYTHONUTF8": "1"},
        )
        runs.append(Run(process))
        return runs[-1]

    yield begin
    for run in runs:
        if run.process.returncode is None:
            run.process.kill()
        await run.process.communicate()


def head(request, revision=10):
    return {"ref": request.ref, "epoch": "e", "revision": revision}


async def brief(session, request, *objects):
    raw = [msgspec.Raw(json.dumps(item).encode()) for item in objects]
    await session.send(
        BriefInfo(
            **head(request),
            object_type="host",
            count=len(raw),
            total=len(raw),
            last=True,
            objects=raw,
        )
    )


async def test_a_read_says_how_new_its_data_is(peer, confctl):
    run = await confctl("read", "host", "-min-revision", "e:9", "-max-age", "30", "-wait", "60")
    session = await peer.session()
    request = await session.receive(ReadObjects)
    assert request.freshness == Bounds(min_revision=9, epoch="e", max_age=30, wait=60)
    await session.packet(request, 1, last=True, age=4.25, source="memory", behind=True)
    _, err, code = await run.end()
    assert (err, code) == (
        "confctl: as of e:10, known to be current 4.2 s ago (memory); newer data was seen\n",
        0,
    )


async def test_data_that_is_too_old_is_one_line(peer, confctl):
    run = await confctl("read", "host", "-max-age", "1")
    session = await peer.session()
    await session.refuse(await session.receive(ReadObjects), NotFresh("the data is older"))
    assert await run.end() == ("", "confctl: the data is older\n", 1)


async def test_a_read_is_a_table(peer, confctl):
    run = await confctl("read", "host", "name=h*", "-limit", "9")
    session = await peer.session()
    request = await session.receive(ReadObjects)
    assert (request.filter, request.limit) == ({"name": "h*"}, 9)
    await session.packet(request, 1, 22, last=True)
    out, err, code = await run.end()
    assert out.splitlines() == [
        "DBID  name  state  folderDBID",
        "1     h1    -      -",
        "22    h22   -      -",
    ]
    assert (err, code) == ("", 0)


async def test_a_read_may_be_of_one_page_by_name(peer, confctl):
    run = await confctl(
        "read", "host", "-order", "name", "-limit", "2", "-after-name", "h1", "-after", "1"
    )
    session = await peer.session()
    request = await session.receive(ReadObjects)
    assert (request.order, request.limit) == ("name", 2)
    assert (request.after_name, request.after) == ("h1", 1)
    await session.packet(request, 22, last=True)
    assert (await run.end())[2] == 0


@pytest.mark.parametrize(
    ("fields", "first"),
    [
        ([], {"DBID": 1, "name": "h1"}),
        (["-fields", "name,ipAddress"], {"name": "h1", "ipAddress": None}),
    ],
)
async def test_a_read_is_a_json_value_a_line(peer, confctl, fields, first):
    run = await confctl("read", "host", "-json", *fields)
    session = await peer.session()
    await session.packet(await session.receive(ReadObjects), 1, 2, last=True)
    out, _, code = await run.end()
    lines = [json.loads(line) for line in out.splitlines()]
    assert (lines[0], len(lines), code) == (first, 2, 0)


async def test_a_refusal_is_one_line(peer, confctl):
    run = await confctl("read", "hosst")
    session = await peer.session()
    await session.refuse(await session.receive(), InvalidParameter("no object type 'hosst'"))
    assert await run.end() == ("", "confctl: no object type 'hosst'\n", 1)


async def test_a_wrong_password_is_one_line(confctl):
    run = await confctl("status", password="pen")
    assert await run.end() == ("", "confctl: user name or password is wrong\n", 1)


async def test_a_missing_server_is_one_line(peer, confctl, unused_port):
    peer.port = unused_port
    _, err, code = await (await confctl("status")).end()
    assert err == (
        f"confctl: cannot connect to 127.0.0.1:{unused_port}: connection refused, "
        "no server listens there: check -host and -port\n"
    )
    assert code == 1


async def test_misuse_is_one_line_and_code_two(confctl):
    _, err, code = await (await confctl("reed")).end()
    assert (err.startswith("confctl: there is no command 'reed'"), err.count("\n")) == (True, 1)
    assert code == 2


async def watching(peer, confctl, *words, revision=10, **options):
    run = await confctl("watch", "host", *words, **options)
    session = await peer.session()
    request = await session.receive(RegisterNotification)
    await session.registered(request, revision)
    assert await run.note() == f"confctl: watching confserv (master) from e:{revision}"
    return run, session, request


async def test_a_watch_prints_a_line_for_each_change(peer, confctl):
    run, session, _ = await watching(peer, confctl)
    await session.send(ObjectsChanged(epoch="e", revision=11, changes=[UPDATED], last=True))
    await brief(session, await session.receive(ReadBrief), {"DBID": 5, "name": "山田"})
    assert (await run.line())[8:] == "  11  updated  host 5 [山田]  log/verbose: none -> all"
    await session.send(ObjectsChanged(epoch="e", revision=12, changes=[UPDATED], last=True))
    assert "[山田]" in await run.line()  # known by now


async def test_a_watch_as_json_tells_everything(peer, confctl):
    run, session, _ = await watching(peer, confctl, "-json")
    await session.send(ObjectsChanged(epoch="e", revision=11, changes=[UPDATED], last=True))
    line = json.loads(await run.line())
    assert line.pop("time")
    assert line == {
        "epoch": "e",
        "revision": 11,
        "change": "updated",
        "objectType": "host",
        "DBID": 5,
        "delta": {"options": {"log": {"verbose": "all"}}},
        "former": {"options": {"log": {"verbose": "none"}}},
    }


@pytest.mark.parametrize("form", ["-json", "--state"])
async def test_a_snapshot_comes_first(peer, confctl, form):
    run = await confctl("watch", "host", "-snapshot", form)
    session = await peer.session()
    request = await session.receive(RegisterNotification)
    assert request.snapshot
    await session.packet(request, 1)
    await session.registered(request, 10)
    first, second = await run.line(), await run.line()
    if form == "-json":
        assert (json.loads(first)["reset"], json.loads(first)["objects"]) == (True, 1)
        assert json.loads(second)["object"] == {"DBID": 1, "name": "h1"}
    else:
        assert first.endswith("  10  all data anew: 1 objects")
        assert second.endswith("  10  entered  host 1 [h1]")
        assert request.subscriptions[0].mode == "state"


async def test_a_watch_says_that_the_connection_was_lost_and_is_back(peer, confctl):
    run, session, _ = await watching(peer, confctl)
    session.cut()
    assert await run.note() == "confctl: connection lost, trying again: the connection was lost"
    session = await peer.session()
    await session.registered(await session.receive(RegisterNotification), 12)
    assert await run.note() == f"confctl: connected again: confserv at 127.0.0.1:{peer.port}"
    await session.changed(12, 7)
    assert (await run.line()).endswith("  12  created  host 7 [h7]")


async def test_an_interrupted_watch_ends_quietly(peer, confctl):
    run, _, _ = await watching(peer, confctl)
    run.process.send_signal(signal.SIGINT)
    assert await run.end() == ("", "", 130)


async def test_a_reader_that_has_seen_enough_ends_it_quietly(peer, confctl):
    reading, writing = os.pipe()
    run, session, _ = await watching(peer, confctl, stdout=writing)
    os.close(writing)
    os.close(reading)
    await session.changed(11, 1)
    assert (await asyncio.wait_for(run.process.stderr.read(), 20)) == b""
    assert await asyncio.wait_for(run.process.wait(), 20) == 0


async def watching_rights(peer, session, mask):
    request = await session.receive(RegisterPermissions)
    assert [(item.object_type, item.dbid) for item in request.objects] == [("host", 5)]
    states = [PermissionState(object_type="host", dbid=5, mask=mask)]
    await session.send(PermissionsRegistered(**head(request), objects=states))


async def test_a_watch_of_rights_goes_on_over_a_lost_connection(peer, confctl):
    run = await confctl("watch-rights", "host:5")
    session = await peer.session()
    await watching_rights(peer, session, 0)
    assert await run.note() == "confctl: watching rights at confserv (master)"
    assert (await run.line())[8:] == "  10  host 5  rights: - -> none"
    session.cut()
    assert (await run.note()).startswith("confctl: connection lost, trying again")
    session = await peer.session()
    await watching_rights(peer, session, 5)
    await brief(session, await session.receive(ReadBrief), {"DBID": 5, "name": "h"})
    assert (await run.note()).startswith("confctl: connected again: confserv")
    assert (await run.line())[8:] == "  10  host 5 [h]  rights: none -> read, change"
    run.process.send_signal(signal.SIGINT)
    assert await run.end() == ("", "", 130)


async def test_a_watch_of_rights_as_json(peer, confctl):
    run = await confctl("watch-rights", "host:5", "-json")
    session = await peer.session()
    await watching_rights(peer, session, 1)
    first = json.loads(await run.line())
    assert first.pop("time")
    assert first == {"epoch": "e", "revision": 10, "objectType": "host", "DBID": 5, "mask": 1}
    states = [PermissionState(object_type="host", dbid=5, mask=32, permissions=[])]
    await session.send(PermissionsChanged(epoch="e", revision=11, objects=states))
    assert json.loads(await run.line())["permissions"] == []


async def test_the_status_is_a_list_for_people(peer, confctl):
    run = await confctl("status")
    session = await peer.session()
    server = ServerIdentity(
        application="Pool A",
        dbid=105,
        release="1.0.0",
        mode="proxy",
        member="csproxy",
        master_host="m",
        master_port="2020",
    )
    request = await session.receive(ReadServerInfo)
    info = ServerInfo(**head(request), server=server, link="live", objects=7, tree_hash="ab")
    await session.send(info)
    out, _, code = await run.end()
    assert out.splitlines()[:6] == [
        "application     Pool A (DBID 105)",
        "member          csproxy",
        "release         1.0.0",
        "mode            proxy",
        "master          m:2020",
        "link to master  live",
    ]
    assert code == 0


async def test_the_status_is_json_for_programs(peer, confctl):
    run = await confctl("status", "-json")
    session = await peer.session()
    request = await session.receive(ReadServerInfo)
    server = ServerIdentity(application="confserv", dbid=99, release="1.0.0", mode="master")
    await session.send(ServerInfo(**head(request), server=server, objects=7))
    found = json.loads((await run.end())[0])
    assert (found["server"]["mode"], found["objects"], found["revision"]) == ("master", 7, 10)


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        (("drain",), Drain, "3 sessions sent away: the server ends"),
        (("shed", "25%"), Shed, "3 sessions sent away: of other clients"),
        (("disconnect", "a15e"), Disconnect, "1 session sent away: disconnected"),
    ],
)
async def test_sessions_of_others_are_sent_away(peer, confctl, words, kind, said):
    run = await confctl(*words)
    session = await peer.session()
    request = await session.receive(kind)
    assert getattr(request, "percent", 25) == 25
    assert getattr(request, "session", "a15e") == "a15e"
    await session.send(SessionsSentAway(**head(request), count=3))
    assert await run.end() == (f"{said}\n", "", 0)


async def test_what_was_sent_away_is_json_for_programs(peer, confctl):
    run = await confctl("shed", "100", "-json")
    session = await peer.session()
    await session.send(SessionsSentAway(**head(await session.receive(Shed)), count=0))
    assert json.loads((await run.end())[0]) == {"done": "shed", "sessions": 0}


async def test_a_switchover_tells_who_leads(peer, confctl):
    for words, said in (
        (("switchover",), "site-2 leads now, in term 3\n"),
        (("switchover", "-json"), '{"done": "switchover", "server": "site-2", "term": 3}\n'),
    ):
        run = await confctl(*words)
        session = await peer.session()
        request = await session.receive(SwitchOver)
        await session.send(SwitchedOver(**head(request), server="site-2", term=3))
        output, _, code = await run.end()
        assert code == 0
        assert json.loads(output) == json.loads(said) if "-json" in words else output == said


@pytest.mark.parametrize("part", ["0", "101", "all", "-5"])
async def test_a_part_of_the_clients_is_1_to_100_percent(confctl, part):
    _, errors, code = await (await confctl("shed", part)).end()
    assert code == 2
    assert "shed" in errors


async def test_an_object_is_created_from_standard_input(peer, confctl):
    run = await confctl("write", "create", "host", "-", "-folder", "3")
    ending = asyncio.gather(run.end('{"name":"сервер"}'.encode()))
    session = await peer.session()
    request = await session.receive(CreateObject)
    assert (request.object, request.folder_dbid) == ({"name": "сервер"}, 3)
    stored = msgspec.Raw(b'{"DBID":5}')
    await session.send(
        ObjectCreated(**head(request, 11), object_type="host", dbid=5, object=stored)
    )
    assert await ending == [("created host 5, revision 11\n", "", 0)]


async def test_an_object_is_updated_by_a_delta(peer, confctl):
    run = await confctl("write", "update", "host", "5", '{"lcaPort":"4999"}', "-json")
    session = await peer.session()
    request = await session.receive(UpdateObject)
    assert request.delta == {"lcaPort": "4999"}
    await session.send(ObjectUpdated(**head(request, 11), object_type="host", dbid=5))
    done = {"done": "updated", "objectType": "host", "DBID": 5, "revision": 11}
    assert json.loads((await run.end())[0]) == done


async def test_an_option_is_set_on_the_object_that_matches(peer, confctl):
    run = await confctl("write", "set", "host", "name=h", "log/verbose=all")
    session = await peer.session()
    request = await session.receive(ReadBrief)
    assert (request.filter, request.limit) == ({"name": "h"}, 2)
    await brief(session, request, {"DBID": 5})
    request = await session.receive(UpdateObject)
    assert request.delta == {"userProperties": {"log": {"verbose": "all"}}}
    await session.send(ObjectUpdated(**head(request, 11), object_type="host", dbid=5))
    assert (await run.end())[0] == "updated host 5, revision 11\n"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ([], "unchanged host 5, revision 11: it is so already\n"),
        (
            ["-json"],
            '{"done":"unchanged","objectType":"host","DBID":5,"revision":11}\n',
        ),
    ],
)
async def test_an_option_that_is_not_there_is_unset_without_a_change(peer, confctl, form, said):
    run = await confctl("write", "set", "host", "name=h", "--unset", "log/verbose", *form)
    session = await peer.session()
    await brief(session, await session.receive(ReadBrief), {"DBID": 5})
    request = await session.receive(UpdateObject)
    assert request.delta == {"userProperties": {"log": {"verbose": None}}}
    answer = ObjectUpdated(**head(request, 11), object_type="host", dbid=5, unchanged=True)
    await session.send(answer)
    assert await run.end() == (said, "", 0)


@pytest.mark.parametrize(
    ("found", "text"),
    [([], "no object matches"), ([{"DBID": 1}, {"DBID": 2}], "several objects match")],
)
async def test_an_option_is_set_on_one_object_only(peer, confctl, found, text):
    run = await confctl("write", "set", "host", "name=h", "log/verbose=all")
    session = await peer.session()
    await brief(session, await session.receive(ReadBrief), *found)
    _, err, code = await run.end()
    assert err == f"confctl: {text} host name=h: name one, by dbid=NUMBER if need be\n"
    assert code == 1


async def test_an_object_is_deleted(peer, confctl):
    run = await confctl("write", "delete", "host", "5")
    session = await peer.session()
    request = await session.receive(DeleteObject)
    await session.send(ObjectDeleted(**head(request, 11), object_type="host", dbid=5))
    assert await run.end() == ("deleted host 5, revision 11\n", "", 0)


async def test_a_refused_write_is_one_line(peer, confctl):
    run = await confctl("write", "delete", "host", "5")
    session = await peer.session()
    await session.refuse(await session.receive(), NoPermission())
    assert await run.end() == ("", "confctl: the account lacks the right for this\n", 1)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["create", "host", "/nowhere/x"], "confctl: cannot read /nowhere/x: no such file"),
        (["update", "host", "5", "{"], "confctl: the delta is not JSON: "),
        (["update", "host", "5", "[]"], "confctl: the delta is not a JSON object"),
    ],
)
async def test_what_cannot_be_written_is_one_line(confctl, words, text):
    _, err, code = await (await confctl("write", *words)).end()
    assert (err.startswith(text), err.count("\n"), code) == (True, 1, 1)


@pytest.mark.parametrize(
    ("closing", "words", "code", "text"),
    [
        (">&-", "status", 1, "confctl: standard output is closed: send it to a file or to "
         "/dev/null\n"),
        ("> /dev/full", "--help", 1, "confctl: cannot write the output: no space left on device\n"),
    ],
)  # fmt: skip
async def test_output_that_cannot_be_written_is_one_line(closing, words, code, text):
    run = Run(
        await asyncio.create_subprocess_shell(
            f"exec {sys.executable} -m confwire.cli {words} {closing}",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    )
    assert await run.end() == ("", text, code)
