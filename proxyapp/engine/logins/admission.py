"""Who may log in: the checks between a proven secret and an open session.

The account proved itself before; here the application, its type, its state and the rights are
checked, and for servers what a link demands. Texts name the object and the remedy. An
application that the account may not use is told like one that does not exist.
"""

from __future__ import annotations

from typing import Protocol

import msgspec
from msgspec import Struct

from confwire.errors import (
    AccountDisabled,
    AccountMismatch,
    ApplicationDisabled,
    ApplicationTypeMismatch,
    ApplicationUnknown,
    AuthenticationFailed,
    InsecureLink,
    NoPermission,
    NotMaster,
    PortDedicated,
    ReleaseMismatch,
)
from confwire.messages import Open
from confwire.objects import ObjectType, is_server_type
from proxyapp.engine.data.access import Profile, ServerProfile
from proxyapp.engine.data.rights import EXECUTE
from proxyapp.engine.data.rows import Row
from proxyapp.engine.ports import is_for_people, open_port
from proxyapp.engine.serving import Serving
from proxyapp.engine.topology.pool import stands_for_a_pool

DEFAULT_PERSON = 100
"""DBID of Environment\\default, the account that servers run under."""
CONFIG_SERVER = "configserver"


class Session(Protocol):
    """What is asked of an open session."""

    application: int
    name: str
    user: str
    person: int


class _Application(Struct):
    """The fields of an application's document that say who may log in as it."""

    type: str = ""
    accountDBID: int = 0


_decode = msgspec.json.Decoder(_Application).decode


class Admitted(Struct):
    """What a session is once it is open."""

    application: int
    application_type: str
    daemon: bool
    person: int
    profile: Profile
    server: bool


def check_door(serving: Serving, opening: Open, port: str) -> None:
    """Check that such an opening is taken now, and on this port.

    Raises NotReady, NoPermission.
    """
    for_pair = serving.pairing is not None and port in serving.pairing.sync_port_ids()
    if opening.role == "peer":
        if not for_pair:
            raise NoPermission("this port is not for HA sync: connect to the one that is")
        serving.check_data()
        return
    if for_pair:
        raise NoPermission("this port is for the other server of the pair: connect to another one")
    serving.check_ready()


def verifier_for(serving: Serving, opening: Open, person: Row | None) -> str | None:
    """Return the verifier of the account that the opening names, None where there is none.

    A verifier of a person whom other systems check is as good as none.

    Args:
        person: the user that it names, None where there is none.
    """
    if opening.user:
        row = person
        if row is not None and not serving.checks.ways_of(row).internal:
            return None
    else:
        row = serving.application_named(opening.application)
    return row.verifier if row is not None and row.verifier else None


def admit(serving: Serving, opening: Open, user: Row | None, secure: bool, port: str) -> Admitted:
    """Check an opening whose proof was right, that came by the port of this id.

    Args:
        user: the person that it names, None where there is none.

    Raises AuthenticationFailed, AccountDisabled, ApplicationUnknown, ApplicationDisabled,
    ApplicationTypeMismatch, PortDedicated; for servers NotMaster, NoPermission, AccountMismatch,
    ReleaseMismatch, InsecureLink.
    """
    row = serving.application_named(opening.application)
    application = _decode(row.body) if row is not None else _Application()
    type_ = application.type
    person = user
    if not opening.user:  # the account of a daemon
        person = serving.store.get(ObjectType.PERSON, application.accountDBID)
    if person is not None and not person.enabled:
        raise AccountDisabled(
            f"account '{person.name}' is disabled: enable the person in the administration"
        )
    profile = serving.access.profile_of(person.dbid) if person is not None else None
    if row is None or profile is None or not profile.whole.mask(row.node) & EXECUTE:
        raise ApplicationUnknown(
            f"there is no application '{opening.application}' that this account may use:"
            " check the name, and that the account has the right to execute it"
        )
    if not row.enabled:
        raise ApplicationDisabled(
            f"application '{row.name}' is disabled: enable it in the administration"
        )
    if opening.application_type and opening.application_type != type_:
        raise ApplicationTypeMismatch(
            f"application '{row.name}' is of type {type_}, not {opening.application_type}"
        )
    _check_port(serving, row.name, type_, port)
    daemon = is_server_type(type_)
    if daemon and opening.user:
        raise AuthenticationFailed(
            f"application '{row.name}' is a server: it logs in by its own secret, not as a user"
        )
    assert person is not None
    if opening.role == "proxy":
        _check_server(serving, opening, row, type_, person.dbid, secure)
        return Admitted(row.dbid, type_, True, person.dbid, ServerProfile(), True)
    if opening.role == "peer":
        _check_peer(serving, opening, row)
        return Admitted(row.dbid, type_, False, person.dbid, Profile(frozenset()), True)
    return Admitted(row.dbid, type_, daemon, person.dbid, profile, False)


def may_stay(serving: Serving, session: Session) -> str:
    """Return why an open session must end now, empty where it may stay."""
    application = serving.store.get(ObjectType.APPLICATION, session.application)
    person = serving.store.get(ObjectType.PERSON, session.person)
    if application is None or not application.enabled:
        return f"application '{session.name}' was disabled or deleted"
    if not session.user and account_of(application) != session.person:
        return f"application '{session.name}' logs on as another account now"
    if person is None or not person.enabled:
        return "the account was disabled or deleted"
    profile = serving.access.profile_of(session.person)
    if not profile.whole.mask(application.node) & EXECUTE:
        return f"the right to execute application '{session.name}' was withdrawn"
    return ""


def is_principal_of(principal: str, person: Row) -> bool:
    """Whether a ticket's principal is a person: by its external ID, else by its user name."""
    external = msgspec.json.decode(person.body).get("externalID", "")
    name = principal.rpartition("@")[0]
    if external:
        return bool(external in (principal, name))
    return name.casefold() == person.name.casefold()


def account_of(application: Row) -> int:
    """Return the DBID of the person whose rights an application has that logs in by itself."""
    return _decode(application.body).accountDBID


def _check_peer(serving: Serving, opening: Open, row: Row) -> None:
    partner = serving.pairing.partner if serving.pairing is not None else None
    if partner is None or partner.dbid != row.dbid:
        raise NoPermission(f"application '{row.name}' is not the other server of this one's pair")
    if opening.release != serving.settings.release:
        raise ReleaseMismatch(
            f"the servers of a pair are of releases {opening.release} and"
            f" {serving.settings.release}: run both on one"
        )


def _check_port(serving: Serving, name: str, type_: str, port: str) -> None:
    """Let only client user interface applications in by ports that are for them."""
    if not is_for_people(serving.application, port):
        return
    given = serving.options.text("dedicated-port-types")
    types = {word.strip().lower() for word in given.split(",") if word.strip()}
    if type_ in types if types else not is_server_type(type_):
        return
    other = open_port(serving.application)
    remedy = f"connect to port {other}" if other else "give the server another port for it"
    raise PortDedicated(
        f"port '{port}' takes client user interface applications only, and '{name}' is of type"
        f" {type_}: {remedy}"
    )


def _check_server(
    serving: Serving, opening: Open, row: Row, type_: str, person: int, secure: bool
) -> None:
    if not serving.authority.takes_servers:
        raise NotMaster(
            f"'{serving.settings.application}' is itself a proxy: give the master's host and port"
        )
    if type_ != CONFIG_SERVER:
        raise NoPermission(
            f"application '{row.name}' is of type {type_}: a proxy is of type {CONFIG_SERVER}"
        )
    if stands_for_a_pool(serving.store, row.name):
        raise NoPermission(
            f"application '{row.name}' stands for the load balancer of a pool: start its members"
        )
    if person != DEFAULT_PERSON:
        raise AccountMismatch(
            f"application '{row.name}' logs on as another account:"
            " set its Log On As to Environment\\default"
        )
    if _numbers(opening.release) > _numbers(serving.settings.release):
        raise ReleaseMismatch(
            f"the proxy is of release {opening.release}, the master of the older"
            f" {serving.settings.release}: upgrade the master first"
        )
    if opening.release != serving.settings.release:
        serving.log(
            "warning",
            "proxy of an older release",
            application=row.name,
            release=opening.release,
            remedy="run all servers on one release; a mixture is for the time of a migration only",
        )
    if not secure and not serving.settings.insecure_link:
        raise InsecureLink(
            "verifiers cross a server link only on loopback or TLS: secure the port,"
            " or start both servers with -insecure-link"
        )


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split(".") if part.isdecimal())
