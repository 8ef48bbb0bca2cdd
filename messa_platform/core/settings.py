"""The settings of a deployment: each key declared once, typed, with its default and a sentence.

A room declares a *section*, a frozen dataclass whose fields are made by `key`; the composition root lists the sections and `load` reads
them from the ini file's dictionary. The environment goes before the file (`smtp.port` is `MESSA_SMTP_PORT`), and a secret is read from
the environment alone. A key that no section declares, or a value that does not fit, stops the start with `WrongSettings`, which names
every one of them.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
Networks = tuple[IPNetwork, ...]

S = TypeVar("S")

# What PasteDeploy puts beside the keys.
FOREIGN_KEYS = frozenset({"here", "__file__"})


class WrongSettings(Exception):
    """The settings cannot be used; the text has a line for each fault, naming its key."""


def key(default: Any, says: str, *, secret: bool = False) -> Any:
    """Declare one setting: its default (the field's type is its type) and the sentence that explains it."""
    return dataclasses.field(default=default, metadata={"says": says, "secret": secret})


class Settings:
    """The sections that were read, by their class: `settings[SmtpSettings].port`."""

    def __init__(self, sections: Mapping[type[Any], Any]) -> None:
        self._sections = dict(sections)

    def __getitem__(self, section: type[S]) -> S:
        found: S = self._sections[section]
        return found


def _boolean(text: str) -> bool:
    words = {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
    }
    return words[text.strip().lower()]


def _networks(text: str) -> Networks:
    return tuple(ipaddress.ip_network(word, strict=True) for word in text.replace(",", " ").split())


_READERS: dict[Any, tuple[Callable[[str], Any], str]] = {
    str: (str.strip, "a text"),
    int: (int, "a whole number"),
    float: (float, "a number"),
    bool: (_boolean, "true or false"),
    Path: (lambda text: Path(text.strip()), "a path"),
    Networks: (_networks, "addresses or networks such as 192.0.2.7 or 192.0.2.0/24, separated by spaces"),
}


def section_name(section: type[Any]) -> str:
    """The word before the dot in the keys of `section`."""
    name: str = section.SECTION
    return name


def declared(sections: Iterable[type[Any]]) -> dict[str, tuple[type[Any], dataclasses.Field[Any]]]:
    """Every declared key, as it stands in the file, with its section and field."""
    return {f"{section_name(s)}.{f.name}": (s, f) for s in sections for f in dataclasses.fields(s)}


def load(
    sections: Iterable[type[Any]], values: Mapping[str, str], environment: Mapping[str, str]
) -> Settings:
    """Read `sections` from an ini file's dictionary and the environment. Raises `WrongSettings`."""
    sections = tuple(sections)
    keys = declared(sections)
    faults = [
        f"{name}: no such setting; is it misspelt?"
        for name in values
        if name not in keys and name not in FOREIGN_KEYS
    ]
    read: dict[type[Any], dict[str, Any]] = {section: {} for section in sections}
    for name, (section, field) in keys.items():
        variable = "MESSA_" + name.replace(".", "_").upper()
        if field.metadata["secret"] and name in values:
            faults.append(
                f"{name}: is a secret and does not belong in a file; set {variable} in the environment"
            )
            continue
        text = environment.get(variable, values.get(name))
        if text is None:
            continue
        reader, wanted = _READERS[get_type_hints(section)[field.name]]
        try:
            read[section][field.name] = reader(text)
        except (ValueError, KeyError):
            shown = "the value" if field.metadata["secret"] else repr(text)
            faults.append(f"{name}: {shown} is not {wanted}")
    if faults:
        raise WrongSettings("\n".join(faults))
    try:
        return Settings({section: section(**found) for section, found in read.items()})
    except ValueError as fault:  # a section's __post_init__ checks what one type cannot
        raise WrongSettings(str(fault)) from fault
