"""The pages of applications: made from templates, saved through the door, refused at the field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.contrib.sessions.models import Session
from django.test import Client

from confwire.handshake import check_password
from confwire.objects import ObjectType
from proxyapp.models import Application, ApplicationTemplate, Commit, Connection, Port

LIST = "/admin/proxyapp/application/"
ADD = LIST + "add/"
PROXY = f"{ADD}?app_prototype=98"
APPLICATION = int(ObjectType.APPLICATION)
Save = Callable[..., Any]


def connection(server: int) -> dict[str, str]:
    """Return a first row of connections, filled in."""
    values = {"server": server, "conn_protocol": "addp", "timeout_local": 7, "timeout_remote": 11}
    row = {f"connections-0-{name}": str(value) for name, value in values.items()}
    return {"connections-TOTAL_FORMS": "1", "connections-0-mode": "both", **row}


@pytest.fixture
def proxy(save: Save) -> Application:
    """Return a proxy that was made in the browser."""
    page = save(PROXY, name="proxy-1", host="100", **{"ports-0-port": "3020"}, **connection(99))
    assert page.status_code == 302, page.context["errors"]
    return Application.objects.get(name="proxy-1")


def at(proxy: Application, page: str = "change") -> str:
    return f"{LIST}{proxy.pk}/{page}/"


def errors(page: Any) -> dict[str, list[str]]:
    assert page.status_code == 200
    found: dict[str, list[str]] = page.context["adminform"].form.errors
    return found


# ---------------------------------------------------------------- saving


def test_a_new_application_asks_for_its_template(client: Client) -> None:
    page = client.get(ADD)

    assert b'<a href="?app_prototype=98">Configuration Server Proxy</a>' in page.content


def test_the_template_gives_type_release_and_options(client: Client, proxy: Application) -> None:
    template = ApplicationTemplate.objects.get(pk=98)

    assert (proxy.type, proxy.version, proxy.options) == (
        template.type,
        template.version,
        template.options,
    )
    assert b"app_prototype" not in client.get(at(proxy)).content


def test_a_new_application_with_rows_is_one_change(save: Save, verify_change: Any) -> None:
    with verify_change() as transactions:
        save(PROXY, name="proxy-1", host="100", **{"ports-0-port": "3020"})

    (transaction,) = transactions
    proxy = Application.objects.get(name="proxy-1")
    assert [(record.type, record.dbid) for record in transaction.records] == [
        (APPLICATION, proxy.pk)
    ]
    assert transaction.by == "default"
    assert Commit.objects.latest("revision").origin == "admin 127.0.0.1"


def test_a_change_with_rows_is_one_change(
    save: Save, proxy: Application, verify_change: Any
) -> None:
    with verify_change() as transactions:
        save(
            at(proxy),
            options="[log]\nverbose = all\nsegment = 5",
            **{"ports-0-port": "3021", "connections-0-DELETE": "on"},
        )

    assert [len(transaction.records) for transaction in transactions] == [1]
    proxy.refresh_from_db()
    assert proxy.options == {"log": {"verbose": "all", "segment": 5}}
    assert [port.port for port in proxy.ports.all()] == ["3021"]
    assert not Connection.objects.filter(application=proxy).exists()


def test_saving_without_a_change_publishes_nothing(
    save: Save, proxy: Application, verify_change: Any
) -> None:
    with verify_change() as transactions:
        assert save(at(proxy)).status_code == 302

    assert transactions == []


def test_a_form_with_an_error_saves_nothing(
    save: Save, proxy: Application, verify_change: Any
) -> None:
    with verify_change() as transactions:
        page = save(at(proxy), name="other", **{"ports-0-port": "99999"})

    assert transactions == []
    assert "99999 is no port number" in page.content.decode()
    assert Application.objects.get(pk=proxy.pk).name == "proxy-1"


def test_an_options_error_names_the_line(save: Save, proxy: Application) -> None:
    page = save(at(proxy), options="[log]\nverbose")

    assert errors(page)["options"][0].startswith("line 2:")


def test_a_wrong_value_of_an_option_is_saved_with_a_warning(save: Save, proxy: Application) -> None:
    page = save(at(proxy), options="[csproxy]\ndrain-time = x")

    (told, *_) = (str(message) for message in get_messages(page.wsgi_request))
    assert "drain-time has the value 'x', which is not valid" in told
    proxy.refresh_from_db()
    assert proxy.options == {"csproxy": {"drain-time": "x"}}


def test_a_mistyped_transport_parameter_is_saved_with_a_warning(
    save: Save, proxy: Application
) -> None:
    port = proxy.ports.get()
    page = save(at(proxy), **{"ports-0-transport_params": "tls-mutal=1"})

    (told, *_) = (str(message) for message in get_messages(page.wsgi_request))
    assert told == (
        f"port {port.port_id}: transport parameter 'tls-mutal' has no effect: is tls-mutual meant?"
    )
    port.refresh_from_db()
    assert port.transport_params == "tls-mutal=1"


def test_proxy_writable_is_an_option(save: Save, proxy: Application) -> None:
    for ticked, value in (("on", "true"), (None, "false")):
        save(at(proxy), proxy_writable=ticked)

        proxy.refresh_from_db()
        assert proxy.options["csproxy"]["proxy-writable"] == value


def test_option_proxy_writable_ticks_the_box(
    client: Client, save: Save, proxy: Application
) -> None:
    save(at(proxy), options="[csproxy]\nproxy-writable = true")

    assert client.get(at(proxy)).context["adminform"].form["proxy_writable"].value() is True


def test_an_application_that_is_no_server_has_no_server_information(client: Client) -> None:
    page = client.get(f"{LIST}100/change/").content.decode()

    assert "Server info" not in page
    assert "Listening ports" not in page
    assert "Make a new secret" not in page


@pytest.mark.parametrize(
    "closing", [{"ports-0-clients_only": "on"}, {"ports-0-transport_params": "tls=1;user=1"}]
)
def test_closing_the_default_port_to_servers_must_be_confirmed(
    save: Save, client: Client, proxy: Application, verify_change: Any, closing: dict[str, str]
) -> None:
    with verify_change() as transactions:
        page = save(at(proxy), **closing)
    assert "Give client user interface applications a port of their own" in page.content.decode()
    assert transactions == []

    save(at(proxy), **closing, **{"ports-0-confirmed": "on"})
    shown = client.get(LIST).content.decode()
    assert "its backup server and other servers can no longer" in shown
    assert "3020 (UI)" in shown

    with verify_change() as transactions:  # what was confirmed once is not asked for again
        save(at(proxy), **closing, **{"ports-0-listening_mode": "autodetect"})
    assert len(transactions) == 1


def test_a_port_of_its_own_for_people_needs_no_confirmation(save: Save, proxy: Application) -> None:
    values = {"port_id": "ui", "port": "3030", "transport_params": "user=1"}
    row = {f"ports-1-{name}": value for name, value in values.items()}
    save(at(proxy), **{"ports-TOTAL_FORMS": "2", "ports-1-listening_mode": "unsecured"}, **row)

    assert Port.objects.get(application=proxy, port_id="ui").is_dedicated


def test_an_ha_sync_port_cannot_be_for_people_in_either_way(save: Save, proxy: Application) -> None:
    page = save(
        at(proxy), **{"ports-0-ha_sync": "on", "ports-0-transport_params": "user=1",
                      "ports-0-confirmed": "on"},
    )  # fmt: skip

    assert "a port for HA sync cannot be for client applications only" in page.content.decode()


# ---------------------------------------------------------------- refusals


def test_a_single_proxy_needs_redundancy_not_specified(
    save: Save, proxy: Application, verify_change: Any
) -> None:
    with verify_change() as transactions:
        page = save(at(proxy), redundancy_type="warmstandby")

    assert errors(page)["redundancy_type"] == [
        "a single server needs redundancy type Not Specified"
    ]
    assert transactions == []


def test_a_pair_needs_warm_standby(save: Save, proxy: Application, verify_change: Any) -> None:
    save(PROXY, name="proxy-2", host="100", **{"ports-0-port": "3030"})
    backup = Application.objects.get(name="proxy-2")

    page = save(at(proxy), backup_server=str(backup.pk))
    assert errors(page)["redundancy_type"] == [
        "a server of a pair needs redundancy type Warm Standby"
    ]

    with verify_change() as transactions:
        save(at(proxy), backup_server=str(backup.pk), redundancy_type="warmstandby")
    assert [len(transaction.records) for transaction in transactions] == [2]
    backup.refresh_from_db()
    assert backup.redundancy_type == "warmstandby"


def test_a_server_cannot_be_its_own_backup(save: Save, proxy: Application) -> None:
    page = save(at(proxy), backup_server=str(proxy.pk), redundancy_type="warmstandby")

    assert errors(page)["backup_server"][0] == "a server cannot be its own backup"


def test_a_port_of_another_server_on_the_host_is_refused(
    save: Save, proxy: Application, verify_change: Any
) -> None:
    with verify_change() as transactions:
        page = save(at(proxy), **{"ports-0-port": "2020"})

    assert "port 2020 is that of application with DBID 99 on the same host" in page.content.decode()
    assert "was changed successfully" not in page.content.decode()
    assert transactions == []


def test_a_second_default_port_is_refused(save: Save, proxy: Application) -> None:
    page = save(
        at(proxy),
        **{"ports-TOTAL_FORMS": "2", "ports-1-port_id": "other", "ports-1-port": "3020"},
        **{"ports-1-listening_mode": "unsecured"},
    )

    assert "port number 3020 is given twice" in page.content.decode()


def test_a_backup_shows_what_it_takes_over_and_does_not_let_it_be_changed(
    client: Client, save: Save, proxy: Application
) -> None:
    page = save(PROXY, name="backup", host="100", **{"ports-0-port": "3021"})
    assert page.status_code == 302
    backup = Application.objects.get(name="backup")
    page = save(at(proxy), backup_server=str(backup.pk), redundancy_type="warmstandby")
    assert page.status_code == 302, page.context["errors"]
    assert [one.server_id for one in backup.connections.all()] == [99]

    said = client.get(at(backup)).content.decode()
    for name in ("annex", "tenants", "connections-0-server"):
        assert f'name="{name}"' not in said, name
    assert f'<a href="{at(proxy)}">proxy-1</a>' in said, "whose backup it is"
    assert "no working pair yet" in said, "neither has a port for HA sync"
    assert "Backup of" not in client.get(at(proxy)).content.decode()
    assert 'name="annex"' in client.get(at(proxy)).content.decode()
    assert save(at(backup), work_directory="/elsewhere").status_code == 302


def test_a_taken_name_is_refused_at_the_name(save: Save, proxy: Application) -> None:
    assert "exists already" in errors(save(at(proxy), name="CONFSERV"))["name"][0]


@pytest.mark.parametrize(("field", "value"), [("name", "other"), ("state", "disabled")])
def test_what_the_system_needs_keeps_name_and_state(
    save: Save, verify_change: Any, field: str, value: str
) -> None:
    with verify_change() as transactions:
        page = save(f"{LIST}99/change/", **{field: value})

    assert f"its {field} stays as it is" in errors(page)[field][0]
    assert transactions == []
    assert not LogEntry.objects.exists()


# ---------------------------------------------------------------- lists and deletions


def test_a_server_without_host_or_port_is_asked_for_them(save: Save, verify_change: Any) -> None:
    with verify_change() as transactions:
        page = save(PROXY, name="proxy-3")

    assert transactions == []
    assert "Select the host on which this server runs" in page.content.decode()
    assert "Give the number of the port that clients connect to" in page.content.decode()


def test_an_action_on_many_is_one_transaction(
    save: Save, client: Client, proxy: Application, verify_change: Any
) -> None:
    save(PROXY, name="proxy-2", host="100", **{"ports-0-port": "3030"})
    both = [str(row.pk) for row in Application.objects.filter(name__startswith="proxy")]

    with verify_change() as transactions:
        client.post(LIST, {"action": "disable", "_selected_action": both})

    assert [len(transaction.records) for transaction in transactions] == [2]
    assert set(Application.objects.filter(pk__in=both).values_list("state", flat=True)) == {
        "disabled"
    }


def test_an_action_that_is_refused_changes_nothing(
    client: Client, proxy: Application, verify_change: Any
) -> None:
    with verify_change() as transactions:
        page = client.post(
            LIST, {"action": "disable", "_selected_action": [str(proxy.pk), "99"]}, follow=True
        )

    assert "confserv is needed by the system itself" in page.content.decode()
    assert transactions == []


def test_a_deletion_takes_the_rows_along_in_one_change(
    client: Client, proxy: Application, verify_change: Any
) -> None:
    with verify_change() as transactions:
        client.post(at(proxy, "delete"), {"post": "yes"})

    assert [len(transaction.records) for transaction in transactions] == [1]
    assert not Port.objects.filter(application=proxy.pk).exists()


def test_the_page_of_a_deletion_says_who_refers(
    save: Save, client: Client, proxy: Application
) -> None:
    save(f"{LIST}100/change/", **connection(proxy.pk))

    page = client.get(at(proxy, "delete")).content.decode()
    assert "Application default</a> refers (appServers.appServerDBID) to" in page
    assert client.post(at(proxy, "delete"), {"post": "yes"}).status_code == 200
    assert Application.objects.filter(pk=proxy.pk).exists()


def test_deleting_selected_objects_asks_first(
    client: Client, proxy: Application, verify_change: Any
) -> None:
    chosen = {"action": "delete_selected", "_selected_action": [str(proxy.pk)]}

    with verify_change() as transactions:
        page = client.post(LIST, chosen)
        assert "Application proxy-1" in page.content.decode()
        client.post(LIST, chosen | {"post": "yes"})

    assert [len(transaction.records) for transaction in transactions] == [1]


def test_one_protected_object_keeps_all_selected_ones(
    client: Client, proxy: Application, verify_change: Any
) -> None:
    chosen = {"action": "delete_selected", "_selected_action": [str(proxy.pk), "99"]}

    with verify_change() as transactions:
        page = client.post(LIST, chosen | {"post": "yes"})

    assert "application confserv is needed by the system itself: keep it" in page.content.decode()
    assert transactions == []


# ---------------------------------------------------------------- the secret


def test_a_secret_is_shown_once_and_kept_as_a_verifier(client: Client, proxy: Application) -> None:
    asked = client.get(at(proxy, "secret"))
    assert asked.context.get("secret") is None

    shown = client.post(at(proxy, "secret"), {"make": "x"})

    secret = shown.context["secret"]
    assert shown.content.decode().count(secret) == 1
    assert "no-store" in shown["Cache-Control"]
    assert check_password(proxy.credentials.get().verifier, secret)
    for page in (at(proxy), at(proxy, "secret"), at(proxy, "history"), "/admin/"):
        assert secret not in client.get(page).content.decode()
    assert all(secret not in str(session.get_decoded()) for session in Session.objects.all())


def test_a_secret_can_be_taken_away(client: Client, proxy: Application, verify_change: Any) -> None:
    client.post(at(proxy, "secret"), {"make": "x"})

    with verify_change() as transactions:
        client.post(at(proxy, "secret"), {"withdraw": "x"})

    assert not proxy.credentials.exists()
    assert [len(transaction.records) for transaction in transactions] == [1]


def test_an_application_that_is_no_server_gets_no_secret(client: Client) -> None:
    assert client.get(f"{LIST}100/secret/").status_code == 302


# ---------------------------------------------------------------- secrets


def test_a_secret_is_given_kept_and_replaced_and_no_page_shows_it(
    client: Client, save: Save, proxy: Application
) -> None:
    def stored() -> str:
        proxy.refresh_from_db()
        return str(proxy.options["db"]["password"])

    save(at(proxy), options='[db]\npassword = secret "geheim"', annex='[a]\nb = secret "geheim"')
    first = stored()
    assert first.startswith("secret:1:")
    page = client.get(at(proxy)).content.decode()
    assert "password = (secret)" in page
    assert "b = (secret)" in page
    assert "geheim" not in page
    assert first not in page

    assert save(at(proxy), work_directory="/opt").status_code == 302
    assert (stored(), proxy.work_directory) == (first, "/opt")
    save(at(proxy), options='[db]\npassword = secret "neu"')
    assert stored() not in (first, "neu")
    for name in ("history", "change"):
        page = client.get(at(proxy, name), follow=True).content.decode()
        assert "geheim" not in page
    assert "geheim" not in str(list(LogEntry.objects.values()))


def test_the_word_of_a_secret_cannot_be_moved(save: Save, proxy: Application) -> None:
    save(at(proxy), options='[db]\npassword = secret "geheim"')
    page = save(at(proxy), options="[db]\nother = (secret)")
    assert "was no secret" in errors(page)["options"][0]
