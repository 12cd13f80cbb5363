"""What every environment has from its first start. Idempotent: it adds what is missing.

Runs after each `migrate`. The password of person `default` is made at random when the account
is first made, and printed once.
"""

from __future__ import annotations

import secrets
import sys
from typing import Any

from confwire.objects import ObjectType
from proxyapp.choices import FULL_CONTROL
from proxyapp.engine.data.rights import EXECUTE, READ
from proxyapp.models import (
    AccessGroup,
    Application,
    ApplicationTemplate,
    ConfigObject,
    Grant,
    Host,
    Membership,
    Person,
    Port,
    Revision,
    Tenant,
)
from proxyapp.models.base import key_of
from proxyapp.models.folders import ENVIRONMENT
from proxyapp.services import changes, epochs, recording
from proxyapp.services.changes import Work
from proxyapp.services.provisioning import add_default_folders

RELEASE = "1.0.0"
CONFSERV, DEFAULT_CLIENT, DEFAULT_PERSON = 99, 100, 100

_TEMPLATES: tuple[tuple[int | None, str, str], ...] = (
    (99, "Configuration Server", "configserver"),
    (100, "Configuration Manager", "sce"),
    (98, "Configuration Server Proxy", "configserver"),
    (None, "Generic Server", "genericserver"),
    (None, "Generic Client", "genericclient"),
    (None, "Genesys_Administrator_Server_8", "genesysadministrator"),
)
_PROXY_OPTIONS = {"csproxy": {"proxy-writable": "false"}, "log": {"verbose": "standard"}}
_GROUPS = (
    (96, "Super Administrators", "superadministrators"),
    (97, "Administrators", "administrators"),
    (98, "Users", "users"),
    (99, "System", "system"),
    (100, "Everyone", "everyone"),
)
_MEDIA = ("voice", "email", "chat")


def seed(*, announce: bool = True) -> None:
    """Add to the database what every environment has."""
    Revision.objects.get_or_create(pk=1, defaults={"epoch": epochs.new_name(), "tree": "0" * 32})
    recording.begin()
    with changes.commit(by=None, origin="seed") as work:
        password = _seed(work)
    if password and announce:
        _announce(password)


def _seed(work: Work) -> str:
    environment = _environment(work)
    _templates(work)
    person, password = _person(work, environment)
    host = _add(work, Host(dbid=100, name="configserver", ip_address="127.0.0.1"))
    _applications(work, environment, host)
    _groups(work, environment, person)
    _media_types(work, environment)
    return password


def _add(work: Work, instance: Any) -> Any:
    """Save an object unless one of its natural key or number is there; return what is there."""
    instance.prepare()
    existing = instance.namesakes().first()
    if existing is None and instance.dbid is not None:
        existing = type(instance).objects.filter(dbid=instance.dbid).first()
    if existing is not None:
        return existing
    work.save(instance)
    return instance


def _environment(work: Work) -> Tenant:
    environment: Tenant = _add(work, Tenant(dbid=ENVIRONMENT, name="Environment"))
    add_default_folders(work, environment)
    return environment


def _templates(work: Work) -> None:
    for dbid, name, type_ in _TEMPLATES:
        options = _PROXY_OPTIONS if name == "Configuration Server Proxy" else {}
        template = ApplicationTemplate(name=name, type=type_, version=RELEASE, options=options)
        template.dbid = dbid  # type: ignore[assignment]
        _add(work, template)


def _person(work: Work, environment: Tenant) -> tuple[Person, str]:
    person = Person(dbid=DEFAULT_PERSON, tenant=environment, user_name="default", employee_id="0")
    stored: Person = _add(work, person)
    if stored is not person:
        return stored, ""
    password = secrets.token_urlsafe(12)
    person.set_password(password)
    return person, password


def _applications(work: Work, environment: Tenant, host: Host) -> None:
    confserv = Application(
        dbid=CONFSERV,
        name="confserv",
        host=host,
        app_prototype=ApplicationTemplate.objects.get(key=key_of(["Configuration Server"])),
        work_directory=".",
        command_line=".",
    )
    if _add(work, confserv) is confserv:
        work.save(Port(application=confserv, port_id="default", port="2020"))
        work.save(Port(application=confserv, port_id="ha-sync", port="2021", ha_sync=True))
        confserv.tenants.set([environment])
    client = ApplicationTemplate.objects.get(key=key_of(["Configuration Manager"]))
    _add(work, Application(dbid=DEFAULT_CLIENT, name="default", app_prototype=client))
    pages = ApplicationTemplate.objects.get(key=key_of(["Genesys_Administrator_Server_8"]))
    _add(work, Application(name="Genesys Administrator", app_prototype=pages))


def _groups(work: Work, environment: Tenant, person: Person) -> None:
    for dbid, name, type_ in _GROUPS:
        group = AccessGroup(dbid=dbid, tenant=environment, name=name, type=type_)
        if _add(work, group) is group:
            _grant_to(work, group)
            if type_ == "superadministrators":
                work.save(Membership(access_group=group, person=person))


def _grant_to(work: Work, group: AccessGroup) -> None:
    tenant = int(ObjectType.TENANT), ENVIRONMENT
    client = int(ObjectType.APPLICATION), DEFAULT_CLIENT
    for (type_, dbid), mask in {
        "superadministrators": [(tenant, FULL_CONTROL)],
        "administrators": [(tenant, FULL_CONTROL)],
        "users": [(tenant, READ | EXECUTE)],
        "system": [(tenant, READ | EXECUTE)],
        "everyone": [(client, READ | EXECUTE)],
    }[group.type]:
        work.save(Grant(object_type=type_, object_dbid=dbid, group=group, mask=mask))


def _media_types(work: Work, environment: Tenant) -> None:
    media = ConfigObject(
        type=int(ObjectType.ENUMERATOR),
        tenant=environment,
        name="MediaType",
        document={"displayName": "Media type", "type": "1"},
    )
    if _add(work, media) is not media:
        return
    add_default_folders(work, media)
    for name in _MEDIA:
        _add(
            work,
            ConfigObject(
                type=int(ObjectType.ENUMERATOR_VALUE),
                tenant=environment,
                name=name,
                document={"enumeratorDBID": media.dbid, "displayName": name},
            ),
        )


def _announce(password: str) -> None:
    line = "=" * 72
    sys.stdout.write(
        f"\n{line}\nThe first administrator was made. This password is shown once:\n\n"
        f"    user name: default\n    password:  {password}\n\n"
        f"`manage.py resetadmin` makes a new one.\n{line}\n\n"
    )
