#!/usr/bin/env python3
"""tests/links.py [DIR]: every relative link and image of the .md files leads to a file, every #anchor to a heading of it.

Also: README.md has at most 120 lines, and an image of the docs at most 150 KB. Code blocks and code spans are not looked at.
"""
import os
import re
import sys
from pathlib import Path

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
MOST_LINES, MOST_BYTES = 120, 150_000
LEFT_OUT = {"build", "runs", "shared"}


def documents():
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(f for f in folders if f not in LEFT_OUT and not f.startswith("."))
        yield from (Path(folder) / name for name in sorted(names) if name.endswith(".md"))


def lines_of(path):
    """The lines outside of code blocks, with their numbers."""
    fence = ""
    for number, line in enumerate(path.read_text("utf-8").split("\n"), 1):
        mark = re.match(r" *(```+)", line)
        if fence:
            fence = "" if mark and mark[1] == fence else fence
        elif mark:
            fence = mark[1]
        else:
            yield number, line


def anchors_of(path):
    """What GitHub makes of the headings: lower case, blanks as hyphens, punctuation dropped, a number where one is repeated."""
    found = {}
    for _, line in lines_of(path):
        heading = re.match(r"#+ +(.*?) *#*$", line)
        if heading:
            text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
            name = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
            count = found[name] = found.get(name, -1) + 1
            yield f"{name}-{count}" if count else name


def problem(document, target):
    """What is wrong with the target of a link; None if nothing is."""
    if re.match(r"[a-z][a-z0-9+.-]*:", target):  # another host: not asked
        return None
    name, _, anchor = target.partition("#")
    path = (document.parent / name).resolve() if name else document
    if not path.is_relative_to(ROOT):
        return "leads out of the repository"
    if not path.exists():
        return "no such file"
    if anchor and anchor not in anchors_of(path):
        return "no such heading"
    if path.suffix == ".png" and path.stat().st_size > MOST_BYTES:
        return f"over {MOST_BYTES} bytes"
    return None


def main():
    bad, links = [], 0
    for document in documents():
        for number, line in lines_of(document):
            text = re.sub(r"(`+).*?\1", "", line)
            for target in re.findall(r"\]\(([^)\s]+)[^)]*\)", text) + re.findall(r'\b(?:src|href)="([^"]+)"', text):
                links += 1
                said = problem(document, target)
                if said:
                    bad.append(f"{document.relative_to(ROOT)}:{number}: {target}: {said}")
    count = len((ROOT / "README.md").read_text("utf-8").splitlines())
    if count > MOST_LINES:
        bad.append(f"README.md: {count} lines, more than {MOST_LINES}; what is long belongs into tools/docs/")
    print("\n".join(bad) if bad else f"{links} links hold")
    return bool(bad) or not links


if __name__ == "__main__":
    sys.exit(main())
