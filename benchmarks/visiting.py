"""Whole pages of a long history, as a browser gets them, by one who sees all or who does not.

Asked for in the process that measures, by Django's test client: routes, session, rights, searches
and templates, without a network.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

FOLDERS = 5_000
"""Folders that the changes of `aging` lie in, as far as those are there."""
_SUPER_ADMINISTRATORS = 96
_TOP = "Skills"

Visit = Callable[[int], Any]


def furnish() -> None:
    """Make the folders."""
    from proxyapp.models import Folder
    from proxyapp.services import changes

    top = Folder.objects.get(name=_TOP, owner_dbid=1)
    with changes.commit(by=None, origin="benchmark") as work:
        for number in range(FOLDERS):
            work.save(Folder(name=f"shelf {number}", folder=top, type=top.type))


def deny(each: int) -> None:
    """Take one of so many folders away from the administrators."""
    from proxyapp.models import AccessGroup, Folder
    from proxyapp.services import access

    group = AccessGroup.objects.get(dbid=_SUPER_ADMINISTRATORS)
    tops = [Folder.objects.get(name=_TOP, owner_dbid=1)] if each == 1 else []
    for folder in tops or Folder.objects.filter(folder__name=_TOP)[::each]:
        access.grant(folder, group, 0, by=None, origin="benchmark")


def visits(words: str, first: int, newest: int) -> dict[str, Visit]:
    """Return what asks for each page, by its name.

    Args:
        words: what an administrator sees.
        first: the oldest revision.
        newest: the newest one.
    """
    from django.test import Client

    from proxyapp.models import Person

    client = Client(SERVER_NAME="localhost")
    client.force_login(Person.objects.get(user_name="default"))
    return {
        f"page: {name}, {words}": _visit(client, address)
        for name, address in _addresses(first, newest).items()
    }


def _visit(client: Any, address: Callable[[int], tuple[str, dict[str, Any]]]) -> Visit:
    def visit(number: int) -> None:
        path, asked = address(number)
        answer = client.get(f"/admin/history/{path}?{urlencode(asked)}")
        if answer.status_code not in (200, 404):  # 404: all of it is hidden
            raise SystemExit(f"{answer.request['PATH_INFO']}: {answer.status_code}")

    return visit


def _addresses(first: int, newest: int) -> dict[str, Callable[[int], tuple[str, dict[str, Any]]]]:
    from django.utils import timezone

    middle = (first + newest) // 2

    def month(number: int) -> dict[str, str]:
        until = timezone.now() - timedelta(days=11 * number)
        since = until - timedelta(days=30)
        return {"since": f"{since:%Y-%m-%dT%H:%M:%S}", "until": f"{until:%Y-%m-%dT%H:%M:%S}"}

    return {
        "changes": lambda n: ("", {}),
        "changes by a person": lambda n: ("", {"by": f"person {n}"}),
        "changes by nobody there is": lambda n: ("", {"by": "nobody"}),
        "changes of a month": lambda n: ("", month(n)),
        "changes of names that begin alike": lambda n: ("", {"name": f"object {n + 1}"}),
        "changes of a rare property": lambda n: ("", {"path": f"userProperties.s{n}.value"}),
        "changes in a folder": lambda n: ("", {"folder": 101 + 131 * n}),
        "transactions": lambda n: ("transactions/", {}),
        "transactions through a server": lambda n: ("transactions/", {"server": f"server {n}"}),
        "a transaction": lambda n: (f"transactions/{middle + n}/", {}),
        "what is kept beside": lambda n: ("log/", {}),
        "logins of a user": lambda n: ("log/", {"kind": "logins", "user": f"person {n}"}),
        "the life of a session": lambda n: (f"sessions/s{1000 * n}/", {}),
        "the life of an object": lambda n: (f"objects/13/{101 + 7907 * n}/", {}),
        "an object as it was": lambda n: (f"objects/13/{101 + 7907 * n}/at/", {"revision": middle}),
        "the environment as it was": lambda n: ("at/", {"revision": middle + n}),
        "what differs, the last thousand": lambda n: ("between/", {"revision": newest - 1000 - n}),
        "what differs, half of all": lambda n: ("between/", {"revision": middle + n}),
    }  # fmt: skip
