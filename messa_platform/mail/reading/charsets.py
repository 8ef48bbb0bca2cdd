"""Bytes to text, whatever the mail says about its charset. Nothing here raises."""

from __future__ import annotations

import binascii
import codecs
import re
from encodings.aliases import aliases
from functools import lru_cache

# The codecs a mail may name. Python knows more, and not all of them are for strangers: `punycode` and `idna` take quadratic time,
# `unicode_escape` warns, and asking for an unknown name searches the disk and remembers the name for ever.
_ALLOWED_NAMES = """
ascii utf_8 utf_7 utf_16 utf_16_le utf_16_be utf_32 utf_32_le utf_32_be
iso8859_2 iso8859_3 iso8859_4 iso8859_5 iso8859_6 iso8859_7 iso8859_8 iso8859_9 iso8859_10 iso8859_11 iso8859_13 iso8859_14
iso8859_15 iso8859_16 cp437 cp850 cp852 cp858 cp865 cp866 cp874 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258
koi8_r koi8_u koi8_t mac_roman mac_latin2 mac_cyrillic mac_greek mac_turkish mac_iceland tis_620
gb18030 hz big5 big5hkscs cp950 cp932 euc_jp euc_jis_2004 iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_jp_3 iso2022_jp_ext
iso2022_kr cp949 johab
"""
_ALLOWED = frozenset(_ALLOWED_NAMES.split())

# Names that Python lacks, and names that in mail mean a wider set than they say: WHATWG's Encoding Standard reads `iso-8859-1` as
# windows-1252, `gb2312` as gb18030, `shift_jis` as windows-31j and `euc-kr` as windows-949, and so do mail programs.
_OURS = {
    "latin_1": "cp1252",
    "windows1252": "cp1252",
    "win_1252": "cp1252",
    "ansi": "cp1252",
    "iso_8859_8_i": "iso8859_8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "x_sjis": "cp932",
    "euc_kr": "cp949",
    "ks_c_5601_1987": "cp949",
    "x_mac_roman": "mac_roman",
    "x_mac_swedish": "mac_roman",
    "macroman": "mac_roman",
}

_WORD_BREAK = re.compile(r"[^a-z0-9]+")

# Single-byte sets in which text that happens to be valid UTF-8 beyond ASCII is practically always UTF-8 with a wrong label.
_WESTERN = frozenset({"cp1252", "iso8859_15"})


@lru_cache(maxsize=256)
def _codec(name: str) -> str | None:
    """Python's codec for a charset name from a mail; None if it says nothing usable, ASCII included."""
    key = _WORD_BREAK.sub("_", name.lower()).strip("_")
    codec = aliases.get(key, key)
    codec = _OURS.get(key) or _OURS.get(codec, codec)
    return codec if codec in _ALLOWED and codec != "ascii" else None


def decode(data: bytes, charset: str = "") -> str:
    """The text of `data`; `charset` is the declared name, which may be missing, unknown or a lie."""
    codec = _codec(charset[:60]) if charset else None
    if codec is None or codec == "utf_8":
        return guess(data)
    if codec in _WESTERN:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            return data.decode(codec, "replace")
    if codec.startswith(("utf_16", "utf_32")) and b"\0" not in data:
        return guess(data)  # 16-bit text has a NUL in each of its newlines and spaces
    return data.decode(codec, "replace")


def guess(data: bytes) -> str:
    """The text of `data` whose charset nobody tells: UTF-8 if it can be that, else windows-1252."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    lenient = data.decode("utf-8", "replace")
    broken = lenient.count("\ufffd")
    beyond_ascii = len(lenient) - len(lenient.encode("ascii", "ignore"))
    # UTF-8 that was cut in mid-character or lost a byte is still mostly whole.
    return lenient if beyond_ascii > 2 * broken else data.decode("cp1252", "replace")


_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes(sorted(set(range(256)) - set(_BASE64)))


def from_base64(data: bytes) -> bytes:
    """Base64 undone: strange characters are skipped, padding may lack, and what follows the padding is no part of it."""
    data = data.partition(b"=")[0].translate(None, _NOT_BASE64)
    if len(data) % 4 == 1:  # 6 bits are no byte
        data = data[:-1]
    return binascii.a2b_base64(data + b"=" * (-len(data) % 4))


def looks_like_base64(data: bytes) -> bool:
    """Whether `data` up to its padding is mostly of the alphabet: some gateways say base64 and send the bare text."""
    data = data.partition(b"=")[0]
    others = len(data.translate(None, _BASE64 + b"\r\n"))
    return len(data) > 0 and others * 20 <= len(data)


# NUL cannot be stored in PostgreSQL, lone surrogates cannot be encoded, and the rest is invisible and would cost an SMS its 160
# characters: soft hyphen, zero-width space, word joiner, byte order mark, Apple's mark where a picture was. The zero-width joiner
# stays, emojis are made with it.
_ODD = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u200b\u2028\u2029\u2060\ufdd0\ufdd1\ufeff\ufffc\ud800-\udfff]"
)
_BREAKS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")


def clean(text: str) -> str:
    """`text` without characters that no SMS and no database should get: newlines are `\\n`, tabs are blanks."""
    if _ODD.search(text) is None:
        return text
    return _ODD.sub("", _BREAKS.sub("\n", text).replace("\t", " "))


_JUNK = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x9f\ufffd]")


def is_junk(text: str) -> bool:
    """Whether `text`, not yet cleaned, is something binary: more than one in ten of its first 4,000 characters is a control."""
    sample = text[:4000]
    return _JUNK.search(sample) is not None and len(_JUNK.findall(sample)) * 10 > len(sample)
