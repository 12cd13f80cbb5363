"""What the tests of the administration share: a browser that is logged in, and filled-in forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.forms import CheckboxSelectMultiple
from django.test import Client

if TYPE_CHECKING:
    from proxyapp.models import Person

Fill = Callable[..., dict[str, Any]]


@pytest.fixture
def administrator(db: None) -> Person:
    """Return person `default`, the first administrator."""
    from proxyapp.models import Person

    return Person.objects.get(pk=100)


@pytest.fixture
def client(administrator: Person, settings: Any) -> Client:
    """Return a browser in which the administrator is logged in."""
    settings.STATIC_ROOT.mkdir(exist_ok=True)  # as the web process does
    client = Client()
    client.force_login(administrator)
    return client


@pytest.fixture
def fill() -> Fill:
    """Return how to get what a page's form holds, with some fields filled in otherwise."""
    return _fill


def _fill(response: Any, **changed: Any) -> dict[str, Any]:
    forms = [response.context["adminform"].form]
    for inline in response.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    fields = [field for form in forms for field in form if not _is_unticked(field)]
    data = {field.html_name: _plain(field.value()) for field in fields} | changed
    return {name: value for name, value in data.items() if value is not None}


def _is_unticked(field: Any) -> bool:
    boxes = isinstance(field.field.widget, CheckboxSelectMultiple)
    return field.value() is False or (boxes and field.value() is None)


def _plain(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return [str(getattr(item, "pk", item)) for item in value]
    return "on" if value is True else str(value)


@pytest.fixture
def save(client: Client) -> Callable[..., Any]:
    """Return how to open a page, fill its form in, and save it."""

    def saved(address: str, **changed: Any) -> Any:
        return client.post(address, _fill(client.get(address), **changed))

    return saved
