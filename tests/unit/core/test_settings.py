"""Settings: read from the file and the environment, or the start stops and says why."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from messa_platform.core.settings import Networks, WrongSettings, key, load


@dataclass(frozen=True)
class Harbour:
    """Settings such as a room has them."""

    SECTION: ClassVar[str] = "harbour"
    name: str = key("Kapellskär", "What it is called.")
    berths: int = key(12, "How many boats it holds.")
    depth: float = key(4.5, "Metres of water.")
    open: bool = key(True, "Whether boats may come in.")
    chart: Path = key(Path("chart.png"), "A picture of it.")
    neighbours: Networks = key((), "Who may call.")
    password: str = key("", "What the keeper knows.", secret=True)

    def __post_init__(self) -> None:
        if self.berths < 0:
            raise ValueError(f"harbour.berths: {self.berths} is less than none")


@dataclass(frozen=True)
class Boat:
    """Another room's settings."""

    SECTION: ClassVar[str] = "boat"
    name: str = key("Havsörnen", "What it is called.")


def read(values: Mapping[str, str], environment: Mapping[str, str] | None = None) -> Harbour:
    return load([Harbour, Boat], values, environment or {})[Harbour]


def test_what_is_not_set_has_its_default() -> None:
    assert read({}) == Harbour()


def test_each_value_is_read_as_its_type() -> None:
    given = {
        "harbour.name": " Furusund ",
        "harbour.berths": "7",
        "harbour.depth": "3.25",
        "harbour.open": "no",
        "harbour.chart": "/srv/furusund.png",
        "harbour.neighbours": "192.0.2.7, 2001:db8::/32",
    }
    networks = (ipaddress.ip_network("192.0.2.7/32"), ipaddress.ip_network("2001:db8::/32"))
    assert read(given) == Harbour("Furusund", 7, 3.25, False, Path("/srv/furusund.png"), networks)


def test_sections_keep_to_themselves() -> None:
    settings = load([Harbour, Boat], {"boat.name": "Ejdern"}, {})
    assert settings[Boat].name == "Ejdern"
    assert settings[Harbour].name == "Kapellskär"


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(WrongSettings, match=r"^harbour\.bertsh: no such setting"):
        read({"harbour.bertsh": "7"})


def test_a_key_of_a_section_that_nobody_has_is_named() -> None:
    with pytest.raises(WrongSettings, match=r"marina\.name"):
        read({"marina.name": "Furusund"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("harbour.berths", "seven"),
        ("harbour.berths", "7.5"),
        ("harbour.depth", "deep"),
        ("harbour.open", "perhaps"),
        ("harbour.neighbours", "192.0.2.7/24"),
        ("harbour.neighbours", "localhost"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_key(name: str, value: str) -> None:
    with pytest.raises(WrongSettings, match="is not") as caught:
        read({name: value})
    assert str(caught.value).startswith(f"{name}: '{value}'")


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(WrongSettings) as caught:
        read(
            {"harbour.berths": "seven", "harbour.name": "Furusund", "harbuor.open": "no", "harbour.open": "?"}
        )
    named = {line.partition(":")[0] for line in str(caught.value).splitlines()}
    assert named == {"harbour.berths", "harbuor.open", "harbour.open"}


def test_what_one_type_cannot_tell_the_section_checks() -> None:
    with pytest.raises(WrongSettings, match=r"harbour\.berths: -1 is less than none"):
        read({"harbour.berths": "-1"})


def test_the_environment_goes_before_the_file() -> None:
    assert read({"harbour.berths": "7"}, {"MESSA_HARBOUR_BERTHS": "9"}).berths == 9


def test_a_wrong_value_from_the_environment_is_named_by_its_key() -> None:
    with pytest.raises(WrongSettings, match=r"^harbour\.berths: 'many'"):
        read({"harbour.berths": "7"}, {"MESSA_HARBOUR_BERTHS": "many"})


def test_a_secret_comes_from_the_environment() -> None:
    assert read({}, {"MESSA_HARBOUR_PASSWORD": "sjöbjörn"}).password == "sjöbjörn"


def test_a_secret_in_the_file_stops_the_start_and_is_not_repeated() -> None:
    with pytest.raises(WrongSettings, match="MESSA_HARBOUR_PASSWORD") as caught:
        read({"harbour.password": "sjöbjörn"})
    assert str(caught.value).startswith("harbour.password: ")
    assert "sjöbjörn" not in str(caught.value)


def test_what_paste_deploy_puts_beside_the_keys_is_let_be() -> None:
    assert read({"here": "/srv", "__file__": "/srv/it.ini"}) == Harbour()


def test_other_variables_of_the_environment_are_let_be() -> None:
    assert read({}, {"MESSA_HARBOUR": "x", "PATH": "/bin", "MESSA_SOMETHING_ELSE": "1"}) == Harbour()
