"""What confctl prints, for people of any script."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from confwire.cli.text import (
    change_line,
    connection_text,
    default_fields,
    differences,
    entry_line,
    field_of,
    name_of,
    past_line,
    shown,
    table,
    value_text,
    width,
)
from confwire.client import Notification, ObjectChange, Place, State, Status
from confwire.client.past import PastChange
from confwire.messages import HistoryEntry, ServerIdentity

NOON = datetime(2026, 1, 2, 12, 0, 5)


def line(change: ObjectChange, name: str = "") -> str:
    return change_line(Notification("e", 7, [change]), change, name, NOON)


def test_a_line_about_the_past_says_when_and_by_whom():
    delta, former = {"name": "b"}, {"name": "a"}
    change = ObjectChange("updated", "skill", 5, None, delta, former)
    line = past_line(PastChange(7, NOON.astimezone(), "an\tna", change), "b")
    assert line == r"2026-01-02 12:00:05  7  an\tna  updated  skill 5 [b]  name: a -> b"
    gone = ObjectChange("deleted", "skill", 5)
    assert past_line(PastChange(7, NOON.astimezone(), "", gone), "").endswith("-  deleted  skill 5")


def test_a_line_about_a_moment_says_who_where_and_why():
    entry = HistoryEntry(
        kind="sessionClosed", at=NOON.timestamp(), server="site-1", application="default",
        user="anna", peer="10.0.0.1:5", port="default", revision=9, reason="gone",
    )  # fmt: skip
    assert entry_line(entry) == (
        "2026-01-02 12:00:05  9  sessionClosed  default anna at site-1 default,"
        " from 10.0.0.1:5: gone"
    )


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("abc", 3),
        ("Иван", 4),
        ("山田", 4),
        ("ﾔﾏ", 2),
        ("مستخدم", 6),
        ("e\u0301", 1),
        ("مُ", 1),
        ("\u200e", 0),
        ("", 0),
        ("😀", 2),
    ],
)
def test_texts_have_the_width_that_a_terminal_gives_them(text, columns):
    assert width(text) == columns


def test_columns_are_aligned_in_every_script():
    rows = [["1", "山田", "enabled"], ["22", "Иван", "x"], ["3", "e\u0301", ""]]
    assert list(table(["DBID", "name", "state"], rows)) == [
        "DBID  name  state",
        "1     山田  enabled",
        "22    Иван  x",
        "3     e\u0301",
    ]


def test_a_table_without_rows_is_its_titles():
    assert list(table(["DBID", "name"], [])) == ["DBID  name"]


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a\nb", r"a\nb"),
        ("\x1b[2J", r"\x1b[2J"),
        ("a\u2028b", r"a\u2028b"),
        ("\x9b", r"\x9b"),
        ("山 田", "山 田"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_no_text_commands_the_terminal(text, safe):
    assert shown(text) == safe


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        ("", '""'),
        ("я", "я"),
        (5, "5"),
        (True, "true"),
        ([1, "я"], '[1, "я"]'),
        ({"objectType": "tenant", "DBID": 1}, "tenant 1"),
        ({"a": "x\ny"}, r'{"a": "x\ny"}'),
    ],
)
def test_values_are_shown_as_they_are(value, text):
    assert value_text(value) == text


def test_a_field_is_found_by_its_path():
    document = {"serverInfo": {"port": "2020"}, "name": "x"}
    assert field_of(document, "serverInfo.port") == "2020"
    assert field_of(document, "name.port") is None
    assert field_of(document, "nothing") is None


def test_a_table_shows_what_names_the_objects_of_its_type():
    assert default_fields("host") == ["DBID", "name", "state", "folderDBID"]
    assert default_fields("person")[:4] == ["DBID", "tenantDBID", "employeeID", "userName"]
    assert default_fields("unheard-of") == ["DBID", "name", "state", "folderDBID"]


def test_objects_without_a_name_are_named_by_what_they_have():
    assert name_of({"name": "x", "number": "5"}) == "x"
    assert name_of({"userName": "иван"}) == "иван"
    assert name_of({"number": "7001"}) == "7001"
    assert name_of({"DBID": 5}) == name_of(None) == ""


def test_a_changed_option_is_a_line_with_both_values():
    change = ObjectChange(
        "updated", "application", 101,
        delta={"options": {"log": {"verbose": "all"}}},
        former={"options": {"log": {"verbose": "standard"}}},
    )  # fmt: skip
    assert line(change, "statserver") == (
        "12:00:05  7  updated  application 101 [statserver]  log/verbose: standard -> all"
    )


def test_a_change_without_a_delta_is_a_line_without_details():
    assert line(ObjectChange("left", "host", 5)) == "12:00:05  7  left     host 5"


def test_a_name_cannot_break_the_line():
    assert line(ObjectChange("left", "host", 5), "a\nb").endswith(r"host 5 [a\nb]")


@pytest.mark.parametrize(
    ("delta", "former", "texts"),
    [
        ({"state": "disabled"}, {"state": "enabled"}, ["state: enabled -> disabled"]),
        ({"name": None}, {"name": "x"}, ["name: x -> -"]),
        (
            {"options": {"log": {"verbose": None, "all": ""}}},
            {"options": {"log": {"verbose": "all"}}},
            ["log/verbose: all -> -", 'log/all: - -> ""'],
        ),
        (
            {"options": {"log": None}},
            {"options": {"log": {"a": 1, "b": "x"}}},
            ["log/a: 1 -> -", "log/b: x -> -"],
        ),
        ({"options": None}, {"options": {"s": {"o": "1"}}}, ["s/o: 1 -> -"]),
        ({"userProperties": {"s": {"o": "1"}}}, {}, ["annex s/o: - -> 1"]),
        ({"flexibleProperties": {"s": {"o": 1}}}, {}, ["flexible s/o: - -> 1"]),
        (
            {"dnDBIDs": {"add": [5, 6], "remove": [1]}},
            {"dnDBIDs": [1, 2]},
            ["dnDBIDs: add 5, 6", "dnDBIDs: remove 1"],
        ),
        (
            {"portInfos": {"put": [{"id": "default"}]}},
            {},
            ['portInfos: put {"id": "default"}'],
        ),
        (
            {"serverInfo": {"port": "2021"}},
            {"serverInfo": {"port": "2020"}},
            ["serverInfo.port: 2020 -> 2021"],
        ),
        ({"serverInfo": None}, {"serverInfo": {"port": "1"}}, ['serverInfo: {"port": "1"} -> -']),
        ({"owner": {"objectType": "tenant", "DBID": 1}}, {}, ["owner: - -> tenant 1"]),
    ],
)  # fmt: skip
def test_every_form_of_a_delta_is_told(delta, former, texts):
    assert list(differences(delta, former)) == texts


SERVER = ServerIdentity(application="site-1", dbid=102, release="1.0.0", mode="proxy")
OPEN = Status(State.OPEN, 0.0, "link", ("near", 2020), SERVER, Place.PREFERRED)
LOST = replace(OPEN, state=State.LOST, server=None, reason="the line broke")
TRYING = replace(LOST, state=State.CONNECTING, attempts=1, reason="refused")
AWAY = replace(OPEN, address=("far", 2020), place=Place.BACKUP)


@pytest.mark.parametrize(
    ("last", "status", "text"),
    [
        (None, OPEN, ""),
        (OPEN, LOST, "connection lost, trying again: the line broke"),
        (None, TRYING, "not connected: refused; next is near:2020"),
        (LOST, replace(TRYING, attempts=2), "not connected: refused; next is near:2020"),
        (OPEN, replace(TRYING, reason="sent to far:2020"), "sent to far:2020"),
        (TRYING, OPEN, "connected again: site-1 at near:2020"),
        (TRYING, AWAY, "connected again: site-1 at far:2020 (backup site)"),
        (
            AWAY,
            replace(AWAY, place=Place.CONFIRMING, reason="the preferred site answers"),
            "the preferred site answers",
        ),
        (
            AWAY,
            replace(AWAY, state=State.CONNECTING, server=None, reason="returning"),
            "returning",
        ),
        (OPEN, replace(OPEN, state=State.CLOSED), ""),
    ],
)
def test_what_becomes_of_a_connection_is_told(last, status, text):
    assert connection_text(last, status) == text


def test_a_word_stands_for_a_secret() -> None:
    opaque = "secret:1:5e3f7c1d20a94b86:AAAA"
    assert value_text(opaque) == "(secret)"
    assert value_text({"db": {"password": opaque, "port": 1}}) == (
        '{"db": {"password": "(secret)", "port": 1}}'
    )
    delta, former = {"options": {"db": {"password": opaque}}}, {"options": {"db": None}}
    assert list(differences(delta, former)) == ["db/password: - -> (secret)"]


@pytest.mark.parametrize("number", [*range(0x202A, 0x202F), *range(0x2066, 0x206A)], ids=hex)
def test_no_text_turns_the_direction_of_what_follows(number):
    assert shown(f"a{chr(number)}b") == f"a\\u{number:04x}b"
