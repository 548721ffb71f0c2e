#!/usr/bin/env python3
"""Conversions as Python's `decimal` makes them, for `auth/tests/rates.rs`.

    python3 auth/tests/rates/cases.py > auth/tests/rates/cases.txt

Each line: how the rate is found (direct, inverse, cross), from, to, rate, second rate of a cross, markup in basis points,
rounding, amount in minor units; then what comes out: the rate that is applied, its form in DE 10, minor units.
"""

import random
from decimal import ROUND_HALF_UP, ROUND_UP, Context, Decimal, localcontext

EXPONENTS = {"EUR": 2, "USD": 2, "UZS": 2, "GBP": 2, "JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3, "CLF": 4}
RATE = Context(prec=12, rounding=ROUND_HALF_UP)


def stated(random_):
    digits = random_.randint(1, 10 ** random_.randint(1, 12) - 1)
    decimals = random_.randint(0, 12)
    # Rates between a hundred thousandth and a hundred thousand are what there is.
    while not Decimal("0.00001") < Decimal(digits).scaleb(-decimals) < Decimal(100_000):
        digits, decimals = random_.randint(1, 10 ** random_.randint(1, 12) - 1), random_.randint(0, 12)
    return Decimal(digits).scaleb(-decimals)


def text(number):
    shown = f"{number:f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def applied(how, rate, second, markup):
    with localcontext(Context(prec=120)):
        dividend, divisor = (Decimal(1), rate) if how == "inverse" else (rate, Decimal(1))
        dividend *= Decimal(10_000 + markup)
        divisor *= 10_000
        if how == "cross":
            dividend *= second
    return RATE.divide(dividend, divisor)


def conversion_rate(rate):
    """Seven digits, the first of eight says how many of them are decimals."""
    for decimals in range(9, -1, -1):
        digits = rate.scaleb(decimals).quantize(Decimal(1), rounding=ROUND_HALF_UP, context=Context(prec=60))
        if digits < 10_000_000:
            if digits == 0:
                return "-"
            exact = -rate.normalize().as_tuple().exponent
            decimals_needed = max(0, min(decimals, exact))
            digits = rate.scaleb(decimals_needed)
            digits = digits.quantize(Decimal(1), rounding=ROUND_HALF_UP, context=Context(prec=60))
            return f"{decimals_needed}{int(digits):07d}"
    return "-"


def convert(minor, source, target, rate, rounding):
    with localcontext(Context(prec=120)):
        amount = Decimal(minor).scaleb(-EXPONENTS[source]) * rate
        unit = Decimal(1).scaleb(-EXPONENTS[target])
        rounded = amount.quantize(unit, rounding=ROUND_UP if rounding == "up" else ROUND_HALF_UP)
        units = max(int(rounded.scaleb(EXPONENTS[target])), 1 if minor else 0)
        return units if units < 10**15 else "-"


def main():
    random_ = random.Random(8583)
    for number in range(600):
        how = ("direct", "inverse", "cross")[number % 3]
        source, target, _ = random_.sample(sorted(EXPONENTS), 3)
        rate, second = stated(random_), stated(random_)
        markup = random_.choice([0, 0, 50, 175, 333, 5000])
        rounding = random_.choice(["half_up", "up"])
        minor = random_.choice([0, 1, 2, 5, 49, 50, random_.randint(1, 10_000), random_.randint(1, 10**9)])
        found = applied(how, rate, second, markup)
        if found < Decimal("1e-11") or found > Decimal("1e11"):
            continue
        out = convert(minor, source, target, found, rounding)
        second = text(second) if how == "cross" else "-"
        print(how, source, target, text(rate), second, markup, rounding, minor, text(found), conversion_rate(found), out)


main()
