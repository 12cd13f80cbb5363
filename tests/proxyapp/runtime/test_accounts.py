"""Where the states of accounts are kept, on a real database and on the disk."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from confwire.messages import AccountState
from proxyapp.models.accounts import keep, state_of, states_since
from proxyapp.runtime import accounts
from proxyapp.runtime.accounts import AccountKeeper, InDatabase, InFile

LOCKED = AccountState(101, failures=[5.0], locked_at=4.0, locked_until=99.0)


@pytest.mark.django_db
def test_rows_are_merged_with_what_is_there() -> None:
    keep([LOCKED, AccountState(102, last_login=1.0)])
    keep([AccountState(101, last_login=7.0, failures=[6.0])])
    assert state_of(101) == AccountState(101, 7.0, [5.0, 6.0], 4.0, 99.0, 0.0)
    keep([AccountState(101, cleared_at=8.0)])
    assert state_of(101) == AccountState(101, 7.0, [], 0.0, 0.0, 8.0)
    assert state_of(103) == AccountState(103)
    assert {state.person for state in states_since(0.0)} == {101, 102}


@pytest.mark.django_db
def test_a_look_at_the_table_tells_what_others_have_written_lately() -> None:
    keep([LOCKED])
    keeper = InDatabase()
    assert keeper.read() == [LOCKED]
    keeper._read_to += 2 * accounts.OVERLAP
    assert keeper.read() == []
    keeper.write([AccountState(102, last_login=1.0)])
    assert [state.person for state in keeper.read()] == [101, 102]


def test_a_file_is_for_its_owner_and_survives(tmp_path: Path) -> None:
    file = tmp_path / "accounts.json"
    keeper = InFile(file)
    assert keeper.read() == []
    keeper.write([LOCKED])
    keeper.write([AccountState(102, last_login=1.0)])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = InFile(file)
    assert again.read() == [LOCKED, AccountState(102, last_login=1.0)]
    assert again.read() == []
    again.write([AccountState(101, cleared_at=8.0)])
    assert [state.locked_until for state in InFile(file).read()] == [0.0, 0.0]


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b"\xff", b'[{"person": "x"}]'])
def test_a_damaged_file_is_begun_anew(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "accounts.json"
    file.write_bytes(text)
    keeper = InFile(file)
    assert keeper.read() == []
    keeper.write([LOCKED])
    assert InFile(file).read() == [LOCKED]


class Place:
    """A place that may be away."""

    def __init__(self) -> None:
        self.away = True
        self.news: list[AccountState] = []
        self.kept: dict[int, AccountState] = {}

    def read(self) -> list[AccountState]:
        if self.away:
            raise OperationalError("away")
        news, self.news = self.news, []
        return news

    def write(self, states: Any) -> None:
        if self.away:
            raise OperationalError("away")
        self.kept |= {state.person: state for state in states}


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - a thread makes it true
            await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_what_cannot_be_written_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "PERIOD", 0.01)
    place, told = Place(), []
    keeper = AccountKeeper(told.append, place)
    keeper.start()
    keeper.keep([LOCKED])
    await until(lambda: keeper._failing)
    place.away, place.news = False, [AccountState(102, last_login=1.0)]
    await until(lambda: place.kept)
    assert place.kept == {101: LOCKED}
    await until(lambda: told)
    assert told[0].states == [AccountState(102, last_login=1.0)]
    keeper.keep([AccountState(103, last_login=2.0)])
    await keeper.stop()
    assert 103 in place.kept, "what waits is written at the end"
