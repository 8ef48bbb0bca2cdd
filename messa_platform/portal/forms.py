"""Forms: what was written, what is wrong with it, and the values that were read. Validation is Cerberus's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cerberus
from pyramid.request import Request
from webob.multidict import MultiDict

MOST_CHARACTERS = 20_000
"""Of one field, at the most; longer ones are cut before anything looks at them."""


@dataclass(slots=True)
class Form:
    """A form on its way between page and view.

    `values` are the fields as written, for showing them again; `errors` a sentence for each field that is wrong, "" for the form as a
    whole; `read` what the schema made of the values.
    """

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    read: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.errors

    def fail(self, name: str, sentence: str) -> None:
        """Say what is wrong with a field; the first word about it stands."""
        self.errors.setdefault(name, sentence)


def written(post: MultiDict) -> dict[str, str]:
    """The text fields of a posted form, line ends as LF; the last one counts where a name comes twice."""
    return {
        name: value.replace("\r\n", "\n")[:MOST_CHARACTERS].replace("\x00", "")
        for name, value in post.items()
        if isinstance(value, str) and name != "csrf_token"
    }


def asked(request: Request, name: str, most: int = 200) -> str:
    """What the address asks for under this name, "" if nothing; a query that is no UTF-8 asks for nothing."""
    try:
        words: str = request.GET.get(name, "")
    except UnicodeDecodeError:
        return ""
    return words.strip()[:most]


def read(schema: Mapping[str, Any], post: MultiDict, sentences: Mapping[str, str]) -> Form:
    """Read a posted form by a Cerberus schema; `sentences` says for each field what to do if it does not fit."""
    form = Form(values=written(post))
    validator = cerberus.Validator(dict(schema), purge_unknown=True)
    if validator.validate({name: form.values.get(name, "") for name in schema}):
        form.read = dict(validator.document)
    else:
        for name in validator.errors:
            form.fail(str(name), sentences[str(name)])
    return form
