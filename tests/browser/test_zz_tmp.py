import pytest
from tests.support.browser import axe, fits, weight, shot
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("path", ["/", "/guide", "/sign-in", "/forgot"])
def test_public(visitor, path, width):
    page = visitor(width=width); page.goto(path); page.wait_for_load_state("networkidle")
    print("W", path, weight(page), [(r.url.split("/",3)[3], r.sizes()["responseBodySize"]) for r in __import__("tests.support.browser").support.browser._VISITS[page.context].finished[page]])
    axe(page); fits(page); shot(page, "x"+path.strip("/"))
