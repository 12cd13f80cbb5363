"""The recent actions that the first page lists: one's own, on what one may still read."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import HttpRequest

from proxyapp.admin.binding import reach_of
from proxyapp.admin.rights import READ
from proxyapp.models import ConfigObject
from proxyapp.models.base import Configured
from proxyapp.models.door import Key

_LATEST = 50  # actions that are looked through


def own_actions(request: HttpRequest, entries: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
    """Return the actions of the person who asks whose objects it may read now.

    Who may read everything is told those on what is gone, and on grants and members, too.
    """
    own = entries.filter(user=request.user.pk)
    if reach_of(request).everywhere(READ):
        return own
    latest = list(own.order_by("-action_time")[:_LATEST])
    keys = {entry.pk: key for entry in latest if (key := _key_of(entry)) is not None}
    readable = reach_of(request).readable(set(keys.values()))
    return own.filter(pk__in=[pk for pk, key in keys.items() if key in readable])


def _key_of(entry: LogEntry) -> Key | None:
    """Return the object that an action was on; None for what is none."""
    # Types are looked up by their number, which Django keeps in memory.
    kind = ContentType.objects.get_for_id(entry.content_type_id) if entry.content_type_id else None
    model: Any = kind.model_class() if kind is not None else None
    if model is None or not issubclass(model, Configured) or not entry.object_id:
        return None
    if model is ConfigObject:
        keys = ConfigObject.objects.filter(pk=entry.object_id).values_list("type", "dbid")
        return keys.first()
    return int(model.TYPE), int(entry.object_id)
