"""Who may read the secrets of an object, where, and that they are nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from confwire.errors import InternalError
from confwire.messages import UpdateObject
from historylog.entries import Kind
from proxyapp.engine import commands, events
from proxyapp.engine.secretreading import plain_sections
from proxyapp.engine.trust.sealing import NONCE_SIZE, Place, SecretKeys, derive
from tests.proxyapp.engine.bench import (
    BOB,
    EVE,
    USERS,
    VERIFIER,
    Bench,
    Client,
    Proxy,
    T,
    master,
    record,
)
from tests.proxyapp.engine.copybench import Copied

PLAIN = "Тайна-9731"
DAEMON, SKILL = 120, 601
FORMER, PRESENT = "of former masters", "the masters' secret"


def sealed(type_name: str, dbid: int, field: str, key: str = PRESENT) -> str:
    place = Place(T[type_name], dbid, field, "db", "password")
    return SecretKeys(derive([key])).seal(PLAIN, place, bytes(NONCE_SIZE))


def daemon(dbid: int, field: str = "options", **given: Any) -> Any:
    options = {"db": {"password": sealed("application", dbid, field), "port": 5432}}
    return record("application", dbid, 500, name=f"daemon{dbid}", type="genericserver",
                  accountDBID=BOB, verifier=VERIFIER, options=options, **given)  # fmt: skip


@pytest.fixture
def bench() -> Bench:
    made = master(token_secret=PRESENT.encode(), former_secrets=(FORMER,))
    annex = {"db": {"password": sealed("skill", SKILL, "userProperties", FORMER)}}
    made.commit(
        daemon(DAEMON, acl=[(3, BOB, 8)]),
        daemon(DAEMON + 1, acl=[(3, BOB, 9), (3, EVE, 5)]),
        record("skill", SKILL, name="x", tenantDBID=1, acl=[(3, BOB, 1), (3, EVE, 5)],
               userProperties=annex),
        record("application", 100, 500, name="default", type="sce",
               acl=[(21, USERS, 9), (3, EVE, 9), (3, 100, 9)]),
    )  # fmt: skip
    return made


def ask(client: Client, dbid: int = DAEMON, object_type: str = "application") -> dict[str, Any]:
    (answer,) = client.ask("readSecrets", objectType=object_type, DBID=dbid)
    return answer


def own(bench: Bench) -> Client:
    return bench.login("", application=f"daemon{DAEMON}")


def test_an_application_reads_its_own_secrets_whatever_its_account_may_do(bench: Bench) -> None:
    answer = ask(own(bench))
    assert answer["message"] == "secretsRead"
    assert answer["values"] == {"options": {"db": {"password": PLAIN}}}
    assert answer["revision"] == bench.database.revision


def test_others_need_the_right_to_change(bench: Bench) -> None:
    eve, bob, server = bench.login("eve"), bench.login("bob"), own(bench)
    values = {"userProperties": {"db": {"password": PLAIN}}}
    assert ask(eve, SKILL, "skill")["values"] == values, "sealed with a former key"
    assert ask(eve, DAEMON + 1)["values"] == {"options": {"db": {"password": PLAIN}}}
    assert ask(eve)["code"] == "objectNotFound"
    for client in (bob, server):
        assert ask(client, SKILL, "skill")["code"] == "noPermission"
        assert ask(client, DAEMON + 1)["code"] == "noPermission"
    assert ask(bob)["code"] == "objectNotFound", "a user of an application is not it"
    assert ask(server, DAEMON, "skill")["code"] == "objectNotFound", "a DBID of another type"
    assert ask(eve, 999, "skill")["code"] == "objectNotFound"
    assert ask(eve, 1, "unicorn")["code"] == "invalidParameter"


def test_who_took_a_session_of_an_application_without_a_secret_is_not_it(bench: Bench) -> None:
    client = own(bench)
    document = {"name": f"daemon{DAEMON}", "type": "genericserver", "accountDBID": BOB}
    options = {"db": {"password": sealed("application", DAEMON, "options")}}
    bench.commit(record("application", DAEMON, 500, **document, options=options,
                        acl=[(3, BOB, 9)]))  # fmt: skip
    (answer,) = client.ask("readSecrets", objectType="application", DBID=DAEMON)
    assert answer["code"] == "noPermission"


def test_an_object_without_secrets_has_none(bench: Bench) -> None:
    bench.commit(record("skill", SKILL, name="x", tenantDBID=1, acl=[(3, EVE, 5)]))
    assert "values" not in ask(bench.login("eve"), SKILL, "skill")


def test_secrets_cross_no_line_in_clear(bench: Bench) -> None:
    client = bench.connect(secure=False)
    client.open("", application=f"daemon{DAEMON}")
    client.inbox.clear()
    assert ask(client)["code"] == "secretInClear"
    delta = {"userProperties": {"db": {"password": {"secret": PLAIN}}}}
    (answer,) = client.ask("updateObject", objectType="skill", DBID=SKILL, delta=delta)
    assert answer["code"] == "secretInClear"
    (answer,) = client.ask("createObject", objectType="skill", object=delta)
    assert answer["code"] == "secretInClear"
    assert not bench.of(commands.Write)


def test_each_read_is_kept_without_values(bench: Bench) -> None:
    eve = bench.login("eve")
    ask(eve, SKILL, "skill")
    ask(eve)
    (entry,) = [e for e in bench.log.entries if e.kind == Kind.SECRETS_READ]
    assert (entry.user, entry.application, entry.reason) == ("eve", "default", f"skill {SKILL}")
    assert PLAIN not in repr(bench.log.entries)


def test_what_is_damaged_or_moved_is_said(bench: Bench) -> None:
    for text in (sealed("skill", SKILL + 1, "userProperties"), "secret:1:nonsense"):
        bench.commit(record("skill", SKILL, name="x", tenantDBID=1, acl=[(3, EVE, 5)],
                            userProperties={"db": {"password": text}}))  # fmt: skip
        answer = ask(bench.login("eve"), SKILL, "skill")
        assert answer["code"] == "secretsUnavailable"
        assert answer["data"] == {"property": "userProperties.db.password"}


def test_a_proxy_answers_by_itself_and_without_its_master(bench: Bench) -> None:
    proxy = Proxy(bench)
    proxy.start()
    client = own(proxy)
    assert ask(client)["values"] == {"options": {"db": {"password": PLAIN}}}
    proxy.sever()
    assert ask(client)["values"] == {"options": {"db": {"password": PLAIN}}}
    assert [e for e in proxy.log.entries if e.kind == Kind.SECRETS_READ]


def test_a_proxy_answers_after_a_cold_start_without_its_master(bench: Bench) -> None:
    copied = Copied(bench)
    copied.begin()
    copied.dial()
    keys = copied.of(commands.KeepKeys)[-1].keys
    restarted = copied.restart()
    client = own(restarted)
    assert ask(client)["code"] == "secretsUnavailable", "the keys are not read yet"
    restarted.handle(events.CopyRead([], keys))
    assert ask(client)["values"] == {"options": {"db": {"password": PLAIN}}}


def test_nothing_else_tells_the_plain_text(bench: Bench) -> None:
    copied = Copied(bench)
    copied.begin()
    copied.dial()
    eve = copied.login("eve")
    eve.ask("registerNotification", subscriptions=[{"id": "s", "objectTypes": ["skill"]}])
    eve.ask("readObjects", objectType="skill")
    eve.ask("historyLog")
    bench.commit(record("skill", SKILL, name="y", tenantDBID=1, acl=[(3, EVE, 5)]))
    copied.handle(events.CopyOutgrown())
    clients = [*bench.clients.values(), *copied.clients.values()]
    assert any(b"secret:1:" in message for client in clients for message in client.raw)
    for client in clients:
        for message in client.raw:
            assert PLAIN.encode() not in message
    assert PLAIN not in repr(copied.kept) + repr(bench.commands) + repr(copied.commands)
    assert PLAIN.encode() not in b"".join(
        row.body
        for page in copied.kept if isinstance(page, commands.CopyRows) for row in page.rows
    )  # fmt: skip


def test_a_server_reads_the_secrets_of_its_own_options(bench: Bench) -> None:
    text = sealed("application", 99, "options")
    sections = {"db": {"password": text, "port": 1, "other": "secret:1:nonsense"}}
    found = plain_sections(bench.node.serving, T["application"], 99, "options", sections)  # type: ignore[arg-type]
    assert found == {"db": {"password": PLAIN, "port": 1}}


def test_a_directory_is_asked_with_the_secret_password(bench: Bench) -> None:
    place = Place(T["application"], 99, "options", "gauth_ldap", "password")
    text = SecretKeys(derive([PRESENT])).seal(PLAIN, place, bytes(NONCE_SIZE))
    options = {
        "authentication": {"library": "gauth_ldap"},
        "gauth_ldap": {"ldap-url": "ldaps://h/dc=x", "app-user": "cn=a", "password": text},
    }
    bench.commit(
        record("application", 99, 500, name="confserv", type="configserver", accountDBID=100,
               options=options),
        record("person", BOB, userName="bob", tenantDBID=1, externalID="bob"),
    )  # fmt: skip
    row = bench.node.serving.person_named("bob")
    assert row is not None
    (way,) = bench.node.serving.checks.ways_of(row).ways
    assert way.directories[0].password == PLAIN  # type: ignore[attr-defined]


def test_writes_with_secrets_are_never_said_in_a_log(bench: Bench) -> None:
    eve = bench.login("eve")
    delta = {"userProperties": {"db": {"password": {"secret": PLAIN}}}}
    eve.post("updateObject", objectType="skill", DBID=SKILL, delta=delta)
    (write,) = bench.of(commands.Write)
    assert isinstance(write.request, UpdateObject)
    bench.handle(events.WriteRefused(write.ticket, InternalError()))
    assert PLAIN not in repr(bench.of(commands.Log))
    assert all(PLAIN.encode() not in message for message in eve.raw)
