#!/usr/bin/env python3
"""Writes calendars.csv: ranges of dates by pandas, a row for each alias and start: the alias, then the times.

    pip install pandas          # 3.1.1 was used
    python3 tests/golden/generate_calendars.py
"""

import warnings
from pathlib import Path

import pandas

warnings.simplefilter("ignore")
HERE = Path(__file__).resolve().parent
DAYS = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
ROWS = 20

aliases = ["us", "250us", "ms", "10ms", "s", "30s", "min", "5min", "15min", "30min", "h", "2h", "8h", "1h30min", "bh", "3bh"]
aliases += ["D", "2D", "10D", "B", "2B", "C", "4W-MON", "2W-SAT"] + [f"W-{day}" for day in DAYS]
aliases += ["MS", "ME", "BMS", "BME", "2MS", "6ME", "3BME", "CBMS", "CBME"]
aliases += ["WOM-1MON", "WOM-3FRI", "LWOM-FRI", "2WOM-2TUE"]
aliases += [f"{kind}-{month}" for kind in ["QS", "QE", "BQS", "BQE"] for month in ["JAN", "FEB", "MAR", "NOV"]]
aliases += [f"{kind}-{month}" for kind in ["YS", "YE", "BYS", "BYE"] for month in ["JAN", "MAR", "JUN", "DEC"]]
aliases += ["2QS-FEB", "3YE-JUN"]
aliases += ["SMS", "SME", "2SMS", "3SME", "SMS-10", "SME-20", "2SME-7", "cbh", "2cbh"]
aliases += ["1.5h", "0.5D", "2.5min", "1D 12h", "15 min", "1000ns", "2000000ns", "Min", "MIN"]
aliases += ["d", "b", "c", "2b", "w-WED", "W-Sun", "3W-TUE", "13W-FRI", "4QE-JAN", "2YS-OCT", "2BME", "2BQS-FEB", "5B", "7C"]
# Spellings that pandas 3 takes no more, and the ones that took their place.
old = {"M": "ME", "2M": "2ME", "BM": "BME", "CBM": "CBME", "Q": "QE", "2Q": "2QE", "Q-MAR": "QE-MAR", "BQ": "BQE", "BQ-FEB": "BQE-FEB"}
old |= {"A": "YE", "A-JUN": "YE-JUN", "Y": "YE", "Y-MAR": "YE-MAR", "BA": "BYE", "BY": "BYE", "BA-OCT": "BYE-OCT", "AS": "YS"}
old |= {"AS-APR": "YS-APR", "BAS": "BYS", "SM": "SME", "SM-10": "SME-10", "H": "h", "3H": "3h", "BH": "bh", "CBH": "cbh", "T": "min"}
old |= {"15T": "15min", "1H30T": "1h30min", "S": "s", "10S": "10s", "L": "ms", "50L": "50ms", "U": "us", "7U": "7us", "1000N": "1000ns"}

with open(HERE / "calendars.csv", "w") as file:
    for alias in [*aliases, *old]:
        for start in ["1999-11-17 00:00", "2024-02-28 09:00"]:
            times = pandas.date_range(start, periods=ROWS, freq=old.get(alias, alias))
            form = "%Y-%m-%dT%H:%M:%S.%f" if any(times.microsecond) else "%Y-%m-%dT%H:%M:%S"
            dates = all(time.time() == times[0].time() for time in times) and times[0].time() == pandas.Timestamp(0).time()
            file.write(",".join([alias, *times.strftime("%Y-%m-%d" if dates else form)]) + "\n")
