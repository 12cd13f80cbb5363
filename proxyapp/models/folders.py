"""Tenants, and the tree of folders that every object lies in."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from confwire.objects import BY_NAME, OBJECTS, ObjectType
from proxyapp.choices import FOLDER_TYPE_CHOICES, OBJECT_TYPE_CHOICES, OWNED_TYPES
from proxyapp.models.base import Configured, Named, unique_key

ENVIRONMENT = 1
"""DBID of the tenant Environment, which owns what belongs to no tenant."""


class Tenant(Named):
    """A company, or a part of one, with its own configuration."""

    TYPE = ObjectType.TENANT

    chargeable_number = models.CharField(max_length=255, blank=True)
    parent_tenant = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="+"
    )
    default_capacity_rule_dbid = models.BigIntegerField(
        "default capacity rule (DBID)", default=0, blank=True
    )
    default_contract_dbid = models.BigIntegerField("default contract (DBID)", default=0, blank=True)

    class Meta(Named.Meta):
        constraints = [unique_key("tenant")]

    @property
    def is_service_provider(self) -> bool:
        """Whether this is the tenant that all others belong to."""
        return self.pk == ENVIRONMENT


class Folder(Named):
    """A place for objects of one type; a folder of type "folder" holds folders of any type."""

    TYPE = ObjectType.FOLDER

    type = models.CharField("holds", max_length=40, choices=FOLDER_TYPE_CHOICES)
    owner_type = models.PositiveSmallIntegerField(
        choices=OBJECT_TYPE_CHOICES, default=int(ObjectType.TENANT), editable=False
    )
    owner_dbid = models.BigIntegerField("owner (DBID)", default=ENVIRONMENT, editable=False)
    folder_class = models.CharField(max_length=40, blank=True)
    custom_type = models.IntegerField(default=0, blank=True)
    description = models.CharField(max_length=255, blank=True)
    resources = models.JSONField(default=list, blank=True, editable=False)

    class Meta(Named.Meta):
        constraints = [unique_key("folder")]
        indexes = [models.Index(fields=["owner_type", "owner_dbid", "type"], name="folder_owner")]

    def natural_values(self) -> list[str | int]:
        """Return owner, parent, type and name."""
        return [self.owner_type, self.owner_dbid, self.folder_id or 0, self.type, self.name]

    def computed_columns(self) -> frozenset[str]:
        """Return the owner too."""
        return super().computed_columns() | {"owner_type", "owner_dbid"}

    def prepare(self) -> None:
        """Take the owner of the folder above."""
        if self.folder is not None:
            self.owner_type, self.owner_dbid = self.folder.owner_type, self.folder.owner_dbid
        super().prepare()

    def clean(self) -> None:
        """Refuse a folder that would lie in itself or under nothing, or move to another owner.

        Raises:
            ValidationError: naming the field.
        """
        above = self.folder
        while above is not None:
            if above.pk == self.pk:
                raise ValidationError({"folder": "a folder cannot lie in itself"})
            above = above.folder
        owner = self.owner_type, self.owner_dbid
        super().clean()
        if self.is_root and not self._may_be_root():
            raise ValidationError({"folder": "choose the folder that this one is to lie in"})
        if not self._state.adding and owner != (self.owner_type, self.owner_dbid):
            raise ValidationError({"folder": "a folder stays with its owner: make a new one there"})

    def _may_be_root(self) -> bool:
        """Whether the owner has folders of this type, and this is its first one."""
        owner_type = OWNED_TYPES.get(BY_NAME[self.type].type, ObjectType.TENANT)
        roots = Folder.objects.filter(
            type=self.type, owner_type=self.owner_type, owner_dbid=self.owner_dbid, folder=None
        )
        return self.owner_type == owner_type and not roots.exclude(pk=self.pk).exists()

    @property
    def is_root(self) -> bool:
        """Whether this is the default folder of its type, right under its owner."""
        return self.folder_id is None

    def refusal_of(self, content: Configured) -> str:
        """Say why an object cannot lie in this folder; empty when it can."""
        info = OBJECTS[content.object_type]
        held = content.type if isinstance(content, Folder) else info.name
        if self.type != held and not (self.type == "folder" and isinstance(content, Folder)):
            return f"folder {self.name} holds objects of type {self.type}, not {held}"
        owner = _owner_of(content)
        if owner is not None and owner != (self.owner_type, self.owner_dbid):
            title = OBJECTS[ObjectType(owner[0])].title.lower()
            return f"folder {self.name} is no folder of the {title} with DBID {owner[1]}"
        return ""

    @property
    def owner(self) -> dict[str, Any]:
        """The object that the folder belongs to, as in documents."""
        name = OBJECTS[ObjectType(self.owner_type)].name
        return {"objectType": name, "DBID": self.owner_dbid}

    @owner.setter
    def owner(self, value: dict[str, Any] | None) -> None:
        if value:  # else it is that of the folder above
            self.owner_type = int(BY_NAME[value["objectType"]].type)
            self.owner_dbid = value["DBID"]


def _owner_of(content: Any) -> tuple[int, int] | None:
    """Return the object whose folders this one must lie in, where it has one."""
    owner: tuple[int, int] | None = getattr(content, "folder_owner", None)
    if owner is None and getattr(content, "tenant_id", None):
        owner = int(ObjectType.TENANT), content.tenant_id
    return owner
