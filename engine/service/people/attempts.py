"""How often somebody may try: a bucket of tries for each key, refilled one by one, in bounded
memory.

Trying a name from one address takes from two buckets: the name's from there, which is small, and
the name's from everywhere, which is larger, so that who tries somebody else's name does not shut
that person out at once. The second keeps guesses below the hundred in a row that NIST SP 800-63B-4
(3.2.2) allows. When there are too many keys, the one that was tried longest ago is forgotten;
each try costs a hash, so forgetting takes longer than refilling.
"""

from collections import OrderedDict
from math import ceil

import msgspec

from engine.core import limits


class Bucket(msgspec.Struct, frozen=True):
    """So many tries at once, and one more after so many seconds."""

    tries: int
    every_s: float


HERE = Bucket(limits.SIGN_IN_TRIES, limits.SIGN_IN_RETRY_S)
ANYWHERE = Bucket(limits.SIGN_IN_TRIES_ANYWHERE, limits.SIGN_IN_RETRY_S)


class Attempts:
    """Tries by key. Times are seconds of any clock that only goes on."""

    def __init__(self, most: int = limits.ATTEMPTS_KEPT_MAX) -> None:
        self._most = most
        self._full_at: OrderedDict[tuple[str, ...], float] = OrderedDict()  # when full again

    def wait_s(self, name: str, address: str, now_s: float) -> int:
        """Return 0 and count a try, or return after how many seconds there is one again."""
        asked = (((name, address), HERE), ((name,), ANYWHERE))
        waits = [self._wait_s(key, bucket, now_s) for key, bucket in asked]
        if any(wait > 0 for wait in waits):
            return max(1, ceil(max(waits)))
        for key, bucket in asked:
            self._full_at[key] = max(self._full_at.get(key, now_s), now_s) + bucket.every_s
            self._full_at.move_to_end(key)
        while len(self._full_at) > self._most:
            self._full_at.popitem(last=False)
        return 0

    def _wait_s(self, key: tuple[str, ...], bucket: Bucket, now_s: float) -> float:
        owed_s = self._full_at.get(key, now_s) - now_s
        return owed_s - (bucket.tries - 1) * bucket.every_s

    def good(self, name: str, address: str) -> None:
        """Whoever came in there has all tries back."""
        self._full_at.pop((name, address), None)
        self._full_at.pop((name,), None)

    def __len__(self) -> int:
        return len(self._full_at)
