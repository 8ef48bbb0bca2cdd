"""The documented numbers, and the guide that documents them."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import phonenumbers
import pytest

from messa_platform.providers.simulator.behaviour import DEFAULT, DOCUMENTED, Answer, Take, behaviour_of
from messa_platform.providers.simulator.conditions import Conditions
from messa_platform.providers.simulator.config import SimulatorConfig, add_arguments, config_of

GUIDE = (Path(__file__).parents[4] / "docs" / "simulator.md").read_text(encoding="utf-8")


def table_under(heading: str) -> list[list[str]]:
    """The rows of the first table under a heading of the guide, without its own heading."""
    section = GUIDE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[2:]]


def test_the_guide_documents_exactly_the_numbers_that_the_code_knows() -> None:
    documented = [tuple(row) for row in table_under("Numbers with built-in faults")]
    assert documented == [(entry.number, entry.name, entry.en) for entry in DOCUMENTED.values()]


def test_the_guide_documents_every_fault_on_demand() -> None:
    shares = {name for name in Conditions().as_json() if not name.endswith("_ms")}
    assert {row[0].strip("`") for row in table_under("Faults on demand")} == shares
    assert all(f"`{name}`" in GUIDE for name in Conditions().as_json())


def test_the_guide_documents_every_argument_with_its_default() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    add_arguments(parser)
    defaults = {action.option_strings[0]: action.default for action in parser._actions}
    documented = {row[0].strip("`").split()[0]: row[1] for row in table_under("Starting it")}
    assert documented.keys() == defaults.keys()
    unlike = {"--journal", "--secret"}
    assert {name: str(value) for name, value in defaults.items() if name not in unlike} == {
        name: value for name, value in documented.items() if name not in unlike
    }


def test_a_command_line_of_defaults_is_the_default_configuration(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert config_of(parser.parse_args(["--journal", str(tmp_path)])) == SimulatorConfig(journal=tmp_path)


def test_a_negative_port_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--journal", str(tmp_path), "--http-port", "-1"])
    assert "--http-port" in capsys.readouterr().err


@pytest.mark.parametrize("number", DOCUMENTED)
def test_a_documented_number_is_a_possible_swedish_mobile_outside_the_range_of_examples(number: str) -> None:
    assert not number.startswith("+467017")
    assert phonenumbers.is_valid_number(phonenumbers.parse(number))


def test_names_are_not_used_twice() -> None:
    assert len({entry.name for entry in DOCUMENTED.values()}) == len(DOCUMENTED)


def test_what_is_not_taken_promises_no_receipt() -> None:
    never = [entry for entry in DOCUMENTED.values() if entry.take in (Take.REFUSED, Take.LOST)]
    assert never
    assert all(not entry.receipts and entry.reply is None for entry in never)


def test_any_other_number_takes_and_answers_at_once() -> None:
    ordinary = behaviour_of("+46701740605")
    assert ordinary is DEFAULT
    assert (ordinary.take, ordinary.answer) == (Take.TAKEN, Answer.PROMPT)
    assert [receipt.status for receipt in ordinary.receipts] == ["DELIVERED"]
