"""The results as a picture, on a logarithmic scale: docs/figures.svg."""
import html
import math

import results as r

LEFT, WIDTH, TOP, ROW, RIGHT = 390, 480, 78, 40, 150
OURS, LINUX, INK, FAINT = "#0b6e4f", "#c05621", "#1f2933", "#d9dee3"


def text(px, py, words, anchor="start", colour=INK, size=13, extra=""):
    return (f'<text x="{px}" y="{py}" text-anchor="{anchor}" fill="{colour}" font-size="{size}"{extra}>'
            f'{html.escape(str(words), quote=False)}</text>')


def short(x):
    return f"{x / 1e9:.2f} G" if x >= 1e9 else f"{x / 1e6:.1f} M" if x >= 1e7 else r.number(x)


def shown(results):
    """(label, ours or None, Linux's, comparison) of each brief row that has a Linux guest's figure."""
    for row in results["figures"]:
        linux = r.value(row, "linux", "default")[1]
        if row.get("brief") and linux:
            yield row["label"].replace("`", ""), r.value(row, "enclave", "plain")[1], linux, r.ratio(row)


def picture(results):
    data = list(shown(results))
    numbers = [x for _, ours, linux, _ in data for x in (ours, linux) if x]
    low, high = math.floor(math.log10(min(numbers)) - 0.2), math.log10(max(numbers)) + 0.4

    def x(value):
        return round(LEFT + WIDTH * (math.log10(value) - low) / (high - low), 1)

    bottom, total = TOP + ROW * len(data), LEFT + WIDTH + RIGHT
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {bottom + 46}" '
           'font-family="Helvetica, Arial, sans-serif" role="img">',
           "<title>Guest instructions per operation: Enclavisor and a Linux guest</title>",
           f'<rect width="{total}" height="{bottom + 46}" fill="#ffffff"/>',
           text(16, 28, "Guest instructions per operation (fewer is better, logarithmic scale)", size=16,
                extra=' font-weight="bold"'),
           f'<circle cx="22" cy="47" r="6" fill="{OURS}"/>', text(34, 51, "Enclavisor"),
           f'<circle cx="122" cy="47" r="6" fill="{LINUX}"/>', text(134, 51, "Linux guest, same QEMU")]
    for power in range(low, math.floor(high) + 1):
        px = x(10 ** power)
        label = {1: "10", 2: "100", 3: "1,000", 6: "1 million", 9: "1 G"}.get(power, "")
        out += [f'<line x1="{px}" y1="{TOP - 10}" x2="{px}" y2="{bottom}" stroke="{FAINT}"/>',
                text(px, bottom + 18, label, "middle", size=12)]
    for i, (label, ours, linux, ratio) in enumerate(data):
        y = TOP + ROW * i + ROW // 2
        right = x(linux)
        out.append(text(LEFT - 12, y + 4, label, "end"))
        if ours:
            left = x(ours)
            out += [f'<line x1="{left}" y1="{y}" x2="{right}" y2="{y}" stroke="{FAINT}" stroke-width="5"/>',
                    f'<circle cx="{left}" cy="{y}" r="6" fill="{OURS}"/>',
                    text(left, y - 10, short(ours), "end", OURS, 12)]
        out += [f'<circle cx="{right}" cy="{y}" r="6" fill="{LINUX}"/>',
                text(right, y - 10, short(linux), "start", LINUX, 12),
                text(total - 16, y + 4, ratio or "not yet", "end", extra=' font-weight="bold"' if ratio else "")]
    machine = results["machine"]
    out += [text(16, bottom + 38, f"QEMU {machine['qemu'].split(' ')[0]}, {machine['accelerator']}, on {machine['cpu']}. "
                 "Same executables in both. All rows and what they mean: docs/figures.md.", size=11), "</svg>"]
    return "\n".join(out) + "\n"
