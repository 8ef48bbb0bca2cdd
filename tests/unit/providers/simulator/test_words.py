"""What the page says."""

from __future__ import annotations

import re

from messa_platform.providers.simulator.replies import ReplyProblem
from messa_platform.providers.simulator.words import WORDS, Language


def test_the_page_says_the_same_things_in_both_languages() -> None:
    assert WORDS[Language.SV].keys() == WORDS[Language.EN].keys()
    for key, sentence in WORDS[Language.SV].items():
        blanks = set(re.findall(r"\{\w+\}", sentence))
        assert blanks == set(re.findall(r"\{\w+\}", WORDS[Language.EN][key])), key
    assert {f"problem_{problem.name}" for problem in ReplyProblem} <= WORDS[Language.SV].keys()
