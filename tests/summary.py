#!/usr/bin/python3
"""summary.py RESULTS.xml: the 20 slowest tests, and a table of the skipped cases by reason, from `ctest --output-junit RESULTS.xml`.

A case may be skipped for what the machine or the kind of build cannot have or do (EXPECTED). Any other reason is a hole that tools/setup.sh or the test
should close: exit code 1.
"""
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter

EXPECTED = ("no GPU", "shared data absent", "sanitizer: ", "not allowed here: ")


def reason_of(output):
    """What GTEST_SKIP() was given; a script's last line."""
    given = re.search(r": Skipped\n(.*)", output)
    lines = [line for line in output.splitlines() if line.strip()]
    return given.group(1).strip() if given else lines[-1].strip() if lines else "no reason given"


def print_slowest(cases, count=20):
    seconds = sorted(((float(case.get("time", 0)), case.get("name")) for case in cases), reverse=True)
    print(f"{len(seconds)} tests, {sum(s for s, _ in seconds):.0f} s one after the other; the slowest:")
    for s, name in seconds[:count]:
        print(f"{s:7.1f}  {name}")


def main():
    reasons = Counter()
    cases = list(ElementTree.parse(sys.argv[1]).iter("testcase"))
    print_slowest(cases)
    for case in cases:
        if case.get("status") == "notrun" or case.find("skipped") is not None:
            reason = reason_of(case.findtext("system-out") or "")
            reasons[reason.split(":")[0] if reason.startswith(EXPECTED) else reason] += 1
    holes = [reason for reason in reasons if not (reason + ": ").startswith(EXPECTED)]
    print(f"{sum(reasons.values())} cases skipped")
    for reason, count in reasons.most_common():
        print(f"{count:7}  {reason}{'   <- not to be skipped' if reason in holes else ''}")
    return 1 if holes else 0


if __name__ == "__main__":
    sys.exit(main())
