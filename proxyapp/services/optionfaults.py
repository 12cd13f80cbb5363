"""What a server would make of the options of its Application object, before it reads them.

By the check that the server itself makes, in the words of its log. Knows no pages.
"""

from __future__ import annotations

from proxyapp.engine.ownapplication import SERVER_TYPE
from proxyapp.engine.settings import Settings
from proxyapp.models import Application


def faults_of(application: Application) -> list[str]:
    """Return which values are not valid and what is used instead, and which have no effect.

    Of an application that is no server of ours nothing is known.
    """
    if application.type != SERVER_TYPE:
        return []
    settings = Settings(application.options)
    return [*settings.complaints, *settings.notices]
