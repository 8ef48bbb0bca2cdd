"""The catalogues are complete; and what is not complete is seen."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from messa_platform.core.i18n import LANGUAGES

REPOSITORY = Path(__file__).parents[2]


def script(name: str) -> ModuleType:
    """A script of the project, to call its functions."""
    spec = importlib.util.spec_from_file_location(name, REPOSITORY / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


catalogues = script("catalogues")


def test_every_text_is_translated_and_no_catalogue_holds_another() -> None:
    faults = catalogues.faults()
    if faults:
        pytest.fail("\n".join(["run `make translations`, then translate:", *faults]), pytrace=False)


def test_there_is_a_catalogue_for_each_language_but_that_of_the_ids() -> None:
    languages = {language for language, _ in catalogues.catalogue_files(catalogues.PACKAGE)}
    assert languages == set(LANGUAGES) - {"en"}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package that shows a few texts, in Python and in a template."""
    (tmp_path / "pages").mkdir()
    (tmp_path / "views.py").write_text(
        "speech.gettext('Hello %(name)s', name=name)\nNAMES = {1: msgid('One')}\n", "utf-8"
    )
    (tmp_path / "pages" / "page.jinja2").write_text(
        "{{ _('<b>Bold</b>') }}{% trans %}\n  25 % of\n  it\n{% endtrans %}"
        "{{ ngettext('%(num)s text', '%(num)s texts', n) }}",
        "utf-8",
    )
    (tmp_path / "locale" / "sv" / "LC_MESSAGES").mkdir(parents=True)
    return tmp_path


def catalogue(package: Path) -> Path:
    return package / "locale" / "sv" / "LC_MESSAGES" / "messa.po"


COMPLETE = {
    "Hello %(name)s": "Hej %(name)s",
    "One": "Ett",
    "<b>Bold</b>": "<b>Fet</b>",
    "25 %% of it": "25 %% av det",
}
TEXTS = 'msgid "%(num)s text"\nmsgid_plural "%(num)s texts"\nmsgstr[0] "{one}"\nmsgstr[1] "{many}"\n'


def write(package: Path, *, one: str = "Ett sms", many: str = "%(num)s sms", **other: str | None) -> None:
    """Write the package's catalogue; `other` goes in place of, or beside, what belongs there, and None leaves it out."""
    entries = {**COMPLETE, **other}
    body = [f'msgid "{key}"\nmsgstr "{value}"\n' for key, value in entries.items() if value is not None]
    catalogue(package).write_text("\n".join([*body, TEXTS.format(one=one, many=many)]), "utf-8")


def faults(package: Path) -> str:
    found: list[str] = catalogues.faults(package)
    return "\n".join(found)


def test_a_complete_catalogue_has_no_fault_once_it_is_written_as_it_should_be(package: Path) -> None:
    write(package)
    assert "not as this script writes it" in faults(package)
    catalogues.update(package)
    assert faults(package) == ""
    before = catalogue(package).read_bytes()
    catalogues.update(package)
    assert catalogue(package).read_bytes() == before


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"One": None}, "'One' is missing"),
        ({"One": ""}, "'One' is not translated"),
        ({"Two": "Två"}, "'Two' is shown nowhere"),
        ({"Hello %(name)s": "Hej"}, "'Hello %(name)s' has values other than its translation"),
        ({"Hello %(name)s": "Hej %(namn)s"}, "has values other than its translation"),
        ({"Hello %(name)s": "Hej %(name)"}, "bare percent sign"),
        ({"25 %% of it": "25 % av det"}, "bare percent sign"),
        ({"<b>Bold</b>": "<b>Fet<b>"}, "has tags other than its translation"),
        ({"One": "Ett "}, "ends with a space"),
        ({"many": ""}, "('%(num)s text', '%(num)s texts') is not translated"),
        ({"many": "%(n)s sms"}, "has values other than its translation"),
    ],
)
def test_what_is_wrong_is_said(package: Path, given: dict[str, Any], fault: str) -> None:
    write(package, **given)
    assert fault in faults(package)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ('#, fuzzy\nmsgid "One"\nmsgstr "Ett"\n', "'One' is marked fuzzy"),
        ('#~ msgid "Gone"\n#~ msgstr "Borta"\n', "'Gone' is shown nowhere"),
    ],
)
def test_guesses_and_leavings_are_seen(package: Path, given: str, fault: str) -> None:
    write(package, One=None)
    file = catalogue(package)
    file.write_text(file.read_text("utf-8") + "\n" + given, "utf-8")
    assert fault in faults(package)


def test_an_update_takes_in_what_is_new_untranslated_and_drops_what_is_gone(package: Path) -> None:
    changed: dict[str, Any] = {"Hello name": "Hej du", "Hello %(name)s": None}
    write(package, **changed)
    catalogues.update(package)
    assert faults(package) == "sv: 'Hello %(name)s' is not translated"
    assert "Hej du" not in catalogue(package).read_text("utf-8")


def test_a_template_with_a_fault_is_named(package: Path) -> None:
    (package / "pages" / "broken.jinja2").write_text("<p>\n{% if %}", "utf-8")
    with pytest.raises(catalogues.Unreadable, match=r"broken\.jinja2:2"):
        catalogues.faults(package)


def test_the_command_fails_where_something_is_left_to_do(
    package: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(catalogues, "faults", lambda: ["sv: 'One' is missing"])
    monkeypatch.setattr(catalogues, "update", lambda: pytest.fail("a check changes nothing"))
    assert catalogues.main(["--check"]) == 1
    assert "make translations" in capsys.readouterr().out
    monkeypatch.setattr(catalogues, "faults", lambda: [])
    assert catalogues.main(["--check"]) == 0
