"""What is mistyped in an Application object, as it was saved. Knows no pages."""

from __future__ import annotations

from confwire.objects import ObjectType
from proxyapp.engine import applicationfaults
from proxyapp.models import Application
from proxyapp.selectors import document_of


def faults_of(application: Application) -> list[str]:
    """Return what a server would not take of it and its ports and connections, in words."""
    return applicationfaults.faults_of(document_of(ObjectType.APPLICATION, application.dbid))
