"""The plain texts of an object's secret options, for those who may have them.

Answered from memory with the keys that the server has: also by a proxy whose master is away.
Documents hold opaque texts only, so nothing else that a server sends can tell a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from confwire.errors import NoPermission, ObjectNotFound, SecretInClear, SecretsUnavailable
from confwire.messages import CreateObject, ReadSecrets, SecretsRead, UpdateObject
from confwire.objects import BY_NAME, ObjectType
from confwire.opaque import gives_secrets, is_opaque, values_of
from proxyapp.engine.data.access import Profile
from proxyapp.engine.data.rights import CHANGE
from proxyapp.engine.data.rows import Row
from proxyapp.engine.parts import WriteRequest
from proxyapp.engine.serving import Serving
from proxyapp.engine.trust.sealing import Place, Unreadable

Sections = Mapping[str, Mapping[str, str | int]]


def secrets(
    serving: Serving, request: ReadSecrets, own: int, profile: Profile, secure: bool
) -> SecretsRead:
    """Answer the secrets of an object.

    Args:
        own: DBID of the application that has logged in by its own secret, 0 for all others.
        secure: the line is TLS or loopback.

    Raises:
        InvalidParameter: there is no such type.
        SecretInClear: the line could be listened to.
        ObjectNotFound: there is no such object, or the reader may not read it.
        NoPermission: the reader may not change the object.
        SecretsUnavailable: the server has no key for one of them.
    """
    if not secure:
        raise SecretInClear
    row = _allowed(serving, request, own, profile)
    answer = SecretsRead(
        ref=request.ref,
        epoch=serving.epoch,
        revision=serving.revision,
        object_type=request.object_type,
        dbid=request.dbid,
    )
    type_ = int(BY_NAME[request.object_type].type)
    for field, section, name, value in values_of(msgspec.json.decode(row.body)):
        if is_opaque(value):
            place = Place(type_, row.dbid, field, section, name)
            plain = _opened(serving, place, value)
            answer.values.setdefault(field, {}).setdefault(section, {})[name] = plain
    return answer


def _allowed(serving: Serving, request: ReadSecrets, own: int, profile: Profile) -> Row:
    type_ = BY_NAME[request.object_type].type
    row = serving.store.get(type_, request.dbid)
    # Without a secret of its own nobody can have proved to be the application.
    is_own = type_ == ObjectType.APPLICATION and own == request.dbid and bool(row and row.verifier)
    if row is None or not (is_own or profile.may_read(row)):
        raise ObjectNotFound(f"there is no {request.object_type} with DBID {request.dbid}")
    if not is_own and not profile.mask(row.node) & CHANGE:
        raise NoPermission(
            f"secrets of {request.object_type} {row.name} are for the application itself, and for"
            " those who may change the object",
            right="change",
        )
    return row


def _opened(serving: Serving, place: Place, value: str) -> str:
    try:
        return serving.secret_keys.open(value, place)
    except Unreadable as error:
        path = f"{place.field}.{place.section}.{place.option}"
        raise SecretsUnavailable(
            f"the secret {path} cannot be read here: {error}", property=path
        ) from None


def plain_sections(
    serving: Serving, type_: ObjectType, dbid: int, field: str, sections: Sections
) -> Sections:
    """Return options that the server itself goes by; a secret that it cannot read is left out."""
    if not any(is_opaque(value) for part in sections.values() for value in part.values()):
        return sections
    plain: dict[str, dict[str, Any]] = {}
    for section, options in sections.items():
        plain[section] = {}
        for name, value in options.items():
            try:
                if is_opaque(value):
                    place = Place(int(type_), dbid, field, section, name)
                    value = serving.secret_keys.open(str(value), place)
            except Unreadable:
                continue
            plain[section][name] = value
    return plain


def check_line(request: WriteRequest, secure: bool) -> None:
    """Refuse a write that gives a secret on a line that could be listened to.

    Raises:
        SecretInClear: it is neither TLS nor loopback.
    """
    if secure:
        return
    given = {CreateObject: "object", UpdateObject: "delta"}.get(type(request))
    if given is not None and gives_secrets(getattr(request, given)):
        raise SecretInClear
