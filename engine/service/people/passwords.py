"""Passwords: hashed with Argon2id, and judged by their length.

The cost is OWASP's for a server that has other work as well (Password Storage Cheat Sheet: 19 MiB,
two passes, one lane). Length, normalisation and the absence of rules about kinds of characters are
those of NIST SP 800-63B-4, section 3.1.1: fifteen characters, because there is no second factor.
"""

import secrets
import unicodedata

import argon2

from engine.core import limits
from engine.service.people.records import Refusal

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is read as another
_GROUPS, _GROUP_LETTERS = 4, 5
_DISTINCT_MIN = 5


class Hasher:
    """Hashes and checks passwords: tens of milliseconds of one core, without the interpreter."""

    def __init__(
        self,
        memory_kib: int = limits.PASSWORD_MEMORY_KIB,
        passes: int = limits.PASSWORD_PASSES,
    ) -> None:
        self._argon = argon2.PasswordHasher(passes, memory_kib, parallelism=1)
        self._nobody = self.hash(secrets.token_hex())

    def hash(self, password: str) -> str:
        """Return what is stored of a password."""
        return self._argon.hash(_plain(password))

    def fits(self, stored: str | None, password: str) -> bool:
        """Say whether it is the password. Where there is nobody (`stored` is None), this takes as
        long and says no, so that nobody learns who is there."""
        try:
            self._argon.verify(stored or self._nobody, _plain(password))
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
        return stored is not None


def _plain(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


def fault(password: str, user: str, path: str) -> Refusal | None:
    """Return why this is no good password for a user, else None."""
    least, text = limits.PASSWORD_CHARS_MIN, _plain(password).casefold()
    if len(_plain(password)) < least:
        return Refusal("weak_password", f"use {least} characters or more: a sentence will do", path)
    if len(set(text)) < _DISTINCT_MIN or not text.replace(user, "").strip():
        return Refusal("weak_password", "use something that is harder to guess", path)
    return None


def temporary() -> str:
    """Return a password to be read out once and replaced: 99 bits in letters and digits."""
    letters = [secrets.choice(_LETTERS) for _ in range(_GROUPS * _GROUP_LETTERS)]
    return "-".join("".join(letters[n::_GROUPS]) for n in range(_GROUPS))
