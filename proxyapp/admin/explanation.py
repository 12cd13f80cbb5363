"""Why a person may do what on an object: the page that every object leads to."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from confwire.objects import OBJECTS, ObjectType
from proxyapp.admin import binding
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
    if not mask & READ_PERMISSIONS:
        raise PermissionDenied
    reach = binding.reach_of(request)
    form = PersonForm(request.GET if "person" in request.GET else None, reach)
    own = type_, dbid
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": f"Who may do what with {titles_of([own])[own]}",
        "form": form,
        "object_page": url_of(type_, dbid),
    }
    if form.is_bound and form.is_valid():
        person: Person = form.cleaned_data["person"]
        judged = Rights(person)
        sources = judged.sources_of(instance)
        named = {key for one in sources for key in (one.subject, one.place)}
        titles, readable = titles_of(named, reach.readable), reach.readable(named)
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
