"""Secret option values on their way into the database: whatever comes in leaves sealed.

The one door calls this for each object before it is written, so no table, no journal and no
message holds a plain text. An opaque text passes where it opens, or where it stood before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from django.conf import settings

from confwire.errors import InvalidParameter
from confwire.objects import Document, Options
from confwire.opaque import FIELDS, GIVEN, is_given, is_opaque, values_of
from proxyapp.engine.trust.sealing import NONCE_SIZE, Place, SecretKeys, Unreadable, derive
from proxyapp.models.base import Configured
from proxyapp.services import documents


def keys() -> SecretKeys:
    """Return the keys of this environment: of the present secret key, and of former ones."""
    return _keys(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


@cache
def _keys(*secrets: str) -> SecretKeys:
    return SecretKeys(derive(secrets))


def seal(instance: Configured) -> None:
    """Seal the secrets that were given for an object with a DBID.

    Raises:
        InvalidParameter: an opaque text was moved, damaged, or comes from elsewhere.
    """
    for field, attribute in _columns_of(instance).items():
        sections: dict[str, Any] = getattr(instance, attribute)
        if sections and _holds_secrets(sections):
            setattr(instance, attribute, _sealed(instance, field, attribute, sections))


def reseal(instance: Configured, unreadable: list[str]) -> int:
    """Seal with the newest key what an older one has sealed; return how many secrets.

    Args:
        unreadable: gets a line for each secret that no key opens; it stays as it is.
    """
    count = 0
    for field, attribute in _columns_of(instance).items():
        sections = getattr(instance, attribute)
        for section, options in sections.items():
            for name, value in options.items():
                if is_opaque(value) and not keys().is_newest(value):
                    plain = _plain(instance, field, section, name, value)
                    if plain is None:
                        what = f"{instance.info.name} {instance.dbid}"
                        unreadable.append(f"{what} {field}.{section}.{name}")
                    else:
                        options[name] = _seal(plain, _place(instance, field, section, name))
                        count += 1
    return count


def carried(source: Configured, target: Configured, taken: Document) -> Document:
    """Return what another object takes over, so that its secrets have the same plain texts there.

    Those that it has already stay as they are sealed; what nobody can read is left out.
    """
    if not any(is_opaque(value) for *_, value in values_of(taken)):
        return taken
    present = documents.document_of(target)
    result = dict(taken)
    for field in taken.keys() & set(FIELDS):
        result[field] = {section: dict(options) for section, options in taken[field].items()}
    for field, section, name, value in values_of(taken):
        if is_opaque(value):
            del result[field][section][name]
            plain = _plain(source, field, section, name, value)
            own = present.get(field, {}).get(section, {}).get(name)
            if plain is not None:
                kept = is_opaque(own) and _plain(target, field, section, name, own) == plain
                result[field][section][name] = own if kept else {GIVEN: plain}
    return {
        name: _tidy(value) if name in FIELDS else value
        for name, value in result.items()
        if name not in FIELDS or _tidy(value)
    }


def _tidy(sections: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        section: dict(sorted(sections[section].items()))
        for section in sorted(sections)
        if sections[section]
    }


def _plain(instance: Configured, field: str, section: str, name: str, value: str) -> str | None:
    try:
        return keys().open(value, _place(instance, field, section, name))
    except Unreadable:
        return None


def without_secrets(options: Options) -> Options:
    """Return a copy of options for another object: secrets do not open there."""
    return {
        section: {name: value for name, value in part.items() if not is_opaque(value)}
        for section, part in options.items()
    }


def _place(instance: Configured, field: str, section: str, name: str) -> Place:
    return Place(int(instance.object_type), instance.dbid, field, section, name)


def _columns_of(instance: Configured) -> dict[str, str]:
    return documents.columns_of(instance.object_type, FIELDS)


def _holds_secrets(sections: Mapping[str, Mapping[str, Any]]) -> bool:
    return any(
        isinstance(value, dict) or is_opaque(value)
        for options in sections.values()
        for value in options.values()
    )


def _sealed(instance: Configured, field: str, attribute: str, sections: Any) -> Any:
    sealed = {section: dict(options) for section, options in sections.items()}
    for section, options in sealed.items():
        for name, value in options.items():
            place = _place(instance, field, section, name)
            if is_given(value):
                options[name] = _seal(value[GIVEN], place)
            elif is_opaque(value):
                _check(instance, attribute, place, value)
    return sealed


def _seal(plain: str, place: Place) -> str:
    return keys().seal(plain, place, os.urandom(NONCE_SIZE))


def _open(value: str, place: Place) -> str:
    try:
        return keys().open(value, place)
    except Unreadable as error:
        path = f"{place.field}.{place.section}.{place.option}"
        raise InvalidParameter(
            f'{path}: this secret cannot be read, {error}: give it anew as {{"secret": "text"}}',
            property=path,
        ) from None


def _check(instance: Configured, attribute: str, place: Place, value: str) -> None:
    try:
        _open(value, place)
    except InvalidParameter:
        # Nobody can read it, but whoever changes something else must not be held up by it.
        before = documents.find(instance.object_type, [instance.dbid]).first()
        stood = getattr(before, attribute, {}).get(place.section, {}).get(place.option)
        if stood != value:
            raise
