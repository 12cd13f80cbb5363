"""The object model: every object type, its fields, and what they refer to.

One declarative table serves documents, filters, references, import, JSON Schema and the
reference page. It knows no storage, no framework and no input or output. Types and numbers:
the product's object model; a document is the JSON form of one object.
"""

from __future__ import annotations

from confwire.objects.choices import (
    APP_TYPES,
    GROUP_TYPES,
    HOST_TYPES,
    OS_TYPES,
    REDUNDANCY_TYPES,
    STATES,
    SUPER_ADMINISTRATORS,
    TRACE_MODES,
    is_server_type,
)
from confwire.objects.fields import Document, Field, Kind, ObjectInfo, Options
from confwire.objects.references import references_of
from confwire.objects.table import BY_NAME, BY_PLURAL, FOLDER_TYPES, OBJECTS, name_field
from confwire.objects.types import ObjectType

__all__ = [
    "APP_TYPES",
    "BY_NAME",
    "BY_PLURAL",
    "FOLDER_TYPES",
    "GROUP_TYPES",
    "HOST_TYPES",
    "OBJECTS",
    "OS_TYPES",
    "REDUNDANCY_TYPES",
    "STATES",
    "SUPER_ADMINISTRATORS",
    "TRACE_MODES",
    "Document",
    "Field",
    "Kind",
    "ObjectInfo",
    "ObjectType",
    "Options",
    "is_server_type",
    "name_field",
    "references_of",
]
