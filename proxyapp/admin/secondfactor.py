"""Pages of the second factor: everybody's own, and taking another person's away.

A key and recovery codes are shown once, to who enrols. Until a code confirms it, the key is in
the session, sealed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import segno
from django import forms
from django.contrib import admin, messages
from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.debug import sensitive_post_parameters

from proxyapp.admin.door import author_of
from proxyapp.admin.fields import code_field
from proxyapp.admin.site import SECOND_FACTOR, site
from proxyapp.models import Person
from proxyapp.models.secondfactors import SecondFactor, factor_of, new_key, shown
from proxyapp.services import secondfactors

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

_NEW_KEY = "second_factor_key"
"""In the session: the sealed key that is being enrolled."""
_ISSUER = "Configuration Server"
_WRONG = "the code does not fit: are both clocks right?"
_LATE = "it was confirmed already: whoever has not seen its recovery codes renews them"


class CodeForm(forms.Form):
    """A code, as proof."""

    required_css_class = "required"
    code = code_field()


# ---------------------------------------------------------------- one's own


@site.page("second-factor/", SECOND_FACTOR)
@sensitive_post_parameters()
def own_view(request: HttpRequest) -> HttpResponse:
    """Show one's own second factor: to enrol it, to have new recovery codes, to remove it."""
    person = author_of(request)
    enrolled = factor_of(person.pk) is not None
    wanted = request.POST.get("do", "")
    form = CodeForm(request.POST if wanted in ("confirm", "renew", "remove") else None)
    codes: list[str] = []
    if wanted == "begin" and not enrolled:
        request.session[_NEW_KEY] = new_key(person.pk)
    elif wanted == "confirm" and not enrolled and form.is_valid():
        codes = _confirm(request, person, form)
    elif wanted in ("renew", "remove") and enrolled and form.is_valid():
        judged = secondfactors.check_own(request, person, form.cleaned_data["code"])
        if not judged.fits:
            waiting = f": wait {judged.wait} seconds" if judged.wait else ""
            form.add_error("code", f"{judged.why}{waiting}")
        elif wanted == "renew":
            codes = secondfactors.renew_recovery_codes(request, person)
        else:
            _remove_own(request, person)
            return HttpResponseRedirect(reverse(f"admin:{SECOND_FACTOR}"))
    return _page(request, person, form, codes)


def _confirm(request: HttpRequest, person: Person, form: CodeForm) -> list[str]:
    key = request.session.get(_NEW_KEY, "")
    codes = secondfactors.enrol(request, person, key, form.cleaned_data["code"])
    if not codes:
        form.add_error("code", _LATE if factor_of(person.pk) else _WRONG)
        return []
    del request.session[_NEW_KEY]
    update_session_auth_hash(request, person)  # all others of this person end
    messages.success(request, "From now on a code is asked beside your password.")
    return codes


def _remove_own(request: HttpRequest, person: Person) -> None:
    secondfactors.remove(request, person, by=person.user_name)
    update_session_auth_hash(request, person)
    messages.success(request, "Your second factor was removed.")


def _page(request: HttpRequest, person: Person, form: CodeForm, codes: list[str]) -> HttpResponse:
    factor = factor_of(person.pk)
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": "Second factor",
        "form": form,
        "codes": codes,
        "due": secondfactors.is_due(person),
        **(_kept(factor) if factor else _pending(request, person)),
    }
    return TemplateResponse(request, "admin/second_factor.html", context)


def _kept(factor: SecondFactor) -> dict[str, Any]:
    since = datetime.fromtimestamp(factor.enrolled_at, UTC)
    return {"enrolled": since, "left": len(factor.recovery)}


def _pending(request: HttpRequest, person: Person) -> dict[str, Any]:
    """Return what is shown of a key that is being enrolled."""
    key = shown(person.pk, request.session.get(_NEW_KEY, ""))
    if not key:
        return {}
    groups = " ".join(key[at : at + 4] for at in range(0, len(key), 4))
    return {"key": groups, "picture": _picture(person, key)}


def _picture(person: Person, key: str) -> SafeString:
    """Return the QR code as an element of the page: the policy forbids pictures in addresses."""
    label = quote(f"{_ISSUER}:{person.user_name}", safe="")
    address = f"otpauth://totp/{label}?" + urlencode(
        {"secret": key, "issuer": _ISSUER}, quote_via=quote
    )
    drawn = segno.make(address, error="m", micro=False).svg_inline(
        omitsize=True, svgclass="qr", lineclass=None, light="#fff", title="QR code"
    )
    return mark_safe(drawn)  # noqa: S308 - drawn here; the text is in it as squares only


# ---------------------------------------------------------------- another person's


class FactorOfPerson(ModelAdmin):
    """What the pages of a person have of its second factor."""

    @admin.display(description="second factor")
    def second_factor(self, obj: Person) -> str:
        """Say whether the person has one."""
        factor = factor_of(obj.pk or 0)
        if factor is None:
            return "none"
        since = datetime.fromtimestamp(factor.enrolled_at, UTC)
        return f"since {since:%Y-%m-%d %H:%M} UTC, {len(factor.recovery)} recovery codes left"

    def get_urls(self) -> list[Any]:
        """Add the page that takes it away."""
        page = self.admin_site.admin_view(self.remove_factor_view)
        name = "proxyapp_person_second_factor"
        return [path("<int:dbid>/second-factor/", page, name=name), *super().get_urls()]

    def remove_factor_view(self, request: HttpRequest, dbid: int) -> HttpResponse:
        """Ask whether to, and take it away; one's own goes with a code only, on its own page."""
        person = self.get_object(request, str(dbid))
        if not self.has_change_permission(request, person):
            raise PermissionDenied
        if person is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(dbid))  # type: ignore[attr-defined,no-any-return]
        author = author_of(request)
        if person.pk == author.pk:
            return HttpResponseRedirect(reverse(f"admin:{SECOND_FACTOR}"))
        if request.method == "POST":
            if secondfactors.remove(request, person, by=author.user_name):
                text = f"The second factor of “{person}” was removed, and its sessions on the web."
                self.message_user(request, text, messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:proxyapp_person_change", args=[person.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Second factor of {person}",
            "state": self.second_factor(person),
            "opts": self.opts,
            "original": person,
        }
        return TemplateResponse(request, "admin/proxyapp/person/second_factor.html", context)
