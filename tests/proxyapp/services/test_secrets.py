"""Secrets of options in the database: no table holds one, and who leaves them alone keeps them."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from django.db import connection

from confwire.errors import InvalidParameter
from confwire.objects import ObjectType
from confwire.opaque import is_opaque
from proxyapp.engine.trust.sealing import Place
from proxyapp.models import ApplicationTemplate, Revision
from proxyapp.services import changes, objects, reverting, secrets
from proxyapp.services.documents import document_of, find
from proxyapp.services.environments.exporting import export
from proxyapp.services.provisioning import application_from

PLAIN = "пароль-Тайна-9731"
SYSTEM: dict[str, Any] = {"by": None, "origin": "test"}
APPLICATION = ObjectType.APPLICATION


@pytest.fixture
def dbid(server: Any) -> int:
    options = {"db": {"password": {"secret": PLAIN}, "port": 5432}}
    annex = {"own": {"token": {"secret": PLAIN}}}
    made: int = server("app", "4000", options=options, userProperties=annex)
    return made


def update(dbid: int, **delta: Any) -> objects.Outcome:
    return objects.update("application", dbid, delta, by=None, origin="test")


def document(dbid: int, type_: ObjectType = APPLICATION) -> dict[str, Any]:
    return document_of(find(type_, [dbid]).get())


def password(dbid: int) -> str:
    found: str = document(dbid)["options"]["db"]["password"]
    return found


def opened(dbid: int, section: str = "db", option: str = "password", field: str = "options") -> str:
    place = Place(int(APPLICATION), dbid, field, section, option)
    return secrets.keys().open(document(dbid)[field][section][option], place)


def everything() -> str:
    """Return all that stands in any table."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            found.append(repr(cursor.fetchall()))
    return "\n".join(found)


def test_a_secret_is_sealed_and_opens(dbid: int) -> None:
    assert is_opaque(password(dbid))
    assert opened(dbid) == PLAIN
    assert opened(dbid, "own", "token", "userProperties") == PLAIN
    assert document(dbid)["options"]["db"]["port"] == 5432


def test_no_table_holds_the_plain_text(dbid: int) -> None:
    update(dbid, options={"db": {"password": {"secret": PLAIN + "2"}}})
    update(dbid, options={"db": None})
    objects.delete("application", dbid, by=None, origin="test")
    text = everything()
    assert "secret:1:" in text, "the history has the opaque text"
    assert "Тайна" not in text
    assert ascii("Тайна")[1:-1] not in text


def test_an_opaque_text_that_comes_back_unchanged_changes_nothing(dbid: int) -> None:
    same = {"db": {"password": password(dbid)}}
    assert update(dbid, options=same).result.revision is None
    before = password(dbid)
    update(dbid, options={"db": {"port": 1}})
    assert password(dbid) == before


def test_a_secret_is_no_text_of_another_place(dbid: int, server: Any) -> None:
    text = password(dbid)
    deltas: list[dict[str, Any]] = [
        {"options": {"db": {"other": text}}},
        {"options": {"dc": {"password": text}}},
        {"userProperties": {"db": {"password": text}}},
        {"options": {"db": {"password": text[:-4] + "AAA="}}},
        {"options": {"db": {"password": "secret:1:nonsense"}}},
    ]
    for delta in deltas:
        with pytest.raises(InvalidParameter, match="give it anew"):
            update(dbid, **delta)
    with pytest.raises(InvalidParameter, match="give it anew"):
        server("copy", "4001", options={"db": {"password": text}})
    assert opened(dbid) == PLAIN


@pytest.mark.parametrize(
    "value", [{}, {"secret": 7}, {"secret": "x-9731", "more": "x-9731"}, ["x-9731"], {"Secret": ""}]
)
def test_other_forms_are_refused_without_repeating_them(dbid: int, value: Any) -> None:
    with pytest.raises(InvalidParameter) as refusal:
        update(dbid, options={"db": {"password": value}})
    assert "9731" not in str(refusal.value)


def test_objects_of_one_row_have_secrets_too(create: Any) -> None:
    annex = {"x": {"y": {"secret": PLAIN}}}
    ids = [create("skill", name=name, tenantDBID=1, userProperties=annex) for name in "ab"]
    with changes.commit(by=None, origin="test") as work:
        given = [{"tenantDBID": 1, "name": name, "userProperties": annex} for name in "cd"]
        ids += objects.create_many("skill", given, work=work)
    objects.update("skill", ids[0], {"userProperties": annex}, by=None, origin="test")
    texts = {document(dbid, ObjectType.SKILL)["userProperties"]["x"]["y"] for dbid in ids}
    assert len(texts) == 4
    assert all(map(is_opaque, texts))
    assert "Тайна" not in everything()


def test_a_secret_whose_key_is_lost_holds_up_no_other_change(dbid: int, settings: Any) -> None:
    text = password(dbid)
    settings.SECRET_KEY = "another one"
    update(dbid, options={"db": {"port": 1}})
    assert password(dbid) == text
    update(dbid, options={"db": {"password": {"secret": "new"}}})
    assert opened(dbid) == "new"
    with pytest.raises(InvalidParameter, match="give it anew"):
        update(dbid, options={"db": {"password": text}})


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_done_no_table_and_no_export_holds_a_plain_text(
    create: Any, seed: int, verify_change: Any
) -> None:
    random = Random(seed)
    ids = [create("skill", name=f"s{n}", tenantDBID=1) for n in range(4)]
    plain: dict[tuple[int, str, str], str] = {}

    def write() -> None:
        place = random.choice(ids), random.choice("ab"), random.choice("xy")
        value = random.choice([None, 1, "text", {"secret": f"Тайна-{random.random()}"}])
        delta = {place[1]: {place[2]: value}}
        objects.update("skill", place[0], {"userProperties": delta}, **SYSTEM)
        plain.pop(place, None)
        if isinstance(value, dict):
            plain[place] = value["secret"]

    def write_back() -> None:
        dbid = random.choice(ids)
        delta = {"userProperties": skill(dbid).get("userProperties"), "name": f"n{random.random()}"}
        objects.update("skill", dbid, delta, **SYSTEM)

    def move() -> None:
        texts = [skill(dbid)["userProperties"][part][name] for dbid, part, name in plain]
        if texts:
            delta = {"userProperties": {"other": {"x": random.choice(texts)}}}
            with pytest.raises(InvalidParameter):
                objects.update("skill", random.choice(ids), delta, **SYSTEM)

    def go_back() -> None:
        dbid, now = random.choice(ids), Revision.objects.get().number
        reverting.revert(
            reverting.of_object(ObjectType.SKILL, dbid, random.randint(begin, now), by=None),
            **SYSTEM,
        )
        for place in [place for place in plain if place[0] == dbid]:
            del plain[place]  # what it is now is what it was then

    def skill(dbid: int) -> dict[str, Any]:
        return document(dbid, ObjectType.SKILL)

    begin = Revision.objects.get().number
    with verify_change():
        for _ in range(40):
            random.choice([write, write, write, write_back, move, go_back])()
    for (dbid, part, name), text in plain.items():
        place = Place(int(ObjectType.SKILL), dbid, "userProperties", part, name)
        assert secrets.keys().open(skill(dbid)["userProperties"][part][name], place) == text
    for text in (everything(), b"".join(export(())).decode()):
        assert "secret:1:" in text
        assert "Тайна" not in text
        assert ascii("Тайна")[1:-1] not in text


def test_a_backup_server_has_the_secrets_of_its_primary(server: Any) -> None:
    backup = server("backup", "3001")
    primary = server("primary", "3000", redundancyType="warmstandby",
                     serverInfo={"backupServerDBID": backup})  # fmt: skip
    update(primary, userProperties={"x": {"y": {"secret": PLAIN}, "z": "1"}})
    field = "userProperties"
    assert opened(primary, "x", "y", field) == opened(backup, "x", "y", field) == PLAIN
    text = document(backup)[field]["x"]["y"]
    update(primary, userProperties={"x": {"z": "2"}})
    assert document(backup)[field]["x"] == {"y": text, "z": "2"}
    update(primary, userProperties={"x": {"y": None}})
    assert document(backup)[field] == {"x": {"z": "2"}}


def test_a_template_gives_its_options_without_its_secrets(create: Any) -> None:
    dbid = create("appPrototype", name="t", type="sce", version="8",
                  options={"db": {"password": {"secret": PLAIN}, "port": 1}})  # fmt: skip
    template = ApplicationTemplate.objects.get(dbid=dbid)
    assert application_from(template).options == {"db": {"port": 1}}
