"""Reads what bench.cpp wrote. One row is one operation; its value in a world is a number, None if it was
not measured (an enclave may not have it yet), or absent where that world has no such thing."""
import json
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
RECORDED = HERE / "recorded.json"


def check(results, path):
    if results.get("format") != 1:
        raise ValueError(f"{path}: not results of this bench")
    return results


def load(path=RECORDED):
    return check(json.loads(pathlib.Path(path).read_text(encoding="utf-8")), path)


def value(row, world, arm):
    """(has one, the number or None)."""
    column = row[world]
    return arm in column, column.get(arm)


def number(x):
    """1,250,000,000 as it is; fractions only where they say something."""
    return f"{x:,.1f}" if x < 100 and x != int(x) else f"{round(x):,}"


def cell(row, world, arm):
    has, x = value(row, world, arm)
    if x is None:
        return "" if not has else "not yet" if world == "enclave" else "not measured"
    return number(x)


def ratio(row):
    """How the enclave (plain) compares with the Linux guest; empty if one of the two is missing."""
    ours, linux = value(row, "enclave", "plain")[1], value(row, "linux", "default")[1]
    if not ours or not linux:
        return ""
    if row["unit"] == "requests/s":
        return f"{ours / linux:.{1 if ours > linux else 2}f} times as many"
    if 0.9 < ours / linux < 1.1:
        return f"{ours / linux:.3f} of Linux"
    times = linux / ours
    return f"{times:,.0f} times less" if times >= 10 else \
        f"{times:.1f} times less" if times > 1 else f"{1 / times:.1f} times more"


def aim(row):
    if "least_of_linux" in row:
        return f"at least {row['least_of_linux']:.0f} times as many"
    if "aim_of_linux" in row:
        return f"at most {row['aim_of_linux']} of Linux"
    return f"at most {number(row['aim'])}" if "aim" in row else ""


def groups(rows):
    """[(group, its rows)], in order."""
    names = dict.fromkeys(row["group"] for row in rows)
    return [(name, [row for row in rows if row["group"] == name]) for name in names]


def on_machine(machine):
    return (f"{machine['cpu']}, QEMU {machine['qemu']}, {machine['accelerator']}, -cpu {machine['guest_cpu']}, "
            f"{machine['vcpus']} vCPU")
