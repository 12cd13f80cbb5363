"""Forms that set passwords: a person's own, and another person's."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordMixin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from confwire.errors import InvalidParameter
from confwire.handshake import normalise
from proxyapp.admin.door import author_of, origin_of
from proxyapp.models import Person
from proxyapp.services.accounts import set_password


def check_allowed(password: str) -> None:
    """Refuse passwords that no account can have.

    Raises:
        ValidationError: naming the character.
    """
    try:
        normalise(password)
    except InvalidParameter as error:
        raise ValidationError(str(error)) from error


class OwnPasswordForm(PasswordChangeForm):
    """A person's new password, with the old one as proof."""

    request: ClassVar[HttpRequest]

    def clean_new_password1(self) -> str:
        """Refuse passwords that no account can have."""
        password: str = self.cleaned_data["new_password1"]
        check_allowed(password)
        return password

    def save(self, commit: bool = True) -> Any:
        """Set the password."""
        password = self.cleaned_data["new_password1"]
        set_password(
            self.user, password, by=author_of(self.request), origin=origin_of(self.request)
        )
        return self.user


class NewPasswordForm(SetPasswordMixin, forms.Form):  # type: ignore[type-arg]
    """A password for another person."""

    required_css_class = "required"
    password1, password2 = SetPasswordMixin.create_password_fields()

    def clean_password1(self) -> str:
        """Refuse passwords that no account can have."""
        password: str = self.cleaned_data["password1"]
        check_allowed(password)
        return password

    def clean(self) -> dict[str, Any] | None:
        """Compare both."""
        self.validate_passwords()
        return super().clean()

    def give_to(self, person: Person, request: HttpRequest) -> None:
        """Set the password."""
        password = self.cleaned_data["password1"]
        set_password(person, password, by=author_of(request), origin=origin_of(request))
