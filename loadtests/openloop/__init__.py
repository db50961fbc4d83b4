"""Load as it comes from outside: requests arrive when they arrive, not when the server is ready.

A closed loop waits for an answer before it sends again, so a server that stalls is asked less and
looks better than it is (coordinated omission). Here the arrivals are fixed before the run, a
request whose turn has come while all connections are busy waits, and its latency counts from when
it was due. `core.pyx` is the generator; the rest of the folder is what goes in and what comes out.

    schedule → arrivals ┐
    mix      → requests ┴→ core → histogram, outcome
"""

try:
    from loadtests.openloop import core
except ImportError as error:
    raise ImportError(
        f"the load generator is not compiled ({error}): run `make build`; it needs Linux"
    ) from error

__all__ = ["core"]
