#!/usr/bin/env python3
"""Draws results/*.json as plots/*.svg. With --check it writes nothing, and fails where one differs.

results/large.json and small.json come from `--example peers -- large --json …` and `small`,
goodput.json from `--example goodput -- --json …`.
"""
import json
import pathlib
import sys
from xml.sax.saxutils import escape

HERE = pathlib.Path(__file__).resolve().parent
OURS, OTHERS, LINE = "#2563a8", "#a9b4c0", "#666666"
WIDTH, LEFT, RIGHT, TOP = 720, 190, 60, 58


def text(x, y, content, anchor="start", size=13, colour="#222222"):
    # A white outline, so that it can be read upon a line.
    return (f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}" '
            f'stroke="#ffffff" stroke-width="4" paint-order="stroke">{escape(content)}</text>')


def rule(x1, y1, x2, y2, colour="#dddddd", dash=""):
    dash = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}" stroke="{colour}"{dash}/>'


def page(height, title, note, parts):
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">')
    parts = ['<rect width="100%" height="100%" fill="#ffffff"/>', text(16, 24, title, size=16),
             text(16, 44, note, size=12, colour=LINE), *parts]
    return "\n".join([head, *parts, "</svg>", ""])


def is_ours(name):
    return name.startswith(("put", "get"))


def bars(table, note):
    """Ratios, one bar a row, with its range. 1.00 is the reference."""
    rows = [row for row in table["rows"] if row["ratio"] is not None]
    ends = [float(end) for row in rows for end in row["range"].split("–") if end]
    most = max([row["ratio"] for row in rows] + ends)
    scale = (WIDTH - LEFT - RIGHT) / most
    height = TOP + 26 * len(rows) + 30
    parts = []
    for step in range(int(most * 2) + 1):
        x = LEFT + step / 2 * scale
        parts += [rule(x, TOP, x, height - 28), text(x, height - 10, f"{step / 2:.1f}", "middle", 11, LINE)]
    for number, row in enumerate(rows):
        y, end = TOP + 26 * number, LEFT + row["ratio"] * scale
        colour = OURS if is_ours(row["way"]) else OTHERS
        parts.append(text(LEFT - 8, y + 17, row["way"], "end"))
        parts.append(f'<rect x="{LEFT}" y="{y + 4}" width="{end - LEFT:.0f}" height="16" fill="{colour}"/>')
        low, _, high = row["range"].partition("–")
        if high:
            parts.append(rule(LEFT + float(low) * scale, y + 12, LEFT + float(high) * scale, y + 12, LINE))
    parts.append(rule(LEFT + scale, TOP, LEFT + scale, height - 28, LINE, "4 3"))
    for number, row in enumerate(rows):
        right = LEFT + max(row["ratio"], float(row["range"].partition("–")[2] or 0)) * scale
        parts.append(text(right + 6, TOP + 26 * number + 17, f"{row['ratio']:.2f}"))
    return page(height, table["title"].split(";")[0], note, parts)


def curves(table, others):
    """Goodput over the rate of bit errors, at 921,600 baud."""
    errors = ["clean", "bit errors 1e-6", "bit errors 1e-5", "bit errors 1e-4"]
    series = []
    for name, source, colour in (("Tinyferry", table, OURS), ("sz, rz (ZMODEM)", others, "#c2410c")):
        shares = {row["line"]: row["921600"] for row in source["rows"]}
        series.append((name, [shares.get(error) for error in errors], colour))
    height, bottom, left = 400, 340, 60
    place = lambda number: left + 60 + number * 125
    parts = []
    for step in range(6):
        y = bottom - step / 5 * (bottom - TOP)
        parts += [rule(left, y, 520, y), text(left - 8, y + 4, f"{step / 5:.1f}", "end", 11, LINE)]
    for number, error in enumerate(errors):
        parts.append(text(place(number), bottom + 20, error.removeprefix("bit errors "), "middle", 12, LINE))
    parts.append(text(place(1.5), bottom + 42, "bit error rate", "middle", 12, LINE))
    for order, (name, shares, colour) in enumerate(series):
        points = [(place(number), bottom - share * (bottom - TOP))
                  for number, share in enumerate(shares) if share is not None]
        path = " ".join(f"{x:.0f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.0f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points]
        parts += [f'<rect x="536" y="{TOP + 26 * order}" width="14" height="14" fill="{colour}"/>',
                  text(556, TOP + 12 + 26 * order, name, size=12)]
    return page(height, "Goodput over the bit error rate", "share of the line rate, at 921,600 baud; where a point is missing the transfer fails", parts)


def first(name):
    return json.loads((HERE / "results" / f"{name}.json").read_text())["tables"][0]


def plots():
    faster = "more is faster; the thin line is the range of all rounds"
    yield "large", bars(first("large"), f"plain loop = 1.00; {faster}")
    yield "small", bars(first("small"), f"tar, nc, tar = 1.00; {faster}")
    yield "goodput", curves(first("goodput"), first("goodput-zmodem"))


def main():
    differ = []
    for name, drawing in plots():
        target = HERE / "plots" / f"{name}.svg"
        if "--check" in sys.argv[1:]:
            differ += [] if target.exists() and target.read_text() == drawing else [target.name]
        else:
            target.write_text(drawing)
    if differ:
        sys.exit(f"not those of the results, run tests/bench/plot.py: {', '.join(differ)}")


if __name__ == "__main__":
    main()
