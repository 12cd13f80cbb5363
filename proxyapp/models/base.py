"""What every relational configuration object has: DBID, place, state, annex and natural key."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from hashlib import blake2b
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models

from confwire.objects import OBJECTS, ObjectInfo, ObjectType
from proxyapp.choices import STATE_CHOICES
from proxyapp.models.door import Guarded, Key
from proxyapp.models.options import validate_options, validate_text

_SEPARATOR = "\x1f"  # no name holds it: control characters are refused
_LONGEST_KEY = 1000  # bytes; an index of PostgreSQL takes 2,700


def key_of(values: Iterable[str | int]) -> str:
    """Return the text by which objects of one natural key are equal, whatever their case."""
    folded = [unicodedata.normalize("NFC", str(value)).casefold() for value in values]
    text = _SEPARATOR.join(folded)
    data = text.encode(errors="surrogatepass")
    if len(data) > _LONGEST_KEY:
        return "digest" + _SEPARATOR + blake2b(data, digest_size=32).hexdigest()
    return text


class Configured(Guarded):
    """An object of the configuration; one row, published as one document."""

    TYPE: ClassVar[ObjectType]
    NATURAL: ClassVar[str] = "name"
    """The field that a message about a taken natural key is shown at."""

    dbid = models.BigIntegerField("DBID", primary_key=True, editable=False)
    state = models.CharField(max_length=10, choices=STATE_CHOICES, default="enabled")
    annex = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_options],
        help_text='{"section": {"option": value}}',
    )
    folder = models.ForeignKey(
        "proxyapp.Folder", models.PROTECT, null=True, blank=True, related_name="+"
    )
    key = models.TextField(editable=False)
    """The natural key, folded; unique in the type."""

    class Meta:
        abstract = True

    @property
    def object_type(self) -> ObjectType:
        """The type of the object."""
        return self.TYPE

    @property
    def info(self) -> ObjectInfo:
        """What is known of the object's type."""
        return OBJECTS[self.object_type]

    @property
    def is_enabled(self) -> bool:
        """Whether the object is in use."""
        return self.state == "enabled"

    def owners(self) -> Collection[Key]:
        """Return the object itself."""
        return [(int(self.object_type), self.dbid)]

    def computed_columns(self) -> frozenset[str]:
        """Return the columns that `prepare` computes."""
        return frozenset({"key"})

    def natural_values(self) -> list[str | int]:
        """Return the values of the natural key."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Give columns their types, names the composed form, and compute what follows."""
        for field in self._meta.concrete_fields:
            value = getattr(self, field.attname)
            if value is not None and not field.is_relation:
                value = field.to_python(value)
                if isinstance(value, str) and not value.isascii():
                    value = unicodedata.normalize("NFC", value)
                setattr(self, field.attname, value)
        self.key = key_of(self.natural_values())

    def clean(self) -> None:
        """Check what concerns several columns or other objects.

        Raises:
            ValidationError: with code "unique" when another object has the natural key.
        """
        super().clean()
        self.prepare()
        if self.namesakes().exists():
            raise ValidationError({self.NATURAL: ValidationError(self._taken(), code="unique")})
        if self.folder is not None:
            refusal = self.folder.refusal_of(self)
            if refusal:
                raise ValidationError({"folder": refusal})

    def namesakes(self) -> models.QuerySet[Any]:
        """Return the other objects that have this object's natural key."""
        return type(self)._default_manager.filter(key=self.key).exclude(pk=self.pk)

    def _taken(self) -> str:
        return f"{self.info.title.lower()} {self} exists already: choose another name"


class Named(Configured):
    """An object that is told apart by its name."""

    name = models.CharField(max_length=255, validators=[validate_text])

    class Meta(Configured.Meta):
        abstract = True
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def natural_values(self) -> list[str | int]:
        """Return the name."""
        return [self.name]


def unique_key(model: str) -> models.UniqueConstraint:
    """Return the constraint that a natural key is there once."""
    return models.UniqueConstraint(fields=["key"], name=f"{model}_natural_key")
