#!/usr/bin/python3
"""Python's csv as the other side: csv_peer.py read FILE prints a CSV file's rows as JSON; csv_peer.py write STYLE FILE
writes the rows that it reads as JSON, as a program of that style does."""
import csv
import json
import sys

STYLES = {
    "excel": dict(dialect="excel"),
    "unix": dict(dialect="unix"),
    "tab": dict(dialect="excel-tab"),
    "semicolon": dict(delimiter=";"),
    "numbers": dict(quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n"),
    "utf-16": dict(dialect="excel"),
    "utf-8-sig": dict(dialect="unix"),
}
if sys.argv[1] == "read":
    with open(sys.argv[2], newline="", encoding="utf-8") as file:
        json.dump(list(csv.reader(file, strict=True)), sys.stdout)
else:
    encoding = sys.argv[2] if sys.argv[2].startswith("utf") else "utf-8"
    with open(sys.argv[3], "w", newline="", encoding=encoding) as file:
        csv.writer(file, **STYLES[sys.argv[2]]).writerows(json.load(sys.stdin))
