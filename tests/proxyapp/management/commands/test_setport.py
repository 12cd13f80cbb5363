"""`manage.py setport`, as an operator runs it before a first start."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from proxyapp.models import Application
from proxyapp.services import objects

pytestmark = pytest.mark.django_db


def set_port(*words: str) -> str:
    output = StringIO()
    call_command("setport", *words, stdout=output)
    return output.getvalue()


def ports(name: str = "confserv") -> dict[str, str]:
    return dict(Application.objects.get(name=name).ports.values_list("port_id", "port"))


def test_the_master_gets_another_port_before_its_first_start() -> None:
    assert set_port("3020") == "confserv listens on port 3020 (default).\n"
    assert ports() == {"default": "3020", "ha-sync": "2021"}


def test_the_rest_of_the_port_stays() -> None:
    secured = {"id": "default", "port": "2020", "listeningMode": "secured", "description": "all"}
    delta = {"portInfos": {"put": [secured]}}
    objects.update("application", 99, delta, by=None, origin="test")
    set_port("3020")
    port = Application.objects.get(pk=99).ports.get(port_id="default")
    assert (port.port, port.listening_mode, port.description) == ("3020", "secured", "all")


def test_another_port_is_named_by_its_id() -> None:
    set_port("3021", "-id", "ha-sync")
    set_port("3022", "-id", "more", "-app", "confserv")
    assert ports() == {"default": "2020", "ha-sync": "3021", "more": "3022"}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["70000"], "70000 is no port number: 1 to 65535"),
        (["nonsense"], "nonsense is no port number: 1 to 65535"),
        (["2021"], "2021"),
        (["3020", "-app", "nosuch"], "there is no application 'nosuch'"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(words: list[str], complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        set_port(*words)
    assert ports() == {"default": "2020", "ha-sync": "2021"}
