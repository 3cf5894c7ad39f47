#!/usr/bin/env python3
"""No source file that one would not want to read at one sitting, and a README in each top folder."""
import sys

from sources import ROOT, files, read

LIMIT = 500
bad = 0
tops = set()
for path in files(".hpp", ".cpp", ".c", ".S", ".inc", ".py", ".sh", ".ld"):
    tops.add(path.parts[0])
    lines = read(path).count("\n")
    if lines > LIMIT:
        print(f"{path}: {lines} lines, more than {LIMIT}")
        bad += 1
for top in sorted(tops):
    if (ROOT / top).is_dir() and not (ROOT / top / "README.md").is_file():
        print(f"{top}/: no README.md saying whose trust it has")
        bad += 1
sys.exit(1 if bad else 0)
