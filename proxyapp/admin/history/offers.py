"""Which buttons the pages of the history offer: none that would be refused for want of rights."""

from __future__ import annotations

from django.http import HttpRequest

from proxyapp.admin.binding import mask_of, reach_of
from proxyapp.admin.rights import CHANGE, READ
from proxyapp.admin.standing import may_change
from proxyapp.models.base import Configured
from proxyapp.services.documents import find_all


def may_revert(request: HttpRequest, type_: int, dbid: int) -> bool:
    """Whether an object may be brought back to what it was: one that is gone, where it may be made.

    Args:
        type_: of the object; 0 where it is about several, of some of which that may hold.
    """
    reach = reach_of(request)
    if not may_change(request):
        return False
    if not type_:
        return bool(reach.kinds(READ | CHANGE) | reach.creatable)
    present: Configured | None = find_all([(type_, dbid)]).get((type_, dbid))
    if present is None:
        return type_ in reach.creatable
    return bool(mask_of(request, present) & CHANGE)
