"""Why an address that was asked gave no answer, in words."""

from __future__ import annotations

from collections.abc import Mapping

from messa_platform.core.i18n import msgid
from messa_platform.core.outbound import Fault

FAULTS: Mapping[Fault, str] = {
    Fault.BAD_URL: msgid("The address is not a web address."),
    Fault.NOT_HTTPS: msgid("The address does not begin with https."),
    Fault.UNKNOWN_HOST: msgid("There is no server by that name."),
    Fault.INTERNAL: msgid("The address leads into an internal network."),
    Fault.PORT: msgid("The address names a port that is not for web servers."),
    Fault.UNREACHABLE: msgid("The server cannot be reached."),
    Fault.BAD_CERTIFICATE: msgid("The server's certificate is not valid for its name."),
    Fault.TOO_SLOW: msgid("The server did not answer in time."),
    Fault.TOO_LARGE: msgid("The server's answer is too large."),
    Fault.REDIRECT: msgid("The server sends us on to another address, which we do not follow."),
    Fault.BROKEN: msgid("The server broke off, or what it answered is not HTTP."),
}
