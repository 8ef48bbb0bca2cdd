"""Sends a text by the legacy API and asks for its status.  MESSA=https://… KEY=session-key python legacy.py +46701740605 'Räksmörgås'"""

import os
import sys
from urllib.parse import urlencode
from urllib.request import urlopen
from xml.etree import ElementTree


def ask(**parameters: str) -> dict[str, str]:
    """What the API answers: the attributes of its element."""
    form = urlencode({"api_user": os.environ["KEY"], **parameters}).encode()
    with urlopen(os.environ["MESSA"] + "/data_db/api.aspx", form, timeout=30) as response:
        return ElementTree.fromstring(response.read()).attrib


sent = ask(phone_number=sys.argv[1], message=sys.argv[2])
print(sent["code"])
if sent["id"]:
    print(ask(id=sent["id"])["value"])
