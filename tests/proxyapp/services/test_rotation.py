"""Keys change, and the secrets stay."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from confwire.objects import ObjectType
from proxyapp.engine.trust.sealing import Place
from proxyapp.services import rotation, secrets
from proxyapp.services.documents import document_of, find

PLAIN = "geheim"
SKILL = ObjectType.SKILL


@pytest.fixture
def dbid(create: Any) -> int:
    annex = {"x": {"one": {"secret": PLAIN}, "two": {"secret": PLAIN}, "three": "plain"}}
    made: int = create("skill", name="s", tenantDBID=1, userProperties=annex)
    return made


def value(dbid: int, name: str = "one") -> str:
    found: str = document_of(find(SKILL, [dbid]).get())["userProperties"]["x"][name]
    return found


def opened(dbid: int, name: str = "one") -> str:
    place = Place(int(SKILL), dbid, "userProperties", "x", name)
    return secrets.keys().open(value(dbid, name), place)


def test_after_a_change_of_the_key_all_is_sealed_anew(
    dbid: int, settings: Any, verify_change: Any, capsys: Any
) -> None:
    text = value(dbid)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another one"
    assert opened(dbid) == PLAIN
    with verify_change() as transactions:
        call_command("rotatesecrets")
    assert "2 secrets of 1 objects" in capsys.readouterr().out
    assert len(transactions) == 1
    settings.SECRET_KEY_FALLBACKS = []
    assert value(dbid) != text
    assert opened(dbid) == opened(dbid, "two") == PLAIN
    assert rotation.rotate() == rotation.Rotation(0, 0, 0, unreadable=())


def test_a_rotation_tells_what_it_could_not_read(dbid: int, settings: Any) -> None:
    text = value(dbid)
    settings.SECRET_KEY = "another one"
    assert rotation.rotate().unreadable == (
        f"skill {dbid} userProperties.x.one", f"skill {dbid} userProperties.x.two",
    )  # fmt: skip
    with pytest.raises(CommandError, match="CSPROXY_FORMER_SECRET_KEYS"):
        call_command("rotatesecrets")
    assert value(dbid) == text
