"""What a person may do on the pages of one object: by its rights, as on the wire.

Who may enter does not for that reason have every right: the nearest grant counts, also where it
takes rights back from administrators. Asks `services.access` and knows no rule of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest

from confwire.errors import NoPermission
from proxyapp.admin.rights import CHANGE, CREATE, DELETE, READ
from proxyapp.models import Person
from proxyapp.models.base import Configured
from proxyapp.models.door import Key
from proxyapp.services import entrance
from proxyapp.services.access import RIGHT_NAMES, Rights, above, key_of
from proxyapp.services.documents import find
from proxyapp.services.reach import Reach
from proxyapp.services.visibility import Visibility

_KNOWN = "proxyapp.masks"  # in request.META: the rights on objects as they were found
_REACH = "proxyapp.reach"
_ENTERS = "proxyapp.enters"


def may_enter(request: HttpRequest) -> bool:
    """Whether the person who asks may use the administration; asked once in a request."""
    person: Any = _person_of(request)
    known: dict[int, bool] = request.META.setdefault(_ENTERS, {})
    if not isinstance(person, Person):
        return False
    if person.pk not in known:
        known[person.pk] = entrance.may_enter(person)
    return known[person.pk]


def reach_of(request: HttpRequest) -> Reach:
    """Return what the person has rights on, as it was when the request first asked."""
    if _REACH not in request.META:
        request.META[_REACH] = Reach(_person_of(request))
    found: Reach = request.META[_REACH]
    return found


def mask_of(request: HttpRequest, instance: Configured) -> int:
    """Return the rights on an object as it was when the request first asked."""
    known: dict[Key, int] = request.META.setdefault(_KNOWN, {})
    key = key_of(instance)
    if key not in known:
        known[key] = Rights(_person_of(request)).mask_of(instance)
    return known[key]


def without(request: HttpRequest, right: int, instances: Iterable[Configured]) -> list[Configured]:
    """Return those of some objects that the person lacks a right on, asked of all at once."""
    asked = {key_of(one): one for one in instances}
    folders = {key: one.folder_id or 0 for key, one in asked.items()}
    masks = Visibility(_person_of(request)).masks(folders)
    return [one for key, one in asked.items() if not masks[key] & right]


def require(request: HttpRequest, right: int, instances: Iterable[Configured]) -> None:
    """Refuse what the person may not do with some of these objects.

    Raises:
        NoPermission: naming one that may be read; the others are counted.
    """
    lacking = without(request, right, instances)
    if not lacking:
        return
    hidden = without(request, READ, lacking)
    name = next((f"{one.info.title.lower()} {one}" for one in lacking if one not in hidden), "")
    raise NoPermission(
        f"{request.user} lacks the right to {RIGHT_NAMES[right]} on "
        f"{name or 'some of them'} ({len(lacking)} in all)",
        right=RIGHT_NAMES[right],
    )


def require_deletion(request: HttpRequest, doomed: Iterable[Configured]) -> None:
    """Refuse to delete what the person may not, or may not even read.

    Raises:
        NoPermission: as `require`.
    """
    doomed = list(doomed)
    if without(request, READ, doomed):
        raise NoPermission("there is something in it that you may not read", right="delete")
    require(request, DELETE, doomed)


def require_change(request: HttpRequest, instance: Configured) -> None:
    """Refuse a change of an object, or a move out of its folder; called before it is written.

    Raises:
        ObjectNotFound, NoPermission.
    """
    stored: Configured | None = find(instance.object_type, [instance.dbid]).first()
    if stored is None:
        return  # it is gone, which the door tells
    rights = Rights(_person_of(request))
    rights.require(CHANGE, stored)
    if stored.folder_id != instance.folder_id:
        rights.require(DELETE, stored)
        require_place(request, instance)


def require_place(request: HttpRequest, instance: Configured) -> None:
    """Refuse an object in a folder in which the person may create nothing.

    Raises:
        ObjectNotFound, NoPermission.
    """
    home = above(instance)
    if home is not None:
        Rights(_person_of(request)).require(CREATE, home)


def _person_of(request: HttpRequest) -> Person:
    person: Any = request.user
    person.pk  # noqa: B018 - what stands for a person is found by its first use
    found: Person = getattr(person, "_wrapped", person)
    return found
