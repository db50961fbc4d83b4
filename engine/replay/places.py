"""Real cities for locations, and ISO 3166 codes for the country names met in order files."""

import unicodedata

from engine.core.commands import PutLocation

# City, outward code or first postcode, latitude, longitude. The first ones are chosen first.
CITIES = {
    "GB": (
        ("London", "E16", 51.50, 0.05),
        ("Manchester", "M17", 53.46, -2.30),
        ("Glasgow", "G51", 55.86, -4.31),
        ("Bristol", "BS11", 51.51, -2.68),
        ("Leeds", "LS10", 53.78, -1.53),
        ("Birmingham", "B6", 52.50, -1.87),
        ("Cardiff", "CF24", 51.48, -3.14),
        ("Belfast", "BT3", 54.61, -5.90),
        ("Newcastle", "NE11", 54.94, -1.62),
        ("Norwich", "NR6", 52.66, 1.27),
        ("Exeter", "EX5", 50.72, -3.45),
        ("Aberdeen", "AB12", 57.12, -2.08),
    ),
    "BR": (
        ("São Paulo", "01000-000", -23.51, -46.73),
        ("Rio de Janeiro", "20000-000", -22.86, -43.25),
        ("Belo Horizonte", "30000-000", -19.86, -43.96),
        ("Curitiba", "80000-000", -25.49, -49.33),
        ("Recife", "50000-000", -8.07, -34.92),
        ("Porto Alegre", "90000-000", -30.00, -51.19),
        ("Salvador", "40000-000", -12.91, -38.45),
        ("Brasília", "70000-000", -15.79, -47.95),
        ("Fortaleza", "60000-000", -3.83, -38.51),
        ("Manaus", "69000-000", -3.11, -59.97),
    ),
}

COUNTRIES = {
    "Australia": "AU",
    "Austria": "AT",
    "Bahrain": "BH",
    "Belgium": "BE",
    "Brazil": "BR",
    "Canada": "CA",
    "Channel Islands": "JE",
    "Cyprus": "CY",
    "Czech Republic": "CZ",
    "Denmark": "DK",
    "EIRE": "IE",
    "Finland": "FI",
    "France": "FR",
    "Germany": "DE",
    "Greece": "GR",
    "Hong Kong": "HK",
    "Iceland": "IS",
    "Israel": "IL",
    "Italy": "IT",
    "Japan": "JP",
    "Lebanon": "LB",
    "Lithuania": "LT",
    "Malta": "MT",
    "Netherlands": "NL",
    "Norway": "NO",
    "Poland": "PL",
    "Portugal": "PT",
    "RSA": "ZA",
    "Saudi Arabia": "SA",
    "Singapore": "SG",
    "Spain": "ES",
    "Sweden": "SE",
    "Switzerland": "CH",
    "USA": "US",
    "United Arab Emirates": "AE",
    "United Kingdom": "GB",
}


def warehouses(country: str, count: int) -> list[PutLocation]:
    """Return `count` warehouses in that country's cities; beyond the list, a city has several."""
    cities = CITIES[country]
    found = []
    for index in range(count):
        name, postcode, latitude, longitude = cities[index % len(cities)]
        lap = index // len(cities)
        suffix = f"-{lap + 1}" if lap else ""
        found.append(
            PutLocation(
                location=f"{country}-{_ascii(name)}{suffix}".upper().replace(" ", "-"),
                name=f"{name} warehouse{suffix}",
                kind="warehouse",
                country=country,
                postcode=postcode,
                latitude=latitude,
                longitude=longitude,
                priority=100 + index,
            )
        )
    return found


def _ascii(name: str) -> str:
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
