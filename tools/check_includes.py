#!/usr/bin/env python3
"""Includes across top folders go only to abi/ and base/ (docs/architecture.md).

tests/, bench/, tools/ and sim/ may include anything, examples/ what their readers may: the
host library and the SDK. abi/ includes only abi/; base/
only base/ and abi/: what both sides do with a layout. Files are named from the repository's root, and exist.
"""
import re
import sys

from sources import ROOT, files, read

EVERYWHERE = {"abi", "base"}
MAY_INCLUDE_ANYTHING = {"tests", "bench", "sim", "tools"}
ALSO = {"examples": {"host", "sdk"}}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
TOP_FOLDERS = {p.name for p in ROOT.iterdir() if p.is_dir() and not p.name.startswith((".", "build"))}


def problems():
    graph = {}
    for path in files(".hpp", ".cpp", ".h", ".c", ".S", ".inc"):
        folder = path.parts[0]
        for target in INCLUDE.findall(read(path)):
            top = target.split("/")[0]
            if top not in TOP_FOLDERS or not (ROOT / target).is_file():
                # Generated headers live in the build directory.
                if top in TOP_FOLDERS and not target.startswith("generated/"):
                    yield f"{path}: includes {target}, which does not exist"
                elif top not in TOP_FOLDERS:
                    yield f'{path}: includes "{target}", which is not named from the root'
                continue
            graph.setdefault(str(path), []).append(target)
            if folder in MAY_INCLUDE_ANYTHING or top == folder:
                continue
            if top in ALSO.get(folder, ()):
                continue
            if top not in EVERYWHERE or (folder == "abi" and top != "abi"):
                yield f"{path}: {folder}/ may not include {target}"
    yield from cycles(graph)


def cycles(graph):
    done, active = set(), []

    def visit(node):
        if node in active:
            return " -> ".join(active[active.index(node):] + [node])
        if node in done:
            return None
        active.append(node)
        for target in graph.get(node, []):
            found = visit(target)
            if found:
                return found
        active.pop()
        done.add(node)
        return None

    for node in sorted(graph):
        active.clear()
        found = visit(node)
        if found:
            yield f"include cycle: {found}"
            return


found = list(problems())
for problem in found:
    print(problem)
sys.exit(1 if found else 0)
