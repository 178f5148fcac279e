"""Public holidays, from the ``holidays`` library. Pure: a country and a year in, days and their English names out.

The library looks at files whenever it makes a calendar. So the years that anybody asks for are made at once, when the hours
that name the country are made (at the start, from app.yaml), and no event loop waits for a disk later.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import date
from functools import lru_cache

import holidays

YEARS = range(2010, 2061)
"""The years made at once: some 10 ms a country. Others are made when asked for."""


def days_off(country: str, subdivision: str | None, year: int) -> Mapping[date, str]:
    """The public holidays of a year. Raises ``ValueError`` that names an unknown country or subdivision.

    Years that the library knows nothing of have none. Holidays by the moon are estimates until they are announced.
    """
    made = _made(country, subdivision)
    return made[year] if year in YEARS else _one_year(country, subdivision, year)


@lru_cache(maxsize=1024)
def _made(country: str, subdivision: str | None) -> Mapping[int, Mapping[date, str]]:
    by_year: dict[int, dict[date, str]] = {year: {} for year in YEARS}
    for day, name in _ask(country, subdivision, YEARS).items():
        by_year[day.year][day] = name
    return by_year


@lru_cache(maxsize=1024)
def _one_year(country: str, subdivision: str | None, year: int) -> Mapping[date, str]:
    return _ask(country, subdivision, range(year, year + 1))


def _ask(country: str, subdivision: str | None, years: range) -> dict[date, str]:
    code = country.upper()
    if len(code) != 2 or not code.isascii() or not code.isalpha():
        raise _unknown(country)
    with warnings.catch_warnings():
        # "Available only from 2001 to 2035": the days that it knows will do.
        warnings.simplefilter("ignore", UserWarning)
        try:
            holidays.country_holidays(code)
        except NotImplementedError:
            raise _unknown(country) from None
        try:
            made = holidays.country_holidays(code, subdivision, years, expand=False, language="en_US")
        except NotImplementedError:
            raise ValueError(
                f"no holidays are known for {subdivision!r} in {code}: "
                "write its ISO 3166-2 code without the country"
            ) from None
    return dict(made.items())


def _unknown(country: str) -> ValueError:
    return ValueError(f"no holidays are known for country {country!r}: write its ISO code, such as DE or US")
