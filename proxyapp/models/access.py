"""Access groups, grants, and the verifiers of passwords and secrets."""

from __future__ import annotations

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models

from confwire.objects import OBJECTS, ObjectType
from proxyapp.choices import GROUP_CHOICES, OBJECT_TYPE_CHOICES
from proxyapp.models.applications import Application
from proxyapp.models.base import Named, unique_key
from proxyapp.models.door import Guarded, Key
from proxyapp.models.folders import Tenant
from proxyapp.models.persons import Person


class AccessGroup(Named):
    """A set of persons and groups that rights are granted to."""

    TYPE = ObjectType.ACCESS_GROUP

    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    type = models.CharField(max_length=30, choices=GROUP_CHOICES, default="none")
    details = models.JSONField(default=dict, blank=True, editable=False)
    """The other fields of a group, as in its document: managers, capacity table, site …"""

    class Meta(Named.Meta):
        constraints = [unique_key("access_group")]

    def natural_values(self) -> list[str | int]:
        """Return tenant and name."""
        return [self.tenant_id or 0, self.name]


class Membership(Guarded):
    """A person or a group that is in an access group."""

    access_group = models.ForeignKey(AccessGroup, models.CASCADE, related_name="memberships")
    person = models.ForeignKey(
        Person, models.PROTECT, null=True, blank=True, related_name="memberships"
    )
    group = models.ForeignKey(
        AccessGroup, models.PROTECT, null=True, blank=True, related_name="memberships_of_group"
    )

    class Meta:
        verbose_name = "member"
        constraints = [
            models.UniqueConstraint(fields=["access_group", "person"], name="member_person"),
            models.UniqueConstraint(fields=["access_group", "group"], name="member_group"),
            models.CheckConstraint(
                condition=models.Q(person__isnull=False, group__isnull=True)
                | models.Q(person__isnull=True, group__isnull=False),
                name="member_is_person_or_group",
            ),
        ]

    def __str__(self) -> str:
        return str(self.person or self.group)

    def owners(self) -> Collection[Key]:
        """Return the access group."""
        return [(int(ObjectType.ACCESS_GROUP), self.access_group_id)]

    def clean(self) -> None:
        """Refuse what is not exactly one member, or a group in itself.

        Raises:
            ValidationError: saying what to choose.
        """
        super().clean()
        if (self.person_id is None) == (self.group_id is None):
            raise ValidationError("choose either a person or a group")
        if self.group_id is not None and self.group_id == self.access_group_id:
            raise ValidationError({"group": "a group cannot be a member of itself"})


class Grant(Guarded):
    """The rights that a person or an access group has on an object and what lies in it."""

    object_type = models.PositiveSmallIntegerField(choices=OBJECT_TYPE_CHOICES)
    object_dbid = models.BigIntegerField("object (DBID)")
    person = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="grants")
    group = models.ForeignKey(
        AccessGroup, models.PROTECT, null=True, blank=True, related_name="grants"
    )
    mask = models.PositiveSmallIntegerField("rights", validators=[MaxValueValidator(255)])

    class Meta:
        ordering = ["object_type", "object_dbid"]
        constraints = [
            models.UniqueConstraint(
                fields=["object_type", "object_dbid", "person"], name="grant_person"
            ),
            models.UniqueConstraint(
                fields=["object_type", "object_dbid", "group"], name="grant_group"
            ),
            models.CheckConstraint(
                condition=models.Q(person__isnull=False, group__isnull=True)
                | models.Q(person__isnull=True, group__isnull=False),
                name="grant_is_to_person_or_group",
            ),
        ]

    def __str__(self) -> str:
        title = OBJECTS[ObjectType(self.object_type)].title.lower()
        return f"{self.person or self.group} on {title} {self.object_dbid}"

    @property
    def subject(self) -> Key:
        """(type, DBID) of who has the rights."""
        if self.person_id is not None:
            return int(ObjectType.PERSON), self.person_id
        assert self.group_id is not None, self
        return int(ObjectType.ACCESS_GROUP), self.group_id

    def owners(self) -> Collection[Key]:
        """Return the object that the rights are on."""
        return [(self.object_type, self.object_dbid)]

    def clean(self) -> None:
        """Refuse what is not exactly one subject.

        Raises:
            ValidationError: saying what to choose.
        """
        super().clean()
        if (self.person_id is None) == (self.group_id is None):
            raise ValidationError("choose either a person or a group")


class Credential(Guarded):
    """The SCRAM verifier of a person's password or of an application's secret."""

    person = models.ForeignKey(Person, models.CASCADE, null=True, related_name="credentials")
    application = models.ForeignKey(
        Application, models.CASCADE, null=True, related_name="credentials"
    )
    verifier = models.CharField(max_length=255)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person"], name="credential_person"),
            models.UniqueConstraint(fields=["application"], name="credential_application"),
            models.CheckConstraint(
                condition=models.Q(person__isnull=False, application__isnull=True)
                | models.Q(person__isnull=True, application__isnull=False),
                name="credential_of_person_or_application",
            ),
        ]

    def __str__(self) -> str:
        return f"credential of {self.person or self.application}"

    def owners(self) -> Collection[Key]:
        """Return the person or the application."""
        if self.person_id is not None:
            return [(int(ObjectType.PERSON), self.person_id)]
        assert self.application_id is not None, self.pk
        return [(int(ObjectType.APPLICATION), self.application_id)]
