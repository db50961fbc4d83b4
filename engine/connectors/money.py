"""Amounts: channels write decimals, dibs keeps integer minor units."""

from decimal import ROUND_HALF_EVEN, Decimal

# Currencies whose minor unit is not a hundredth (ISO 4217).
_WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"
_DIGITS = dict.fromkeys(_WHOLE.split(), 0) | dict.fromkeys(_THOUSANDTHS.split(), 3)


def minor(amount: Decimal, currency: str) -> int:
    """Return an amount in minor units of its currency, halves to the even one."""
    scaled = amount.scaleb(_DIGITS.get(currency, 2))
    return int(scaled.quantize(Decimal(1), ROUND_HALF_EVEN))


def decimal(amount: int, currency: str) -> str:
    """Return minor units as the decimal that a channel expects."""
    digits = _DIGITS.get(currency, 2)
    return str(Decimal(amount).scaleb(-digits).quantize(Decimal(1).scaleb(-digits)))
