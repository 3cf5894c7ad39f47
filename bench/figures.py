#!/usr/bin/env python3
"""Results of the bench as a page and a picture.

  figures.py RESULTS DIRECTORY  writes figures.md and figures.svg, and prints the short table
  figures.py --record           from recorded.json into docs/ and the top README
  figures.py --check            fails if those are not what --record would write
  figures.py                    prints the recorded picture
"""
import pathlib
import re
import sys

import picture
import results as r
import table

ROOT = r.HERE.parent
SHORT_TABLE = re.compile(r"(?<=<!-- figures: made by make bench-record -->\n).*?(?=<!-- end of figures -->)",
                         re.DOTALL)


def recorded_files():
    """path -> what it should hold."""
    results = r.load()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    if len(SHORT_TABLE.findall(readme)) != 1:
        raise ValueError("README.md: no place for the table of figures")
    return {ROOT / "docs/figures.md": table.page(results), ROOT / "docs/figures.svg": picture.picture(results),
            ROOT / "README.md": SHORT_TABLE.sub(lambda _: "\n" + table.short(results) + "\n", readme)}


def main(arguments):
    if not arguments:
        print(picture.picture(r.load()), end="")
        return 0
    if arguments == ["--record"]:
        for path, text in recorded_files().items():
            path.write_text(text, encoding="utf-8")
        return 0
    if arguments == ["--check"]:
        stale = [path.name for path, text in recorded_files().items() if path.read_text(encoding="utf-8") != text]
        print("\n".join(f"{name}: not what bench/recorded.json says; run bench/figures.py --record" for name in stale))
        return 1 if stale else 0
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    results, directory = r.load(arguments[0]), pathlib.Path(arguments[1])
    (directory / "figures.md").write_text(table.page(results), encoding="utf-8")
    (directory / "figures.svg").write_text(picture.picture(results), encoding="utf-8")
    print("\n" + table.short(results))
    print(f"All figures: {directory / 'figures.md'}, {directory / 'figures.svg'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
