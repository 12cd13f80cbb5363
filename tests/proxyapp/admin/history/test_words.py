"""Nonsense in an address is answered by a page that says what to do, never by an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from proxyapp.admin.history.words import shortened

See = Callable[..., str]

HUGE = str(10**30)
LISTS = ("", "transactions/", "log/", "at/", "between/", "objects/13/{dbid}/at/")
EXPORTS = ("changes.csv", "transactions.json", "log.xml")
NUMBERS = ("x", "-1", "1.5", HUGE, "%00", "' OR 1=1")
TIMES = (
    "x",
    "2026-13-01",
    "2026-01-01T25:00",
    "0001-01-01T00:00%2B14:00",
    "9999-12-31T23:59-14:00",
)
WRONG = {
    "revision": NUMBERS,
    "type": ("0", "999", *NUMBERS),
    "dbid": ("0", *NUMBERS),
    "kind": ("x", "%00"),
    "since": TIMES,
    "until": TIMES,
    "by": ("a" * 501, "a%00b"),
    "name": ("a" * 501, "%00"),
    "path": ("%00",),
    "session": ("%00",),
}
FIELDS = {
    "": ("revision", "type", "dbid", "kind", "since", "until", "by", "name", "path", "session"),
    "transactions/": ("revision", "since", "until", "by", "session"),
    "log/": ("kind", "since", "until", "session"),
    "at/": ("revision", "type"),
    "between/": ("revision", "type"),
    "objects/13/{dbid}/at/": ("revision",),
    "changes.csv": ("revision", "type", "since", "name"),
    "transactions.json": ("revision", "until"),
    "log.xml": ("kind", "since"),
}


@pytest.mark.parametrize("address", [*LISTS, *EXPORTS])
def test_a_filter_that_is_wrong_is_refused_and_nothing_is_shown(
    see: See, skill: Any, address: str
) -> None:
    path = address.format(dbid=skill.dbid)
    for name in FIELDS[address]:
        for value in WRONG[name]:
            found = see(f"{path}?{name}={value}", status=400)
            assert "orrect" in found, (name, value)
            assert "data-label" not in found


@pytest.mark.parametrize(
    "address",
    [
        *(
            f"{path}?after={mark}"
            for path in ("", "log/", *EXPORTS)
            for mark in ("x", "1.2.3", "-")
        ),
        "transactions/?after=1.2",
        "at/?after=x",
        "between/?after=1",
        "objects/13/{dbid}/?after=x",
        "objects/13/{dbid}/diff/?former=x",
        f"objects/13/{{dbid}}/diff/?revision={HUGE}",
        "objects/13/{dbid}/revert/",
        "objects/13/{dbid}/revert/?revision=x",
        "transactions/{created}/?type=x",
        "transactions/{created}/?type=999",
        "transactions/{created}/?kind=x",
        "transactions/{created}/?after=x",
    ],
)
def test_what_is_no_place_is_refused_with_what_to_do(see: See, skill: Any, address: str) -> None:
    page = see(address.format(dbid=skill.dbid, created=skill.created), status=400)
    assert "errornote" in page
    assert "data-label" not in page


@pytest.mark.parametrize(
    "address",
    [
        f"objects/13/{HUGE}/",
        f"objects/{HUGE}/1/",
        f"objects/13/{HUGE}/diff/",
        f"objects/13/{HUGE}/revert/?revision=1",
        f"transactions/{HUGE}/",
        f"transactions/{HUGE}/revert/",
        "transactions/0/",
        "transactions/0/revert/",
        "at/?revision=999999999",
        "between/?until=999999999",
        "sessions/%00/",
        "changes.exe",
    ],
)
def test_what_is_not_there_is_said_on_a_page(see: See, skill: Any, address: str) -> None:
    assert "errornote" in see(address, status=404)


@pytest.mark.parametrize(
    "time",
    ["2026-03-29T02:30", "2026-10-25T02:30%2B02:00", "2026-10-25T00:30Z", "0001-01-01T00:00"],
)
def test_times_are_utc_unless_they_name_a_zone(see: See, skill: Any, time: str) -> None:
    see(f"?since={time}")
    see(f"transactions.csv?until={time}")


def test_of_long_values_the_part_is_shown_where_they_differ() -> None:
    former, value = shortened("x" * 5_000 + "a" + "y" * 5_000, "x" * 5_000 + "b" + "y" * 5_000)
    assert former == "… " + "x" * 100 + "a" + "y" * 1_899 + " …"
    assert value.startswith("… " + "x" * 100 + "by")
    assert shortened("x" * 5_000, "") == ("x" * 2_000 + " …", "")
    assert shortened("x" * 5_000, "x" * 5_000) == ("x" * 2_000 + " …",) * 2
    assert shortened("x" * 5_000, "x" * 4_000) == ("… " + "x" * 1_100, "… " + "x" * 100)
    assert shortened("old", "new") == ("old", "new")
