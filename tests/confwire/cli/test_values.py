"""Values of the command line, and what is said of those that cannot be used."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import Any

import pytest

from confwire.cli import values
from confwire.client import Cursor, ObjectId


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (values.port, "2020", 2020),
        (values.count, "7", 7),
        (values.dbid, "101", 101),
        (values.percent, "25%", 25),
        (values.period, "2h", 7200.0),
        (values.wait, "60", 60.0),
        (values.address, "[::1]:2020", ("::1", 2020)),
        (values.pair, "name=a=b", ("name", "a=b")),
        (values.object_id, "skill:7", ObjectId("skill", 7)),
        (values.cursor, "e:5", Cursor("e", 5)),
        (values.revision, "5", Cursor("", 5)),
    ],
)
def test_a_value_is_read(read: Callable[[str], Any], text: str, value: Any) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text", "said"),
    [
        (values.count, "0", "a number of objects is from 1 on, not '0'"),
        (values.dbid, "Anna", "`confctl read TYPE name=NAME` shows it"),
        (values.wait, "60.5", "a server waits up to 60 seconds"),
        (values.wait, "-1", "a time is a number of seconds"),
        (values.pair, "99", "such as name=NAME or dbid=NUMBER, not '99'"),
    ],
)
def test_what_is_no_value_is_told_with_the_remedy(
    read: Callable[[str], Any], text: str, said: str
) -> None:
    with pytest.raises(ArgumentTypeError) as raised:
        read(text)
    assert said in str(raised.value)
