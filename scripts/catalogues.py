"""Keeps the catalogues of what people read: `messa_platform/locale/<language>/LC_MESSAGES/messa.po`.

    .venv/bin/python scripts/catalogues.py            takes in new texts, drops those that are gone, sorts
    .venv/bin/python scripts/catalogues.py --check    changes nothing; fails, and says why, where a catalogue is not complete

A text is found where `_`, `gettext`, `ngettext` or `msgid` is called on it, in Python and in templates, and in `{% trans %}`.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, cast

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po
from jinja2 import TemplateSyntaxError

PACKAGE = Path(__file__).parents[1] / "messa_platform"

METHODS = [("**.py", "python"), ("**.jinja2", "jinja2.ext:babel_extract")]
# as core/i18n.py sets up the templates' environment
OPTIONS = {"**.jinja2": {"silent": "false", "trimmed": "true", "newstyle_gettext": "true"}}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "msgid": None}

# No dates and no program's version in it: the file changes only where a text does.
HEADER = """\
# {name} for messa; kept by scripts/catalogues.py.
msgid ""
msgstr ""
"Language: {catalogue.locale}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {catalogue.plural_forms}\\n"

"""

PLACEHOLDER = re.compile(r"%\((\w+)\)s")
TAG = re.compile(r"</?[a-z][^>]*>", re.IGNORECASE)


class Unreadable(Exception):
    """A template cannot be read; the text says which one, and where."""


def extracted(package: Path) -> Catalog:
    """All texts that the package shows. Raises `Unreadable`."""
    found = Catalog()
    last = ""

    def note(filename: str, method: str, options: dict[str, Any]) -> None:
        nonlocal last
        last = filename

    try:
        keywords = cast(Any, KEYWORDS)
        for _, _, message, _, _ in extract_from_dir(package, METHODS, OPTIONS, keywords, callback=note):
            found.add(message)
    except TemplateSyntaxError as error:
        raise Unreadable(f"{package / last}:{error.lineno}: {error.message}") from error
    return found


def catalogue_files(package: Path) -> list[tuple[str, Path]]:
    """The languages that there are catalogues for, and these."""
    files = sorted((package / "locale").glob("*/LC_MESSAGES/messa.po"))
    return [(file.parts[-3], file) for file in files]


def read(language: str, file: Path) -> Catalog:
    """A catalogue as it is."""
    with file.open("rb") as opened:
        return read_po(opened, locale=language, abort_invalid=True)


def updated(language: str, file: Path, texts: Catalog) -> Catalog:
    """A catalogue with the texts that there are and no others. What is new has no translation: none is guessed."""
    catalogue = read(language, file)
    catalogue.update(texts, no_fuzzy_matching=True)
    return catalogue


def written(catalogue: Catalog) -> bytes:
    """A catalogue as a file: sorted, without the places where the texts stand, which would change with every line."""
    body = BytesIO()
    write_po(
        body, catalogue, width=110, no_location=True, omit_header=True, sort_output=True, ignore_obsolete=True
    )
    name = catalogue.locale.english_name if catalogue.locale else ""
    return HEADER.format(name=name, catalogue=catalogue).encode() + body.getvalue()


def forms(text: Any) -> tuple[str, ...]:
    """The forms of a text: one, or for one and for many."""
    return tuple(text) if isinstance(text, list | tuple) else (text or "",)


def values_in(text: str) -> set[str]:
    """The names of the values that a text has places for. That of `num` may be left out: "one message"."""
    return set(PLACEHOLDER.findall(text)) - {"num"}


def has_bare_percent(text: str) -> bool:
    """Whether a percent sign stands in it that begins no value and is not doubled."""
    return "%" in PLACEHOLDER.sub("", text.replace("%%", ""))


def faults_of(message: Message, num_plurals: int) -> Iterator[str]:
    """What is wrong with one entry."""
    ids, strings = forms(message.id), forms(message.string)
    if message.fuzzy:
        yield "is marked fuzzy"
    if any(has_bare_percent(text) for text in ids + strings):
        yield "has a bare percent sign; write %%, or %(name)s for a value"
    if not all(text.strip() for text in strings) or (len(ids) > 1 and len(strings) != num_plurals):
        yield "is not translated"
        return
    for wanted, text in zip(ids if len(ids) > 1 else ids * len(strings), strings, strict=False):
        if values_in(text) != values_in(wanted):
            yield f"has values other than its translation: {text!r}"
        if Counter(TAG.findall(text)) != Counter(TAG.findall(wanted)):
            yield f"has tags other than its translation: {text!r}"
        if (text[:1].isspace(), text[-1:].isspace()) != (wanted[:1].isspace(), wanted[-1:].isspace()):
            yield f"begins or ends with a space where its translation does not, or the other way: {text!r}"


def faults(package: Path = PACKAGE) -> list[str]:
    """Why the catalogues are not complete; a line for each reason. Raises `Unreadable`."""
    texts = extracted(package)
    known = {message.id for message in texts if message.id}
    found = []
    for language, file in catalogue_files(package):
        catalogue = read(language, file)
        entries = {message.id: message for message in catalogue if message.id}
        found += [f"{language}: {text!r} is missing" for text in known - entries.keys()]
        found += [f"{language}: {text!r} is shown nowhere" for text in entries.keys() - known]
        found += [f"{language}: {text!r} is shown nowhere" for text in catalogue.obsolete]
        found += [
            f"{language}: {text!r} {fault}"
            for text, message in entries.items()
            for fault in faults_of(message, catalogue.num_plurals)
        ]
        if not found and file.read_bytes() != written(updated(language, file, texts)):
            found.append(f"{language}: {file} is not as this script writes it")
    return sorted(found)


def update(package: Path = PACKAGE) -> None:
    """Bring the catalogues up to date. Raises `Unreadable`."""
    texts = extracted(package)
    for language, file in catalogue_files(package):
        file.write_bytes(written(updated(language, file, texts)))


def main(arguments: Sequence[str]) -> int:
    """Update or check; 1 if something is left to do."""
    parser = argparse.ArgumentParser(description="Keeps the catalogues of what people read.")
    parser.add_argument("--check", action="store_true", help="change nothing")
    asked = parser.parse_args(arguments)
    try:
        if not asked.check:
            update()
        found = faults()
    except Unreadable as error:
        found = [str(error)]
    for fault in found:
        print(fault)
    if found and asked.check:
        print("Take in what is new by `make translations`, then translate it in messa_platform/locale.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
