"""The first admin: made on the first visit, with a one-time code that lies in the data folder.

Only where dibs listens on this machine alone, and only while there is no user: whoever reads the
code may read that folder, and so could make an admin anyway (`dibs user add`). The code is good
until there is a user.
"""

import hmac
from pathlib import Path

from engine.service.keys import write_private
from engine.service.people import passwords
from engine.service.people.book import People
from engine.service.people.records import Refusal, Signed

FILE = "first-admin.code"
_NAME = "#first"  # of its tries; no user is called so


class FirstAdmin:
    """Makes the first admin. With an empty `code` it makes nobody."""

    def __init__(self, people: People, code: str = "", path: Path | None = None) -> None:
        self._people, self._code, self._path = people, code, path

    @property
    def open(self) -> bool:
        """Whether somebody may still become the first admin."""
        return bool(self._code) and self._people.nobody

    def make(
        self, code: str, user: str, password: str, address: str, agent: str
    ) -> tuple[Signed, str] | Refusal:
        """Make the first admin and sign in; returns the session and its token."""
        if not self.open:
            return Refusal("first_admin_closed", "sign in, or use `dibs user add` on the server")
        if refusal := self._people.attempt(_NAME, address):
            return refusal
        if not hmac.compare_digest(code.strip().encode(), self._code.encode()):
            return Refusal("wrong_code", "use the code that `dibs up` has printed", "code")
        made = self._people.first(user, password)
        if isinstance(made, Refusal):
            return made
        forget(self._path)
        return self._people.begin(made, address, agent)


def offer(people: People, path: Path, *, local: bool) -> FirstAdmin:
    """Write a code to `path` (mode 0600) if there is nobody yet and only this machine can call
    (`local`)."""
    forget(path)
    if not local or not people.nobody:
        return FirstAdmin(people)
    code = passwords.temporary()
    write_private(path, code + "\n")
    return FirstAdmin(people, code, path)


def forget(path: Path | None) -> None:
    """Remove the code's file, if there is one."""
    if path:
        path.unlink(missing_ok=True)
