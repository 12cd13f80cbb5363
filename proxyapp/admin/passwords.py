"""Forms that set passwords: a person's own, and another person's."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordMixin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from confwire.errors import InvalidParameter, PasswordRefused
from confwire.handshake import normalise
from proxyapp.admin.door import author_of, origin_of
from proxyapp.models import Person
from proxyapp.services.accounts import check_password, set_password
from proxyapp.services.logins import PASSWORD_EXPIRED


def check_allowed(person: Person, password: str) -> None:
    """Refuse passwords that no account can have, and those that the person's rules forbid.

    Raises:
        ValidationError: naming the character, or what the password lacks.
    """
    try:
        normalise(password)
        check_password(person, password)
    except (InvalidParameter, PasswordRefused) as error:
        raise ValidationError(str(error)) from error


class OwnPasswordForm(PasswordChangeForm):
    """A person's new password, with the old one as proof."""

    request: ClassVar[HttpRequest]

    def clean_new_password1(self) -> str:
        """Refuse passwords that this account cannot have."""
        password: str = self.cleaned_data["new_password1"]
        check_allowed(self.user, password)
        return password

    def save(self, commit: bool = True) -> Any:
        """Set the password."""
        password = self.cleaned_data["new_password1"]
        set_password(
            self.user, password, by=author_of(self.request), origin=origin_of(self.request)
        )
        self.request.session.pop(PASSWORD_EXPIRED, None)
        return self.user


class NewPasswordForm(SetPasswordMixin, forms.Form):  # type: ignore[type-arg]
    """A password for another person."""

    required_css_class = "required"
    password1, password2 = SetPasswordMixin.create_password_fields()

    def __init__(self, person: Person, data: Any = None) -> None:
        super().__init__(data)
        self._person = person

    def clean_password1(self) -> str:
        """Refuse passwords that the account cannot have."""
        password: str = self.cleaned_data["password1"]
        check_allowed(self._person, password)
        return password

    def clean(self) -> dict[str, Any] | None:
        """Compare both."""
        self.validate_passwords()
        return super().clean()

    def save(self, request: HttpRequest) -> None:
        """Set the password."""
        password = self.cleaned_data["password1"]
        set_password(self._person, password, by=author_of(request), origin=origin_of(request))
