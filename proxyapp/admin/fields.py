"""Form fields of the administration: options as text, documents as JSON, rights as check boxes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput

from confwire.objects import Options
from proxyapp.admin import optiontext
from proxyapp.choices import CONNECTION_PROTOCOL_CHOICES, RIGHT_CHOICES

_AREA = {"class": "vLargeTextField code", "spellcheck": "false"}


def code_field(*, required: bool = True) -> forms.CharField:
    """Return a field for a code of a second factor; phones offer what a message brought."""
    looks = {"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
    widget = forms.TextInput(attrs=looks)
    return forms.CharField(label="Code", max_length=64, required=required, widget=widget)


class OptionsField(forms.CharField):
    """Options, edited as text: `[section]` and `option = value`."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.pop("encoder", None)
        kwargs.pop("decoder", None)
        kwargs["strip"] = False
        kwargs["widget"] = forms.Textarea(attrs=_AREA | {"rows": 12})
        kwargs["help_text"] = (
            "[section], and below it lines of the form: option = value. A bare integer is an"
            ' integer; as a text it is quoted: "2020". \\n in quotes is a line break. A secret'
            ' is given as: option = secret "text"; (secret) stands for one that is kept.'
        )
        super().__init__(**kwargs)
        self.before: Options = {}
        """The options as they stand; their secrets are shown by a word that stands for them."""

    def prepare_value(self, value: Any) -> Any:
        """Return the text of options; what was typed stays as it is."""
        return optiontext.serialize(value) if isinstance(value, dict) else value

    def to_python(self, value: Any) -> Options:  # type: ignore[override]
        """Read the text.

        Raises:
            ValidationError: naming the line.
        """
        if isinstance(value, dict):
            return value
        try:
            return optiontext.parse(super().to_python(value) or "", self.before)
        except optiontext.OptionTextError as error:
            raise ValidationError(str(error)) from error

    def run_validators(self, value: Any) -> None:
        """Leave the rules of options to their model."""

    def validate(self, value: Any) -> None:
        """Take empty options: no application needs any."""


class JSONText(forms.JSONField):
    """A JSON object, shown with indentation."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs["widget"] = forms.Textarea(attrs=_AREA | {"rows": 8})
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Return the text of a value; what was typed stays as it is."""
        if isinstance(value, InvalidJSONInput):
            return value
        return json.dumps(value, ensure_ascii=False, indent=2)

    def to_python(self, value: Any) -> Any:
        """Read the text; nothing is the empty object.

        Raises:
            ValidationError: it is no JSON, or no object.
        """
        if isinstance(value, str):
            value = _decoded(value)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise ValidationError('write a JSON object: {"name": value}')
        return value


def _decoded(text: str) -> Any:
    if not text.strip():
        return {}
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValidationError("the JSON is nested too deeply") from error
    except ValueError as error:
        raise ValidationError(f"this is no JSON: {error}") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no value")


class RightsField(forms.TypedMultipleChoiceField):
    """An access mask, as one check box a right."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            label=kwargs.get("label", "rights"),
            choices=[(str(bit), name) for bit, name in RIGHT_CHOICES],
            coerce=int,
            required=False,
            widget=forms.CheckboxSelectMultiple,
        )

    def prepare_value(self, value: Any) -> Any:
        """Return the bits of a mask."""
        if isinstance(value, int):
            return [str(bit) for bit, _ in RIGHT_CHOICES if value & bit]
        return value

    def clean(self, value: Any) -> int:
        """Return the mask of the bits."""
        bits: Sequence[int] = super().clean(value)
        return sum(bits)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether other boxes are ticked."""
        before = self.prepare_value(initial) or []
        return set(before) != {str(bit) for bit in data or []}


class ProtocolField(forms.CharField):
    """The protocol of a connection's keep-alive: none, ADDP, or what an import brought."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs["widget"] = forms.Select(choices=CONNECTION_PROTOCOL_CHOICES)
        super().__init__(**kwargs)

    def get_bound_field(self, form: Any, field_name: str) -> Any:
        """Offer the present value, too."""
        present = getattr(form.instance, field_name, "")
        choices = list(CONNECTION_PROTOCOL_CHOICES)
        if present not in dict(choices):
            choices.append((present, present))
        self.widget.choices = choices
        return super().get_bound_field(form, field_name)
