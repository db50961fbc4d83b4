"""Istanbul's clock, in which some channels write times without saying so."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Istanbul")
_FORMATS = ("%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%d-%m-%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y")


def moment(given: str | int | None) -> datetime | None:
    """Return a time: milliseconds since 1970, or a text, which is Istanbul's where it names no
    zone. None for what is no time."""
    if given is None or given == "":
        return None
    text = str(given).strip()
    if text.lstrip("-").isdigit():
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    found = _parsed(text)
    if found is None:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=ZONE)).astimezone(UTC)


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for form in _FORMATS:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None


def milliseconds(given: str | int | None) -> int:
    """Return the same as milliseconds since 1970; 0 for what is no time."""
    found = moment(given)
    return int(found.timestamp() * 1000) if found else 0
