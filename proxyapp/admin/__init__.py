"""The administration in a browser, on Django's admin; all that it writes goes through the door."""

from __future__ import annotations

from proxyapp.admin import (
    access,
    applications,
    explanation,
    folders,
    history,
    hosts,
    objects,
    persons,
)
from proxyapp.admin.site import site

__all__ = [
    "access",
    "applications",
    "explanation",
    "folders",
    "history",
    "hosts",
    "objects",
    "persons",
    "site",
]
