"""Why a person may do what on an object: the page that every object leads to.

As on the wire, one's own rights may be asked for by whoever may read the object, those of others
by who may read permissions there.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from confwire.objects import OBJECTS, ObjectType
from proxyapp.admin import binding
from proxyapp.admin.door import author_of
from proxyapp.admin.naming import titles_of, url_of
from proxyapp.admin.rights import READ, READ_PERMISSIONS, words_of
from proxyapp.admin.site import site
from proxyapp.choices import FULL_CONTROL
from proxyapp.models import Person
from proxyapp.models.base import key_of
from proxyapp.services.access import Rights
from proxyapp.services.documents import find
from proxyapp.services.reach import Reach


class PersonForm(forms.Form):
    """Whose rights are to be explained."""

    person = forms.CharField(label="Person (user name)", max_length=64)

    def __init__(self, data: Any, reach: Reach) -> None:
        super().__init__(data)
        self._reach = reach

    def clean_person(self) -> Person:
        """Return the person of the user name, if the viewer may read it."""
        name = self.cleaned_data["person"].replace("\0", "")
        person: Person | None = Person.objects.filter(user_key=key_of([name])).first()
        if person is None or not self._reach.readable([(int(person.TYPE), person.dbid)]):
            raise forms.ValidationError(f"There is no person {name}.")
        return person


@site.page("rights/<int:type_>/<int:dbid>/", "object_rights")
def rights(request: HttpRequest, type_: int, dbid: int) -> HttpResponse:
    """Tell which rights a person has on an object, and from which grants."""
    instance = find(ObjectType(type_), [dbid]).first() if type_ in OBJECTS else None
    if instance is None:
        raise Http404("there is no such object")
    mask = binding.mask_of(request, instance)
    if not mask & READ:
        raise Http404("there is no such object")
    reach = binding.reach_of(request)
    own = type_, dbid
    form: PersonForm | None = None
    person: Person | None = author_of(request)
    if mask & READ_PERMISSIONS:
        form = PersonForm(request.GET if "person" in request.GET else None, reach)
        person = form.cleaned_data["person"] if form.is_valid() else None
    elif not _asks_for(request, author_of(request)):
        raise PermissionDenied
    asked = "Who may do what" if form is not None else "What you may do"
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": f"{asked} with {titles_of([own])[own]}",
        "form": form,
        "object_page": url_of(type_, dbid),
    }
    if person is not None:
        judged = Rights(person)
        sources = judged.sources_of(instance)
        named = {key for one in sources for key in (one.subject, one.place)}
        titles, readable = titles_of(named, reach.readable), reach.readable(named)
        titles[int(person.TYPE), person.dbid] = (
            f"{person.info.title} {person}"  # who asks, or saw it
        )
        context |= {
            "person": person,
            "rights": words_of(judged.mask_of(instance) & FULL_CONTROL),
            "sources": [
                {
                    "subject": titles[one.subject],
                    "rights": words_of(one.mask & FULL_CONTROL),
                    "place": titles[one.place],
                    "url": url_of(*one.place) if one.place in readable else "",
                    "here": one.place == own,
                }
                for one in sources
            ],
        }
    return TemplateResponse(request, "admin/proxyapp/rights.html", context)


def _asks_for(request: HttpRequest, person: Person) -> bool:
    """Whether no other person's rights are asked for."""
    name = request.GET.get("person", person.user_name).replace("\0", "")
    return key_of([name]) == person.user_key
