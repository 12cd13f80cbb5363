"""Why an import did not take place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proxyapp.services.environments.natural_keys import NaturalKey

Findings = Mapping[str, Sequence[tuple[NaturalKey, Sequence[str]]]]
"""Heading -> the objects that it concerns, with what is wrong with each."""


class FileError(Exception):
    """A file has not the form of an environment file; the text says which file, and where."""


class ValidationFailed(Exception):
    """Objects of the files cannot be imported; the text lists them."""

    def __init__(self, findings: Findings) -> None:
        lines = ["Validation failed."]
        for heading, objects in findings.items():
            if objects:
                lines.append(f"{heading}:")
            for key, problems in objects:
                lines.append(f"  - {key}:")
                lines += [f"    - {problem}" for problem in problems]
        super().__init__("\n".join(lines))
        self.findings = findings
