"""What is told of a field."""

from __future__ import annotations

from confwire.objects import Field, Kind, ObjectInfo, ObjectType


def test_a_field_is_a_text_unless_it_says_otherwise():
    assert Field("x").kind is Kind.STRING


def test_fields_of_a_type_are_found_by_name():
    name = Field("name")
    info = ObjectInfo(ObjectType.SKILL, "skill", "skills", "Skill", (name,), ("name",))
    assert info.by_name == {"name": name}
