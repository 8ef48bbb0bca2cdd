"""What a client asks for, however it writes it (spec A2).

The clients were written for ASP.NET, where `Request["name"]` takes a parameter from the query, else from the form, whatever the case of its
name, and where a form is a form whatever the client says that it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from urllib.parse import unquote_to_bytes

MOST_BYTES = 65_536
"""Of a body; the longest text has 1,377 characters, of nine escaped bytes at the most each."""

NAMES = ("api_user", "phone_number", "message", "id")
_OTHER_NAMES = {"api_sess": "api_user"}
"""The manual speaks of `api_sess`, too, and means the same."""


class NotUtf8(Exception):
    """A value's bytes are no UTF-8: in another encoding the text would go out garbled."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters, each "" if it did not come. `key` is the session key: never to be logged."""

    key: str = field(repr=False)
    phone_number: str
    message: str
    id: str

    @property
    def asks_status(self) -> bool:
        """Whether a status is asked for: there is an id, and nothing to be sent."""
        return bool(self.id.strip()) and not self.phone_number.strip() and not self.message.strip()


def read(query: bytes, content_type: str, body: bytes) -> Asked:
    """Read a request's parameters. Raises `NotUtf8`."""
    found: dict[str, bytes] = {}
    for name, value in (*_pairs(query), *_form(content_type, body)):
        found.setdefault(name, value)
    return Asked(
        _text(found, "api_user").strip(),
        _plus(_text(found, "phone_number")),
        _text(found, "message"),
        _text(found, "id"),
    )


def _text(found: Mapping[str, bytes], name: str) -> str:
    try:
        return found.get(name, b"").decode("utf-8")
    except UnicodeDecodeError:
        raise NotUtf8(name) from None


_UNESCAPED_PLUS = re.compile(r"\s+(?=[1-9])")


def _plus(written: str) -> str:
    """A `+` that nobody escaped arrives as a space; before a 0, though, there never was one."""
    found = _UNESCAPED_PLUS.match(written)
    return f"+{written[found.end() :]}" if found else written


def _form(content_type: str, body: bytes) -> Iterator[tuple[str, bytes]]:
    if content_type.strip().lower().startswith("multipart/form-data"):
        return _parts(content_type, body)
    return _pairs(body)


def _pairs(encoded: bytes) -> Iterator[tuple[str, bytes]]:
    """The known ones among `name=value&…` (`;` does not part them: a text may hold one that was not escaped)."""
    for pair in encoded.split(b"&"):
        name, _, value = pair.partition(b"=")
        known = _known(_unquoted(name))
        if known:
            yield known, _unquoted(value)


_UTF16 = re.compile(rb"(?:%u[0-9a-fA-F]{4})+")


def _unquoted(escaped: bytes) -> bytes:
    # a body may end with a line break that was not meant
    plain = escaped.rstrip(b"\r\n").replace(b"+", b" ")
    return unquote_to_bytes(_UTF16.sub(_in_utf8, plain))


def _in_utf8(found: re.Match[bytes]) -> bytes:
    """`%u00e5` and so on, as `escape` of old scripts writes; half a surrogate pair stays what it is, no UTF-8."""
    units = bytes.fromhex(found[0].replace(b"%u", b"").decode())
    return units.decode("utf-16-be", "surrogatepass").encode("utf-8", "surrogatepass")


def _known(name: bytes) -> str | None:
    plain = name.decode("latin-1").strip().lower()
    plain = _OTHER_NAMES.get(plain, plain)
    return plain if plain in NAMES else None


def _parts(content_type: str, body: bytes) -> Iterator[tuple[str, bytes]]:
    """The fields of `multipart/form-data` (RFC 7578), as PHP's curl sends an array."""
    headers = BytesHeaderParser()
    boundary = headers.parsebytes(
        b"Content-Type: " + content_type.encode("latin-1", "replace")
    ).get_boundary()
    if not boundary:
        return
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1", "replace"))[1:]:
        head, separator, value = part.partition(b"\r\n\r\n")
        if not separator:
            continue
        field = headers.parsebytes(head.strip() + b"\r\n\r\n").get_param("name", header="content-disposition")
        known = _known(str(field or "").encode("latin-1", "replace"))
        if known:
            yield known, value
