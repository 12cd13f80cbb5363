"""Every page of the administration, for persons with different rights: who may open it, and that
no page names what its viewer may not read."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver

from confwire.objects import ObjectType
from proxyapp.admin import site
from proxyapp.models import (
    AccessGroup,
    Application,
    ApplicationTemplate,
    ConfigObject,
    Connection,
    Folder,
    Grant,
    Host,
    Membership,
    Person,
    Port,
    Revision,
    Tenant,
)
from proxyapp.services import changes

ROOT = "/admin/proxyapp/"
UNSEEN = "unseen"
"""In the name of all that only the administrator may read."""
READ, READ_CREATE, EXECUTE = 1, 3, 8
MISSING = 999_999
SKILL = int(ObjectType.SKILL)

OK, NONE, NO = 200, 302, 403
"""302 is the answer for an object that is not there."""

# Who asks: a super administrator; a reader of all but a few objects; who may read and create in
# one folder of hosts; who may enter and nothing else. All may read application `default`.
TABLE: dict[str, tuple[str, tuple[int, int, int, int]]] = {
    "index": ("", (OK, OK, OK, OK)),
    "app_list": ("proxyapp/", (OK, OK, OK, OK)),
    "login": ("login/", (302, 302, 302, 302)),
    "password_change": ("password_change/", (OK, OK, OK, OK)),
    "password_change_done": ("password_change/done/", (OK, OK, OK, OK)),
    "second_factor": ("second-factor/", (OK, OK, OK, OK)),
    "autocomplete": (
        "autocomplete/?app_label=proxyapp&model_name=host&field_name=scs&term=",
        (OK, OK, OK, OK),
    ),
    "jsi18n": ("jsi18n/", (OK, OK, OK, OK)),
    "view_on_site": ("r/1/{host}/", (404, 404, 404, 404)),
    "object_rights": ("rights/10/{host}/?person=default", (OK, NO, NO, 404)),
    # ---------------------------------------------------------------- history
    "history_changes": ("history/", (OK, OK, OK, OK)),
    "history_changes_export": ("history/changes.json", (OK, OK, OK, OK)),
    "history_transactions": ("history/transactions/", (OK, OK, OK, OK)),
    "history_transactions_export": ("history/transactions.csv", (OK, OK, OK, OK)),
    "history_transaction": ("history/transactions/{revision}/", (OK, OK, OK, 404)),
    "history_transaction_revert": ("history/transactions/{revision}/revert/", (OK, OK, OK, 404)),
    "history_log": ("history/log/", (OK, OK, OK, OK)),
    "history_log_export": ("history/log.xml", (OK, OK, OK, OK)),
    "history_sessions": ("history/sessions/", (302, 302, 302, 302)),
    "history_session": ("history/sessions/none/", (404, 404, 404, 404)),
    "history_at": ("history/at/", (OK, OK, OK, OK)),
    "history_between": ("history/between/?revision=0", (OK, OK, OK, OK)),
    "history_object": ("history/objects/10/{host}/", (OK, OK, OK, 404)),
    "history_diff": ("history/objects/10/{host}/diff/?former=0", (OK, OK, OK, 404)),
    "history_object_at": ("history/objects/10/{host}/at/", (OK, OK, OK, 404)),
    "history_object_revert": (
        "history/objects/10/{host}/revert/?revision={revision}",
        (OK, OK, OK, 404),
    ),
}
"""What each page answers to the four."""

_LISTS = {
    "tenant": (OK, OK, NO, NO),
    "folder": (OK, OK, OK, NO),
    "host": (OK, OK, OK, NO),
    "applicationtemplate": (OK, OK, NO, NO),
    "application": (OK, OK, OK, OK),
    "person": (OK, OK, NO, NO),
    "accessgroup": (OK, OK, NO, NO),
    "membership": (OK, OK, NO, NO),
    "grant": (OK, NO, NO, NO),
    "configobject": (OK, OK, NO, NO),
}
for _model, _answers in _LISTS.items():
    _of_one = f"proxyapp/{_model}/{{{_model}}}/"
    _adds = OK if _model in ("host", "folder") else NO
    _page = (OK, OK, NONE, NONE) if _model == "application" else _answers
    TABLE |= {
        f"proxyapp_{_model}_changelist": (f"proxyapp/{_model}/", _answers),
        f"proxyapp_{_model}_add": (f"proxyapp/{_model}/add/", (OK, NO, _adds, NO)),
        f"proxyapp_{_model}_change": (f"{_of_one}change/", _page),
        f"proxyapp_{_model}_delete": (f"{_of_one}delete/", (OK, NO, NO, NO)),
        f"proxyapp_{_model}_history": (f"{_of_one}history/", (302, 302, 302, 302)),
    }
TABLE |= {
    "proxyapp_application_secret": ("proxyapp/application/{application}/secret/", (OK, NO, NO, NO)),
    "proxyapp_person_password": ("proxyapp/person/{person}/password/", (OK, NO, NO, NO)),
    "proxyapp_person_second_factor": ("proxyapp/person/{person}/second-factor/", (OK, NO, NO, NO)),
}
VIEWERS = ("administrator", "reader", "creator", "nobody")


@pytest.fixture
def world(db: None, settings: Any) -> SimpleNamespace:
    """Return objects of all kinds that refer to others, which only the administrator may read."""
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    with changes.commit(by=None, origin="test") as work:

        def made(one: Any) -> Any:
            work.save(one)
            return one

        def folder(type_: str, name: str) -> Folder:
            root = Folder.objects.get(type=type_, folder=None, owner_type=7, owner_dbid=1)
            found: Folder = made(Folder(name=name, type=type_, folder=root))
            return found

        unseen = {
            type_: folder(type_, f"unseen-{type_}-folder")
            for type_ in ("host", "application", "appPrototype", "person", "accessGroup", "skill")
        }
        tenant = made(Tenant(name="unseen-tenant"))
        template = made(
            ApplicationTemplate(
                name="unseen-template",
                type="genericserver",
                version="1",
                folder=unseen["appPrototype"],
            )
        )
        person = made(Person(user_name="unseen-person", employee_id="unseen-1", tenant_id=1,
                             folder=unseen["person"]))  # fmt: skip
        group = made(AccessGroup(name="unseen-group", tenant_id=1, folder=unseen["accessGroup"]))
        host = made(Host(name="unseen-host", folder=unseen["host"]))
        given = {"app_prototype": template, "host": host, "account": person}
        application = made(Application(name="unseen-application", folder=unseen["application"],
                                       **given))  # fmt: skip
        skill = made(ConfigObject(type=SKILL, tenant_id=1, name="unseen-skill",
                                  folder=unseen["skill"]))  # fmt: skip
        grant = Grant(object_type=10, object_dbid=host.dbid, group=group, mask=READ)
        other = Membership(access_group=group, person=person)
        work.save(grant, other)
        hidden = {
            "tenant": tenant, "applicationtemplate": template, "person": person,
            "accessgroup": group, "host": host, "application": application,
            "configobject": skill, "grant": grant, "membership": other,
            "folder": unseen["host"],
        }  # fmt: skip
    with changes.commit(by=None, origin="test") as work:
        yard = folder("host", "yard")
        visible: dict[str, Any] = {
            "folder": yard,
            "tenant": made(Tenant(name="visible-tenant", parent_tenant=tenant)),
            "applicationtemplate": made(
                ApplicationTemplate(name="visible-template", type="genericserver", version="1")
            ),
            "host": made(Host(name="visible-host", folder=yard, scs=application)),
            "application": made(Application(name="visible-application", **given)),
            "person": made(Person(user_name="visible-person", employee_id="2", tenant=tenant)),
            "accessgroup": made(AccessGroup(name="visible-group", tenant=tenant)),
            "configobject": made(
                ConfigObject(type=SKILL, tenant=tenant, name="visible-skill", folder=None)
            ),
        }
        shown = visible["application"]
        shown.tenants.set([tenant])
        work.save(
            Port(application=shown, port_id="default", port="7001"),
            Connection(application=shown, server=application),
            Membership(access_group=visible["accessgroup"], group=group),
            Membership(access_group=group, person=visible["person"]),
        )
        visible["membership"] = made(Membership(access_group=visible["accessgroup"], person=person))
        visible["grant"] = made(
            Grant(object_type=10, object_dbid=visible["host"].dbid, person=person, mask=READ)
        )
        viewers = {name: made(Person(user_name=name, employee_id=name, tenant_id=1))
                   for name in VIEWERS[1:]}  # fmt: skip
        entrance = Application.objects.get(type="genesysadministrator")

        def granted(who: str, what: Any, mask: int) -> None:
            work.save(Grant(object_type=int(what.object_type), object_dbid=what.dbid,
                            person=viewers[who], mask=mask))  # fmt: skip

        for name in viewers:
            granted(name, entrance, EXECUTE)
        granted("reader", Tenant.objects.get(pk=1), READ)
        granted("reader", tenant, 0)
        for one in unseen.values():
            granted("reader", one, 0)
        for name in ("tenant", "person", "accessgroup", "configobject"):
            granted("reader", visible[name], READ)
        granted("creator", yard, READ_CREATE)
    viewers["administrator"] = Person.objects.get(pk=100)
    return SimpleNamespace(
        viewers=viewers, hidden=hidden, visible=visible, revision=Revision.objects.get().number
    )


def browser_of(world: SimpleNamespace, viewer: str) -> Client:
    client = Client()
    client.force_login(world.viewers[viewer])
    return client


def address(template: str, objects: dict[str, Any], revision: int) -> str:
    pks = {name: getattr(one, "pk", one) for name, one in objects.items()}
    return "/admin/" + template.format(**pks, revision=revision)


def body_of(response: Any) -> str:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return str(content.decode())


@pytest.mark.parametrize("viewer", VIEWERS)
def test_each_page_opens_to_whom_it_is_for_and_names_nothing_hidden(
    world: SimpleNamespace, viewer: str
) -> None:
    client = browser_of(world, viewer)
    number = VIEWERS.index(viewer)
    missing = dict.fromkeys(world.hidden, MISSING)
    found, told = {}, []

    for name, (template, answers) in TABLE.items():
        page = client.get(address(template, world.visible, world.revision))
        found[name] = (answers[number], page.status_code)
        if UNSEEN in body_of(page):
            told.append(name)
        if viewer == "administrator":
            continue
        hidden = client.get(address(template, world.hidden, world.revision - 1))
        gone = client.get(address(template, missing, MISSING))
        if "{" in template and hidden.status_code != gone.status_code:
            found[f"{name} of the hidden"] = (gone.status_code, hidden.status_code)
        if UNSEEN in body_of(hidden):
            told.append(f"{name} of the hidden")

    assert {name: pair for name, pair in found.items() if pair[0] != pair[1]} == {}
    if viewer == "administrator":
        assert len(told) > 20  # so the names are where others are not told them
    else:
        assert told == []


def test_every_page_is_in_the_table() -> None:
    def names(patterns: Any) -> Iterator[str | None]:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                yield from names(pattern.url_patterns)
            elif isinstance(pattern, URLPattern):
                yield pattern.name

    # Two have no name: what leads old addresses on, and what answers to all that is no page.
    assert {name for name in names(site.get_urls()) if name} - {"logout"} == set(TABLE)


# ---------------------------------------------------------------- what lists and forms tell


def listed(client: Client, model: str, query: str = "") -> list[str]:
    page = client.get(f"{ROOT}{model}/{query}")
    return [str(row) for row in page.context["cl"].result_list] if page.context else []


def test_lists_hold_what_may_be_read_and_count_nothing_else(world: SimpleNamespace) -> None:
    reader, creator = browser_of(world, "reader"), browser_of(world, "creator")

    assert listed(reader, "person") == ["creator", "default", "nobody", "reader", "visible-person"]
    assert listed(creator, "host") == ["visible-host"]
    assert reader.get(ROOT + "host/").context["cl"].result_count == 2  # and configserver
    assert listed(creator, "folder") == ["yard"]


@pytest.mark.parametrize(
    "query",
    ["?q=unseen", "?name__startswith=unseen", "?scs__name=unseen-application", "?folder={folder}",
     "?scs__credentials__isnull=1", "?_facets=True&q=unseen"],
)  # fmt: skip
def test_searches_and_filters_find_nothing_by_what_is_hidden(
    world: SimpleNamespace, query: str
) -> None:
    client = browser_of(world, "reader")
    page = client.get(ROOT + "host/" + query.format(folder=world.hidden["folder"].pk), follow=True)

    echoed = body_of(page).replace("unseen&quot;", "").replace('value="unseen"', "")
    assert "unseen-" not in echoed
    assert page.status_code == 400 or "0 hosts" in echoed or "folder=" in query


@pytest.mark.parametrize(
    ("model", "field"),
    [("host", "scs"), ("application", "host"), ("application", "account"), ("host", "folder"),
     ("application", "tenants"), ("membership", "group"), ("grant", "person")],
)  # fmt: skip
def test_lookups_find_what_may_be_read(world: SimpleNamespace, model: str, field: str) -> None:
    query = {"app_label": "proxyapp", "model_name": model, "field_name": field, "term": "unseen"}

    for viewer in VIEWERS[1:]:
        found = browser_of(world, viewer).get("/admin/autocomplete/", query)
        assert found.json()["results"] == []


@pytest.mark.parametrize(
    "model", [model for model in _LISTS if model not in ("grant", "membership")]
)
def test_grants_are_shown_to_who_may_read_them(world: SimpleNamespace, model: str) -> None:
    page = f"{ROOT}{model}/{world.visible[model].pk}/change/"

    assert "Who may do what" in body_of(browser_of(world, "administrator").get(page))
    assert "Who may do what" not in body_of(browser_of(world, "reader").get(page))


@pytest.mark.parametrize("granted", [True, False])
def test_a_refusal_tells_of_no_grant_on_what_is_hidden(
    world: SimpleNamespace, granted: bool
) -> None:
    hidden, creator = world.hidden["host"], world.viewers["creator"]
    with changes.commit(by=None, origin="test") as work:
        everything = 127
        for one in (world.visible["person"], world.visible["folder"]):
            work.save(Grant(object_type=int(one.object_type), object_dbid=one.dbid,
                            group=world.visible["accessgroup"], mask=everything))  # fmt: skip
        work.save(Membership(access_group=world.visible["accessgroup"], person=creator))
        if granted:
            work.save(Grant(object_type=10, object_dbid=hidden.dbid,
                            person=world.visible["person"], mask=READ))  # fmt: skip

    page = browser_of(world, "creator").post(
        f"{ROOT}grant/add/",
        {"object_type": "10", "object_dbid": str(hidden.dbid), "mask": ["1"],
         "person": str(world.visible["person"].pk), "group": ""},
    )  # fmt: skip

    assert page.context["adminform"].form.errors == {
        "object_dbid": [f"there is no host with DBID {hidden.dbid}"]
    }


@pytest.mark.parametrize(
    ("address_", "status"),
    [("host/?dbid__in=" + "9" * 21, 400), ("host/?annex__contains=1", 400),
     ("host/?name__startswith=v", 400), ("application/?grants__isnull=0", 400),
     ("host/add/?folder={}", 200), ("host/?lca_port=4999", 200), ("folder/?tenant=1", 200),
     ("application/?type__exact=interactionroutingdesigner", 200)],
)  # fmt: skip
def test_addresses_that_no_page_offers_are_refused(
    world: SimpleNamespace, address_: str, status: int
) -> None:
    page = browser_of(world, "creator").get(ROOT + address_, follow=True)

    assert page.status_code == status


@pytest.mark.parametrize("selected", ["x", "", "9223372036854775808", "1,2", "\N{SUPERSCRIPT TWO}"])
@pytest.mark.parametrize("action", ["enable", "delete_selected"])
def test_rows_that_cannot_be_are_not_selected(
    world: SimpleNamespace, action: str, selected: str
) -> None:
    browser = browser_of(world, "administrator")
    chosen = {"action": action, "_selected_action": [selected], "index": "0", "post": "yes"}

    assert browser.post(f"{ROOT}host/", chosen).status_code == 400


def test_a_reference_that_no_database_takes_is_no_choice(world: SimpleNamespace) -> None:
    browser = browser_of(world, "administrator")
    address_ = f"{ROOT}host/{world.visible['host'].pk}/change/"

    page = browser.post(address_, fill(browser.get(address_), folder=str(2**63), scs=str(2**63)))

    assert set(page.context["adminform"].form.errors) == {"folder", "scs"}


def test_what_no_form_refers_to_is_not_looked_up(world: SimpleNamespace) -> None:
    query = {"app_label": "proxyapp", "model_name": "application", "field_name": "primaries"}

    assert browser_of(world, "reader").get("/admin/autocomplete/", query).status_code == 403


def test_members_are_searched_by_names_that_may_be_read(world: SimpleNamespace) -> None:
    reader = browser_of(world, "reader")

    assert len(listed(reader, "membership")) >= 2
    assert listed(reader, "membership", "?q=unseen") == []


def test_folders_to_choose_are_those_to_create_in(world: SimpleNamespace) -> None:
    query = {"app_label": "proxyapp", "model_name": "host", "field_name": "folder", "term": ""}

    found = browser_of(world, "creator").get("/admin/autocomplete/", query).json()["results"]

    assert [row["text"] for row in found] == ["… / … / yard"]


def test_who_may_create_in_a_folder_creates_there_alone(world: SimpleNamespace) -> None:
    creator = browser_of(world, "creator")
    page = creator.get(ROOT + "host/add/")
    data = fill(page, name="new-host", folder=str(world.visible["folder"].pk))

    saved = creator.post(ROOT + "host/add/", data)
    refused = creator.post(ROOT + "host/add/", data | {"name": "other", "folder": ""})
    hidden = str(world.hidden["folder"].pk)
    unknown = creator.post(ROOT + "host/add/", data | {"name": "third", "folder": hidden})
    nowhere = creator.post(ROOT + "host/add/", data | {"name": "third", "folder": str(MISSING)})

    assert saved.status_code == 302
    assert Host.objects.get(name="new-host").folder_id == world.visible["folder"].pk
    for page in (refused, unknown, nowhere):
        assert page.status_code == 200
        assert UNSEEN not in body_of(page)
    assert unknown.context["errors"] == nowhere.context["errors"]
    assert not Host.objects.filter(name__in=["other", "third"]).exists()


def test_saving_keeps_references_that_the_person_may_not_read(world: SimpleNamespace) -> None:
    application = world.visible["application"]
    with changes.commit(by=None, origin="test") as work:
        row = Grant(object_type=9, object_dbid=application.dbid, mask=READ | 4)
        row.person = world.viewers["reader"]
        work.save(row)
    reader, page = browser_of(world, "reader"), f"{ROOT}application/{application.pk}/change/"
    shown = reader.get(page)
    before = body_of(shown)

    saved = reader.post(page, fill(shown, timeout="77"))

    assert f"{world.hidden['host'].dbid} (hidden)" in before
    assert UNSEEN not in before
    assert saved.status_code == 302
    after = Application.objects.get(pk=application.pk)
    assert after.timeout == 77
    assert (after.host, after.account) == (world.hidden["host"], world.hidden["person"])
    assert list(after.tenants.all()) == [world.hidden["tenant"]]
    assert [row.server for row in after.connections.all()] == [world.hidden["application"]]


def test_what_stands_against_a_deletion_is_counted_and_not_named(world: SimpleNamespace) -> None:
    group = world.visible["accessgroup"]
    with changes.commit(by=None, origin="test") as work:
        key = {"object_type": int(group.object_type), "object_dbid": group.dbid}
        Grant.objects.filter(**key).delete()
        work.save(Grant(**key, person=world.viewers["reader"], mask=READ | 16))
        work.save(Membership(access_group=world.hidden["accessgroup"], group=group))

    page = body_of(browser_of(world, "reader").get(f"{ROOT}accessgroup/{group.pk}/delete/"))

    assert "1 that you may not read" in page
    assert UNSEEN not in page


def test_ones_own_rights_are_explained_to_who_may_only_read(world: SimpleNamespace) -> None:
    reader, host = browser_of(world, "reader"), world.visible["host"]
    page = body_of(reader.get(f"/admin/rights/10/{host.dbid}/"))
    assert "What you may do with" in page
    assert "reader: Read" in page
    assert UNSEEN not in page
    assert 'name="person"' not in page
    assert "reader: Read" in body_of(reader.get(f"/admin/rights/10/{host.dbid}/?person=READER"))
    for name in ("default", "unseen-person", "nobody-at-all", "\0", ""):
        other = reader.get(f"/admin/rights/10/{host.dbid}/", {"person": name})
        assert other.status_code == 403
    assert reader.get(f"/admin/rights/10/{world.hidden['host'].dbid}/").status_code == 404


def test_rights_are_explained_of_persons_that_may_be_read(world: SimpleNamespace) -> None:
    host = world.visible["host"]
    with changes.commit(by=None, origin="test") as work:
        row = Grant(object_type=10, object_dbid=host.dbid, mask=READ | 32)
        row.person = world.viewers["reader"]
        work.save(row)
    reader = browser_of(world, "reader")

    for name in ("unseen-person", "nobody-at-all"):
        page = reader.get(f"/admin/rights/10/{host.dbid}/?person={name}")
        assert f"There is no person {name}." in body_of(page)
    whole = body_of(reader.get(f"/admin/rights/10/{host.dbid}/?person=reader"))
    assert "reader: Read, Read permissions" in whole


def test_the_first_page_lists_actions_on_what_may_still_be_read(world: SimpleNamespace) -> None:
    creator = browser_of(world, "creator")
    page = creator.get(ROOT + "host/add/")
    creator.post(
        ROOT + "host/add/", fill(page, name="mine", folder=str(world.visible["folder"].pk))
    )
    host = Host.objects.get(name="mine")
    before = body_of(creator.get("/admin/"))
    with changes.commit(by=None, origin="test") as work:
        row = Grant(object_type=10, object_dbid=host.dbid, mask=0)
        row.person = world.viewers["creator"]
        work.save(row)

    assert ">mine<" in before
    assert ">mine<" not in body_of(creator.get("/admin/"))


@pytest.mark.parametrize(
    ("viewer", "offered"), [("administrator", True), ("reader", False), ("creator", False)]
)
def test_pages_offer_what_will_be_done(world: SimpleNamespace, viewer: str, offered: bool) -> None:
    client = browser_of(world, viewer)
    objects = world.visible
    pages = {
        "proxyapp/host/{host}/change/": ("Save", "deletelink"),
        "proxyapp/person/{person}/change/": ("Set the password", "Save"),
        "proxyapp/application/{application}/change/": ("Make a new secret", "Save"),
    }
    history = {
        "history/objects/10/{host}/at/?revision=0": ("Revert to this",),
        "history/objects/10/{host}/diff/?former=0": ("Revert to revision",),
        "history/at/?folder={folder}": ("Revert the folder",),
    }
    for template, words in (pages | history).items():
        page = body_of(client.get(address(template, objects, 0)))
        for word in words:
            assert (word in page) is offered, (template, word)
    index = body_of(client.get("/admin/"))
    assert ("Who has what" in index) is offered
    assert ("host/add/" in index) is (viewer != "reader")
    assert ("person/add/" in index) is offered


def fill(page: Any, **changed: str) -> dict[str, Any]:
    forms = [page.context["adminform"].form]
    for inline in page.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    return {field.html_name: value for form in forms for field in form
            if (value := _plain(field.value())) is not None} | changed  # fmt: skip


def _plain(value: Any) -> Any:
    if value is None or value == [] or value is False:
        return None if value is False else ""
    if isinstance(value, list):
        return [str(getattr(one, "pk", one)) for one in value]
    return "on" if value is True else str(value)
