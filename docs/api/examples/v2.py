"""Sends a text by v2 and reads it back.  MESSA=https://… KEY=msk_… python v2.py +46701740605 'Räksmörgås'"""

import json
import os
import sys
import uuid
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen


def ask(path: str, body: Any = None, **headers: str) -> Any:
    """What the API answers; ends with its problem if there is one."""
    sent = {"Authorization": f"Bearer {os.environ['KEY']}", "Content-Type": "application/json", **headers}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(os.environ["MESSA"] + path, data, sent), timeout=30) as response:
            return json.load(response)
    except HTTPError as error:
        sys.exit(error.read().decode())


# the same key in each try of one thing: then it is done once, however often it has to be tried
key = str(uuid.uuid4())
message = ask("/v2/messages", {"to": sys.argv[1], "text": sys.argv[2]}, **{"Idempotency-Key": key})
print(message["status"])
print(ask(f"/v2/messages/{message['id']}")["text"])
