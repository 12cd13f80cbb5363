from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from confwire.cli.accounts import Failure
from confwire.cli.arguments import UsageError, parse
from confwire.cli.backthen import compare, lines, moment, read
from confwire.client import ObjectChange

USER = ["--user", "default"]


class Told:
    """A client that keeps what it is asked."""

    def past_pages(self, object_type: str, **options: Any) -> Any:
        return object_type, options

    def compare_past(self, **options: Any) -> Any:
        return options


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
    assert (found.type, found.words, found.at, found.until) == ("skill", ["English"], 7, 9)
    assert parse(["read", "all", "--at", "7", "--json", *USER]).type == "all"
    for words in (["read", "all", "--at", "7"], ["read", "all", "--json"], ["diff", "skill", "x"]):
        with pytest.raises(UsageError):
            parse([*words, *USER])


def test_objects_are_chosen_by_number_place_and_name():
    words = {"name": "x*", "folder_dbid": "3", "tenant_dbid": "1", "dbid": "7"}
    options = {"revision": 1, "name": "x*", "folder": 3, "tenant": 1, "dbid": 7}
    assert read(CLIENT, "skill", 1, words) == ("skill", options)
    for wanted in ({"state": "enabled"}, {"dbid": "x"}):
        with pytest.raises(Failure):
            read(CLIENT, "skill", 1, wanted)


def test_an_object_a_folder_and_all_are_compared():
    time = datetime(2026, 1, 31, tzinfo=UTC)
    found: Any = compare(CLIENT, "skill", 1, time, ["English"])
    assert found == {"object_type": "skill", "name": "English", "revision": 1, "until_time": time}
    found = compare(CLIENT, "all", time, 9, ["folder_dbid=3"])
    assert found == {"object_type": "", "folder": 3, "time": time, "until": 9}
    assert compare(CLIENT, "all", 1, None, []) == {"object_type": "", "revision": 1}
    with pytest.raises(Failure, match="say which"):
        compare(CLIENT, "all", 1, None, ["601"])


def test_what_became_of_an_object_is_told():
    change = ObjectChange("updated", "skill", 601, None, {"name": "b"}, {"name": "a"})
    assert list(lines(change)) == ["updated  skill 601", "  name: a -> b"]
    assert list(lines(ObjectChange("deleted", "skill", 601, {"name": "a"}))) == [
        "deleted  skill 601 [a]"
    ]
