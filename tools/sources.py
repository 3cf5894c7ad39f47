"""The repository's own source files, as Git knows them (new ones included)."""
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent


def files(*suffixes):
    """Paths relative to ROOT; with suffixes, only those ending so."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return [pathlib.PurePosixPath(f) for f in sorted(set(listed))
            if (ROOT / f).is_file() and (not suffixes or f.endswith(suffixes))]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")
