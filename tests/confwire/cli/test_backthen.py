from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from confwire.cli.accounts import Failure
from confwire.cli.arguments import UsageError, parse
from confwire.cli.backthen import difference, lines, moment, read
from confwire.client import PastObjects

USER = ["--user", "default"]


class Told:
    """A client of a server that knows two revisions."""

    states: dict[int, list[dict[str, Any]]] = {
        1: [{"DBID": 601, "name": "English", "folderDBID": 3}, {"DBID": 602, "name": "Old"}],
        2: [{"DBID": 601, "name": "Anglais", "folderDBID": 3}, {"DBID": 603, "name": "New"}],
    }
    revision = 2

    async def server_info(self) -> Told:
        return self

    async def read_past(
        self, object_type: str, *, revision: int, dbid: int, folder: int
    ) -> PastObjects:
        found = [d for d in self.states[revision] if dbid in (0, d["DBID"])]
        return PastObjects("e", revision, [d for d in found if folder in (0, d.get("folderDBID"))])


CLIENT: Any = Told()


def test_a_moment_is_a_revision_or_a_time():
    assert moment("118") == 118
    assert moment("2026-01-31T12:00Z") == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert moment("2026-01-31 12:00") == datetime(2026, 1, 31, 12).astimezone()
    found = moment("2h ago")
    assert isinstance(found, datetime)
    assert abs(datetime.now(UTC) - timedelta(hours=2) - found) < timedelta(minutes=1)


@pytest.mark.parametrize("text", ["", "yesterday", "2h", "-1", "h ago", "9" * 20, "0001-13-01"])
def test_nonsense_is_no_moment(text):
    with pytest.raises(ArgumentTypeError, match="a moment is"):
        moment(text)


def test_the_command_line_takes_moments():
    assert parse(["read", "skill", "--at", "7", *USER]).at == 7
    found = parse(["diff", "skill", "English", "-at", "7", "-until", "9", *USER])
    assert (found.type, found.name, found.at, found.until) == ("skill", "English", 7, 9)
    assert parse(["read", "all", "--at", "7", "--json", *USER]).type == "all"
    for words in (["read", "all", "--at", "7"], ["read", "all", "--json"], ["diff", "skill", "x"]):
        with pytest.raises(UsageError):
            parse([*words, *USER])


@pytest.mark.asyncio
async def test_objects_are_chosen_by_name_number_and_folder():
    for wanted in ({"name": "ENGLISH"}, {"dbid": "601"}, {"folder_dbid": "3"}):
        found = await read(CLIENT, "skill", 1, wanted)
        assert [document["DBID"] for document in found.objects] == [601]
    for wanted in ({"state": "enabled"}, {"dbid": "x"}):
        with pytest.raises(Failure):
            await read(CLIENT, "skill", 1, wanted)


@pytest.mark.asyncio
async def test_what_became_of_an_object_is_told():
    for word in ("601", "English", "anglais"):
        found = await difference(CLIENT, "skill", word, 1, None)
        assert lines(found) == [
            "skill 601: updated between revisions 1 and 2", "  name: English -> Anglais",
        ]  # fmt: skip
    assert (await difference(CLIENT, "skill", "602", 1, 2))["change"] == "deleted"
    assert (await difference(CLIENT, "skill", "New", 1, 2))["change"] == "created"
    assert lines(await difference(CLIENT, "skill", "601", 1, 1)) == [
        "skill 601: nothing differs between revisions 1 and 1"
    ]


@pytest.mark.asyncio
async def test_an_object_that_nobody_knows_is_said():
    for kind, word in (("skill", "699"), ("skill", "None"), ("nothing", "1")):
        with pytest.raises(Failure, match=r"say its DBID|no object type"):
            await difference(CLIENT, kind, word, 1, 2)
