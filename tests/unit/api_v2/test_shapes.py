"""Shapes: what is quickly said to be right is what Cerberus finds nothing wrong with, and what is wrong is pointed at."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from messa_platform.api_v2 import message_shapes, thread_shapes, usage_shapes
from messa_platform.api_v2.operations import Shape
from messa_platform.api_v2.quick import compiled
from messa_platform.api_v2.shapes import CHECKS, Checker, check, fits, json_schema, moment, pointer

SHAPES = [
    shape
    for module in (message_shapes, thread_shapes, usage_shapes)
    for shape in vars(module).values()
    if isinstance(shape, Shape)
]

_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 200), st.text(max_size=5), st.just("x" * 2001), st.just("a\0b"), st.just(""),
    st.sampled_from(["+46701740605", "2026-12-24T15:00:00+01:00", "01a21b9c-8f00-7a4e-9d3b-1f2e3d4c5b6a", "out", "GSM", "\ud800"]),
)  # fmt: skip


def documents(schema: Any) -> st.SearchStrategy[Any]:
    """Documents that nearly fit: known fields with values of any kind, now and then an unknown one."""
    fields = {name: st.one_of(_fitting(rules), _VALUES) for name, rules in schema.items()}
    needed = {name: _fitting(rules) for name, rules in schema.items() if rules.get("required")}
    others = {name: field for name, field in fields.items() if name not in needed}
    known = st.fixed_dictionaries({}, optional=fields)
    return st.one_of(
        known, st.fixed_dictionaries(needed, optional=others),
        known.map(lambda d: {**d, "unknown": 1}), _VALUES,
    )  # fmt: skip


def _fitting(rules: Any) -> st.SearchStrategy[Any]:
    if rules["type"] == "list":
        return st.lists(documents(rules["schema"]["schema"]), max_size=3)
    if rules["type"] == "dict":
        return (
            documents(rules["schema"])
            if "schema" in rules
            else st.dictionaries(st.text(max_size=3), _VALUES, max_size=3)
        )
    if "allowed" in rules:
        return st.sampled_from(rules["allowed"])
    example_of = rules.get("meta", {}).get("example")
    return {"integer": st.integers(0, 9), "boolean": st.booleans()}.get(
        rules["type"], st.just(example_of or "x")
    )


@settings(max_examples=150, deadline=None)
@pytest.mark.parametrize(
    "shape",
    [
        message_shapes.SEND,
        message_shapes.DRY,
        thread_shapes.CHANGE,
        Shape("Parameters", usage_shapes.PARAMETERS, ""),
    ],
    ids=lambda shape: shape.name,
)
@given(data=st.data())
def test_the_quick_yes_is_cerberus_own(shape: Shape, data: st.DataObject) -> None:
    document = data.draw(documents(shape.schema))
    slow = isinstance(document, dict) and Checker(dict(shape.schema), allow_unknown=False).validate(
        document, normalize=False
    )
    assert fits(shape.schema, document) == slow, document
    assert (check(shape.schema, document) == []) == slow


def test_ten_thousand_recipients_are_looked_at_in_no_time() -> None:
    schema = message_shapes.SEND.schema
    recipients: list[dict[str, Any]] = [
        {"to": f"+4670{n:07}", "values": {"namn": "Karin"}} for n in range(10_000)
    ]
    began = time.perf_counter()
    assert check(schema, {"text": "Hej {namn}", "recipients": recipients}) == []
    recipients[9_999] = {"to": 7}
    recipients[500] = {"too": "7"}
    faults = check(schema, {"text": "Hej {namn}", "recipients": recipients})
    assert time.perf_counter() - began < 2
    assert [f.pointer for f in faults] == ["/recipients/500/to", "/recipients/500/too", "/recipients/9999/to"]


def test_no_more_faults_are_told_than_anybody_reads() -> None:
    faults = check(message_shapes.SEND.schema, {"text": "Hej", "recipients": [{}] * 10_000})
    assert len(faults) == 100


def test_a_rule_that_the_quick_way_does_not_know_stops_the_start() -> None:
    with pytest.raises(ValueError, match="dependencies"):
        compiled({"a": {"type": "string", "dependencies": "b"}}, {})
    assert set(CHECKS) == {"moment", "day", "uuid", "storable"}


@pytest.mark.parametrize(
    "written", ["2026-12-24T15:00:00+01:00", "2026-12-24t14:00:00z", "2026-12-24T14:00:00.000Z"]
)
def test_a_time_is_read_as_rfc_3339_writes_it(written: str) -> None:
    assert moment(written).isoformat() == "2026-12-24T14:00:00+00:00"


@pytest.mark.parametrize(
    "written",
    [
        "2026-12-24",
        "2026-12-24T15:00:00",
        "2026-12-24 15:00:00Z",
        "",
        "Z",
        "i morgon",
        "2026-13-01T00:00:00Z",
    ],
)
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"time|isoformat|month"):
        moment(written)


def test_a_pointer_escapes_what_would_part_it() -> None:
    assert pointer(["a/b", "~c", 0], "/x") == "/x/a~1b/~0c/0"


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_each_field_is_described(shape: Shape) -> None:
    def look(drawn: dict[str, Any], path: str) -> None:
        for name, rules in drawn.get("properties", {}).items():
            inner = rules.get("items", rules)
            assert rules.get("description") or rules.get("examples") or "properties" in inner, (
                f"{path}/{name}"
            )
            look(inner, f"{path}/{name}")

    look(json_schema(shape.schema), shape.name)


@example("x")
@given(st.text(max_size=30))
def test_what_cannot_be_stored_is_found(written: str) -> None:
    holds, _ = CHECKS["storable"]
    try:
        storable = "\0" not in written and bool(written.encode() or True)
    except UnicodeEncodeError:
        storable = False
    assert holds(written) == storable
