"""Who may use the administration: as in the origin, who may execute its application.

An Application object of type Genesys Administrator stands for these pages; the first start makes
one, of that name. Super Administrators may enter whatever is said on it, so that nobody is locked
out by a slip.
"""

from __future__ import annotations

from proxyapp.engine.data.rights import EXECUTE
from proxyapp.models import Application, Person
from proxyapp.services.access import Rights

ADMINISTRATION = "genesysadministrator"
"""The type of the applications that stand for the administration."""


def may_enter(person: Person) -> bool:
    """Whether a person may use the administration; what it may see there is another matter."""
    if not person.is_enabled:
        return False
    if person.is_admin:
        return True
    rights = Rights(person)
    applications = Application.objects.filter(type=ADMINISTRATION, state="enabled")
    return any(rights.mask_of(one) & EXECUTE for one in applications)
