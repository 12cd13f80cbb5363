"""Persons: agents, administrators, and the accounts that servers log on as.

Person is the user model of the web. Passwords are not here: `access.Credential` keeps a
verifier of them.
"""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.crypto import salted_hmac

from confwire.handshake import check_password, make_verifier
from confwire.objects import ObjectType
from proxyapp.models.base import Configured, key_of, unique_key
from proxyapp.models.door import GuardedQuerySet
from proxyapp.models.folders import Tenant
from proxyapp.models.options import validate_mapping, validate_text
from proxyapp.models.secondfactors import mark_of


class PersonManager(BaseUserManager["Person"].from_queryset(GuardedQuerySet)):  # type: ignore[misc]
    """Finds persons by user name, whatever its case."""

    def get_by_natural_key(self, username: str | None) -> Person:
        """Return the person of a user name.

        Raises:
            Person.DoesNotExist: there is none.
        """
        person: Person = self.get(user_key=key_of([username or ""]))
        return person


class Person(Configured, AbstractBaseUser):
    """A person of a tenant, and the account that it logs in with."""

    TYPE = ObjectType.PERSON
    NATURAL = "employee_id"
    USERNAME_FIELD = "user_name"
    EMAIL_FIELD = "email_address"
    REQUIRED_FIELDS = ["employee_id"]

    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    user_name = models.CharField(max_length=255, validators=[validate_text])
    user_key = models.TextField(editable=False)
    """The user name, folded; unique in the environment."""
    employee_id = models.CharField("employee ID", max_length=255, validators=[validate_text])
    first_name = models.CharField(max_length=255, blank=True, validators=[validate_text])
    last_name = models.CharField(max_length=255, blank=True, validators=[validate_text])
    email_address = models.CharField("e-mail address", max_length=255, blank=True)
    external_id = models.CharField("external ID", max_length=255, blank=True)
    is_agent = models.BooleanField("agent", default=False)
    is_external_auth = models.BooleanField("external authentication", default=False)
    change_password_on_next_login = models.BooleanField(default=False)
    password_updating_date = models.BigIntegerField(null=True, editable=False)
    """When the password was set, in seconds since 1970; None: not known."""
    is_admin = models.BooleanField(default=False, editable=False)
    """Member of Super Administrators, directly or through groups; kept up to date by the door."""
    app_ranks = models.JSONField(
        "application ranks", default=dict, blank=True, validators=[validate_mapping]
    )
    agent_info = models.JSONField("agent information", default=dict, blank=True)
    address = models.JSONField(default=dict, blank=True)
    phones = models.JSONField(default=dict, blank=True, validators=[validate_mapping])

    password = None  # type: ignore[assignment]
    last_login = None
    objects = PersonManager()  # type: ignore[misc]

    class Meta(Configured.Meta):
        ordering = ["user_name"]
        constraints = [
            unique_key("person"),
            models.UniqueConstraint(fields=["user_key"], name="person_user_name"),
        ]

    def __str__(self) -> str:
        return self.user_name

    def natural_values(self) -> list[str | int]:
        """Return tenant and employee ID."""
        return [self.tenant_id or 0, self.employee_id]

    def computed_columns(self) -> frozenset[str]:
        """Return the folded user name too."""
        return super().computed_columns() | {"user_key"}

    def prepare(self) -> None:
        """Fold the user name too."""
        super().prepare()
        self.user_key = key_of([self.user_name])

    def clean(self) -> None:
        """Check that the user name is free.

        Raises:
            ValidationError: with code "unique".
        """
        super().clean()
        if Person.objects.filter(user_key=self.user_key).exclude(pk=self.pk).exists():
            text = f"user name {self.user_name} is taken: choose another one"
            raise ValidationError({"user_name": ValidationError(text, code="unique")})

    # ------------------------------------------------------------ the account

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        """Whether the account may be used."""
        return self.is_enabled

    @property
    def is_staff(self) -> bool:
        """Whether the person is a super administrator, whose account is in use."""
        return self.is_admin and self.is_enabled

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Whether the account is in use; what it may do with an object, its rights there say."""
        return self.is_enabled

    def has_perms(self, perm_list: list[str], obj: Any = None) -> bool:
        """Whether the account is in use."""
        return self.is_enabled

    def has_module_perms(self, app_label: str) -> bool:
        """Whether the account is in use."""
        return self.is_enabled

    def get_full_name(self) -> str:
        """Return first and last name, else the user name."""
        return f"{self.first_name} {self.last_name}".strip() or self.user_name

    def get_short_name(self) -> str:
        """Return the user name."""
        return self.user_name

    @property
    def verifier(self) -> str:
        """The SCRAM verifier of the password; empty when there is none."""
        credential = self.credentials.first() if self.pk is not None else None
        return credential.verifier if credential is not None else ""

    def set_password(self, raw_password: str | None) -> None:
        """Replace the password; None leaves the account without one.

        Raises:
            WriteOutsideDoor: outside `services.changes.commit`.
            InvalidParameter: the password is empty or has characters that are not allowed.
        """
        if raw_password is None:
            self.credentials.all().delete()
        else:
            verifier = make_verifier(
                raw_password, secrets.token_bytes(16), settings.SCRAM_ITERATIONS
            )
            self.credentials.update_or_create(defaults={"verifier": verifier})

    def check_password(self, raw_password: str | None) -> bool:
        """Whether this is the password; takes as long as the hash does."""
        verifier = self.verifier
        return bool(verifier and raw_password) and check_password(verifier, str(raw_password))

    def has_usable_password(self) -> bool:
        """Whether the account has a password."""
        return bool(self.verifier)

    def set_unusable_password(self) -> None:
        """Take the password away."""
        self.set_password(None)

    def get_session_auth_hash(self) -> str:
        """Return what ends the sessions in the web when password or second factor change."""
        return salted_hmac("proxyapp.Person", self._credentials, algorithm="sha256").hexdigest()

    def get_session_auth_fallback_hash(self) -> Any:
        """Yield the same under former secret keys."""
        for secret in settings.SECRET_KEY_FALLBACKS:
            yield salted_hmac(
                "proxyapp.Person", self._credentials, secret=secret, algorithm="sha256"
            ).hexdigest()

    @property
    def _credentials(self) -> str:
        return f"{self.verifier}{mark_of(self.pk)}"
