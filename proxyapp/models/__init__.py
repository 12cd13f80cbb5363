"""The tables: the configuration itself, and its published form that nodes read.

Configuration is written through `services.changes.commit` only; `door` sees to it.
"""

from __future__ import annotations

from proxyapp.models.access import AccessGroup, Credential, Grant, Membership
from proxyapp.models.accounts import Account, FormerPassword
from proxyapp.models.applications import Application, ApplicationTemplate
from proxyapp.models.connections import Connection
from proxyapp.models.counters import Counter
from proxyapp.models.folders import Folder, Tenant
from proxyapp.models.hosts import Host
from proxyapp.models.journal import Change, Commit, Document, Reference, Revision
from proxyapp.models.objects import ConfigObject
from proxyapp.models.persons import Person
from proxyapp.models.ports import Port
from proxyapp.models.receipts import Receipt
from proxyapp.models.secondfactors import SecondFactor

__all__ = [
    "AccessGroup",
    "Account",
    "Application",
    "ApplicationTemplate",
    "Change",
    "Commit",
    "ConfigObject",
    "Connection",
    "Counter",
    "Credential",
    "Document",
    "Folder",
    "FormerPassword",
    "Grant",
    "Host",
    "Membership",
    "Person",
    "Port",
    "Receipt",
    "Reference",
    "Revision",
    "SecondFactor",
    "Tenant",
]
