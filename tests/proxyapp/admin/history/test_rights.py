"""No page and no export of the history tells of what its viewer may not read, whatever the rights.

All that could be told bears a mark of its own. The viewer is an administrator whose group is
denied some of it, at random.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client

from confwire.messages import HistoryEntry
from confwire.objects import ObjectType
from historylog import writer
from historylog.models import ChangeRecord, Transaction
from proxyapp.models import (
    AccessGroup,
    ApplicationTemplate,
    Folder,
    Grant,
    Membership,
    Person,
)
from proxyapp.models.door import Key
from proxyapp.services import access, changes, objects
from proxyapp.services.access import Rights
from proxyapp.services.documents import find_all

_FOLDER = int(ObjectType.FOLDER)
_SUPER_ADMINISTRATORS = 96
_MARK = re.compile(r"tok\d+x")


@dataclass
class World:
    """A history, and which marks tell of which object."""

    run: random.Random
    marks: dict[str, Key] = field(default_factory=dict)
    folders: dict[Key, int] = field(default_factory=dict)
    """Where each object lies, or lay last."""
    skills: list[Key] = field(default_factory=list)
    actors: list[Key] = field(default_factory=list)
    programs: list[str] = field(default_factory=list)

    def mark(self) -> str:
        """Return a text that stands nowhere else."""
        return f"tok{len(self.marks)}x"

    def make(self, type_: ObjectType, name: str, folder: int, **document: Any) -> Key:
        """Create an object that is told of by a new mark."""
        mark = self.mark()
        given = {**document, name: mark, "folderDBID": folder}
        info = {ObjectType.APPLICATION: "application", ObjectType.PERSON: "person"}.get(type_)
        wire = info or ("folder" if type_ is ObjectType.FOLDER else "skill")
        dbid = objects.create(wire, given, by=self.actor(), origin=self.origin()).dbid
        key = int(type_), dbid
        self.marks[mark] = key
        self.folders[key] = folder
        return key

    def actor(self) -> Person | None:
        """Return somebody who changes things."""
        return Person.objects.get(pk=self.run.choice(self.actors)[1]) if self.actors else None

    def origin(self) -> str:
        """Return where a change comes from."""
        if not self.programs:
            return "admin 10.0.0.1"
        return f"{self.run.choice(self.programs)} 10.0.0.1 session {self.run.choice('abc')}1"


def build(run: random.Random) -> World:
    """Make folders, objects, and changes by persons from applications; some are gone by now."""
    world = World(run)
    _people(world)
    folders = [Folder.objects.get(type="skill", folder=None).dbid]
    for _ in range(5):
        folders.append(world.make(ObjectType.FOLDER, "name", run.choice(folders), type="skill")[1])
    for _ in range(8):
        place = run.choice(folders)
        world.skills.append(world.make(ObjectType.SKILL, "name", place, tenantDBID=1))
    for _ in range(30):
        _change(world, folders)
    for mark, key in list(world.marks.items()):
        _keep(world, mark, key)
    return world


def _people(world: World) -> None:
    persons = Folder.objects.get(type="person", folder=None, owner_type=7).dbid
    programs = Folder.objects.get(type="application", folder=None, owner_type=7).dbid
    homes = [world.make(ObjectType.FOLDER, "name", persons, type="person")[1] for _ in range(2)]
    rooms = [world.make(ObjectType.FOLDER, "name", programs, type="application")[1] for _ in "12"]
    template = ApplicationTemplate.objects.get(name="Generic Client").dbid
    group = AccessGroup.objects.get(pk=_SUPER_ADMINISTRATORS)
    actors, names = [], []
    for number in range(3):
        home, room = world.run.choice(homes), world.run.choice(rooms)
        key = world.make(
            ObjectType.PERSON, "userName", home, tenantDBID=1, employeeID=f"employee {number}"
        )
        actors.append(key)
        with changes.commit(by=None, origin="test") as work:
            work.save(Membership(access_group=group, person_id=key[1]))
        names.append(world.mark())
        given = {"redundancyType": "coldstandby", "autoRestart": True}
        world.make(ObjectType.APPLICATION, "name", room, appPrototypeDBID=template, **given)
    world.actors, world.programs = actors, names


def _change(world: World, folders: list[int]) -> None:
    key = world.run.choice(world.skills)
    who: Any = {"by": world.actor(), "origin": world.origin()}
    present = key in find_all([key])
    match world.run.randrange(5):
        case 0 if present and len(world.skills) > 4:
            objects.delete("skill", key[1], **who)
            world.skills.remove(key)
        case 1 if present:
            world.folders[key] = world.run.choice(folders)
            objects.update("skill", key[1], {"folderDBID": world.folders[key]}, **who)
        case _:
            mark = world.mark()
            world.marks[mark] = key
            objects.update("skill", key[1], {"userProperties": {"s": {mark: mark}}}, **who)


def _keep(world: World, mark: str, key: Key) -> None:
    base: Any = {"at": 1000.0 + len(mark), "peer": "10.0.0.9", "session": "a1"}
    fields = {3: "user", 9: "application"}
    if key[0] in fields:
        writer.keep([HistoryEntry(kind="sessionOpened", **{fields[key[0]]: mark}, **base)])
    if key[0] == 9:
        writer.keep([HistoryEntry(kind="loaded", server=mark, **base)])


def deny(world: World) -> None:
    """Take rights from the administrators, at random places; give some back below."""
    group = AccessGroup.objects.get(pk=_SUPER_ADMINISTRATORS)
    present = find_all(world.folders)
    for key in world.run.sample(sorted(present), min(6, len(present))):
        mask = world.run.choice([0, 0, 1, 4, 127, 128, 129])
        access.grant(present[key], group, mask, by=None, origin="test")


def hidden_marks(world: World) -> set[str]:
    """Return the marks of what the administrator may not read now, by the rule itself."""
    rights = Rights(Person.objects.get(pk=100))
    present = find_all(world.folders)
    masks = {
        key: rights.mask_of(present[key])
        if key in present
        else rights.mask_at(key, (_FOLDER, folder))
        for key, folder in world.folders.items()
    }
    return {mark for mark, key in world.marks.items() if not masks[key] & 1}


def addresses(world: World) -> Iterator[str]:
    """Yield the addresses of all pages."""
    root = "/admin/history/"
    newest = Transaction.objects.latest("revision").revision
    for page in ("", "transactions/", "log/", "log/?kind=sessions", "at/", "?kind=deleted"):
        yield root + page
    for form in ("csv", "json", "xml"):
        yield from (f"{root}{name}.{form}" for name in ("changes", "transactions", "log"))
    for session in ("a1", "b1", "c1"):
        yield f"{root}sessions/{session}/"
    for revision in range(2, newest + 1):
        yield f"{root}transactions/{revision}/"
    for revision in world.run.sample(range(5, newest), 3):
        yield f"{root}transactions/{revision}/revert/"
        yield f"{root}at/?revision={revision}&type=13"
        yield f"{root}between/?revision={revision}"
        folder = world.run.choice(list(world.folders.values()))
        yield f"{root}at/?revision={revision}&folder={folder}"
        yield f"{root}between/?revision={revision}&folder={folder}"
        for type_, dbid in world.folders:
            yield f"{root}objects/{type_}/{dbid}/at/?revision={revision}"
    for type_, dbid in world.folders:
        page = f"{root}objects/{type_}/{dbid}/"
        yield from (page, f"{page}diff/?former=3&everything=1", f"{root}?type={type_}&dbid={dbid}")
        yield f"{page}revert/?revision=3&subtree=1"


def text_of(response: Any) -> str:
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return str(body.decode())


@pytest.mark.parametrize("seed", range(4))
def test_nothing_tells_of_what_may_not_be_read(client: Client, seed: int) -> None:
    world = build(random.Random(seed))
    deny(world)
    hidden = hidden_marks(world)
    assert hidden

    for address in addresses(world):
        told = set(_MARK.findall(text_of(client.get(address))))
        assert not told & hidden, address


@pytest.mark.parametrize("seed", range(4))
def test_all_else_is_told(client: Client, seed: int) -> None:
    world = build(random.Random(seed))
    deny(world)
    hidden = hidden_marks(world)

    found = json.loads(text_of(client.get("/admin/history/changes.json")))["rows"]

    keys = {world.marks[mark] for mark in world.marks.keys() - hidden}
    told = {(row["revision"], row["seq"]) for row in found}
    records = ChangeRecord.objects.filter(revision__gt=1)
    expected = {(row.revision, row.seq) for row in records if (row.type, row.dbid) in keys}
    assert expected <= told
    ours = {(row.revision, row.seq) for row in records if (row.type, row.dbid) in world.folders}
    assert told & ours == expected


@pytest.mark.parametrize("seed", range(4))
def test_a_search_for_what_may_not_be_read_finds_what_one_for_nothing_does(
    client: Client, seed: int
) -> None:
    world = build(random.Random(seed))
    deny(world)
    fields = {3: ("by", "user"), 9: ("application", "application")}
    for mark in hidden_marks(world):
        key = world.marks[mark]
        queries = [f"changes.json?name={mark}"]
        if key[0] in fields:
            of_change, of_entry = fields[key[0]]
            queries += [f"{page}.json?{of_change}={mark}" for page in ("changes", "transactions")]
            queries.append(f"log.json?{of_entry}={mark}")
        for query in queries:
            found = json.loads(text_of(client.get(f"/admin/history/{query}")))
            assert found == {"rows": [], "more": ""}, query


def test_who_may_read_everything_is_told_everything(client: Client) -> None:
    world = build(random.Random(1))

    found = text_of(client.get("/admin/history/changes.json"))

    skills = {mark for mark, key in world.marks.items() if key[0] != 13}
    assert skills <= set(_MARK.findall(found))
    assert Grant.objects.filter(group=_SUPER_ADMINISTRATORS).count() == 1


def test_permissions_are_shown_only_to_those_who_may_read_them(client: Client) -> None:
    folder = Folder.objects.get(type="skill", folder=None)
    group = AccessGroup.objects.get(pk=_SUPER_ADMINISTRATORS)
    access.grant(folder, Person.objects.get(pk=100), 5, by=None, origin="test")
    page = f"/admin/history/objects/{_FOLDER}/{folder.dbid}/"
    assert "Read, Change" in client.get(page).content.decode()

    access.grant(folder, group, 1, by=None, origin="test")

    for address in (page, f"{page}diff/?former=1", f"{page}at/?revision=2"):
        assert "Read, Change" not in client.get(address).content.decode()


def test_others_than_administrators_see_nothing(client: Client) -> None:
    stranger = Client()
    for address in ("", "changes.json", "transactions/1/", "log/", "at/", "objects/3/100/"):
        response = stranger.get(f"/admin/history/{address}")
        assert response["Location"].startswith("/admin/login/")
