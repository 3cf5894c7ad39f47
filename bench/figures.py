#!/usr/bin/env python3
"""Prints docs/figures.svg: recorded.tsv beside the Linux guest's figures of linux.hpp, on a logarithmic scale."""
import math
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
LEFT, WIDTH, TOP, ROW, RIGHT = 320, 470, 78, 40, 110
LOW, HIGH = 1, 9.3  # powers of ten
OURS, LINUX, INK, FAINT = "#0b6e4f", "#c05621", "#1f2933", "#d9dee3"


def linux_figures():
    text = (HERE / "linux.hpp").read_text(encoding="utf-8")
    return {name: int(re.sub(r"\D", "", value.split("(")[0]))
            for name, value in re.findall(r'(kLinux\w+) = "?([\d,]+[^";]*)"?;', text)}


def rows():
    linux = linux_figures()
    for line in (HERE / "recorded.tsv").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            label, ours, name = line.split("\t")
            yield label, int(ours), linux[name]


def x(value):
    return round(LEFT + WIDTH * (math.log10(value) - LOW) / (HIGH - LOW), 1)


def text(px, py, words, anchor="start", colour=INK, size=13, extra=""):
    return f'<text x="{px}" y="{py}" text-anchor="{anchor}" fill="{colour}" font-size="{size}"{extra}>{words}</text>'


def short(value):
    if value >= 1_000_000_000:
        return f"{value / 1e9:.2f} G"
    return f"{value:,}"


def factor(ours, linux):
    times = linux / ours
    return f"{times:,.0f} x" if times >= 10 else f"{times:.1f} x"


data = list(rows())
bottom = TOP + ROW * len(data)
total = LEFT + WIDTH + RIGHT
out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {bottom + 46}" '
       'font-family="Helvetica, Arial, sans-serif" role="img">',
       "<title>Guest instructions per operation: Enclavisor and a Linux guest</title>",
       f'<rect width="{total}" height="{bottom + 46}" fill="#ffffff"/>',
       text(16, 28, "Guest instructions per operation (fewer is better, logarithmic scale)", size=16,
            extra=' font-weight="bold"'),
       f'<circle cx="22" cy="47" r="6" fill="{OURS}"/>', text(34, 51, "Enclavisor"),
       f'<circle cx="122" cy="47" r="6" fill="{LINUX}"/>', text(134, 51, "Linux guest, same QEMU")]
for power in range(LOW, math.floor(HIGH) + 1):
    px = x(10 ** power)
    label = {3: "1,000", 6: "1 million", 9: "1 G"}.get(power, {1: "10", 2: "100"}.get(power, ""))
    out.append(f'<line x1="{px}" y1="{TOP - 10}" x2="{px}" y2="{bottom}" stroke="{FAINT}"/>')
    out.append(text(px, bottom + 18, label, "middle", size=12))
for i, (label, ours, linux) in enumerate(data):
    y = TOP + ROW * i + ROW // 2
    left, right = x(ours), x(linux)
    out += [text(LEFT - 12, y + 4, label, "end"),
            f'<line x1="{left}" y1="{y}" x2="{right}" y2="{y}" stroke="{FAINT}" stroke-width="5"/>',
            f'<circle cx="{left}" cy="{y}" r="6" fill="{OURS}"/>',
            f'<circle cx="{right}" cy="{y}" r="6" fill="{LINUX}"/>',
            text(left, y - 10, short(ours), "end", OURS, 12),
            text(right, y - 10, short(linux), "start", LINUX, 12),
            text(total - 16, y + 4, factor(ours, linux), "end", extra=' font-weight="bold"')]
out += [text(16, bottom + 38, "QEMU 7.2 TCG, -icount; the write: enclave's side without waiting, "
             "against Linux's own write to /dev/null. make bench, bench/linux.hpp.", size=11), "</svg>"]
print("\n".join(out))
