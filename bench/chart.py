"""Bar charts as SVG, without a plotting library."""
import html
import statistics

BAR, GAP, LABEL, WIDE = 11, 8, 210, 420
OWN_COLOUR, PEER_COLOUR, TEXT = "#0b7285", "#ced4da", "#212529"


def _text(x, y, words, size=11, anchor="start", weight="normal") -> str:
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
            f'fill="{TEXT}">{html.escape(str(words))}</text>')


def _bar(x, y, width, colour) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{BAR}" rx="2" fill="{colour}"/>'


def _panel(title, groups, unit, top) -> tuple[list[str], float]:
    """`groups` are (label, [(value, its text, colour)]); one line for each value."""
    most = max(value for _, bars in groups for value, _, _ in bars) or 1
    parts, y = [_text(0, top, title, 13, weight="bold"), _text(LABEL, top, unit, 11)], top + 12
    for label, bars in groups:
        parts.append(_text(LABEL - 8, y + BAR * len(bars) / 2 + 4, label, anchor="end"))
        for value, words, colour in bars:
            width = WIDE * value / most
            parts += [_bar(LABEL, y, width, colour), _text(LABEL + width + 5, y + BAR - 2, words, 9)]
            y += BAR + 1
        y += GAP
    return parts, y + 24


def of_deltas(rows, own: str) -> str:
    """Sizes of each pair beside the best other tool, and the median speeds of all tools."""
    sizes = []
    for row in rows:
        peer = row.best_peer()
        sizes.append((row.name, [(row.ratio(own), f"{row.ratio(own):.4f}", OWN_COLOUR),
                                 (row.ratio(peer), f"{row.ratio(peer):.4f} {peer}", PEER_COLOUR)]))
    parts, y = _panel("Size", sizes, "delta by new file: ours above, the best other tool below; shorter is better", 20)
    for title, of in (("Making", lambda o: o.make_mb_s), ("Applying", lambda o: o.apply_mb_s)):
        speeds = []
        for tool in rows[0].outcomes:
            median = statistics.median(of(row.outcomes[tool]) for row in rows)
            speeds.append((tool, [(median, f"{median:.1f}", OWN_COLOUR if tool == own else PEER_COLOUR)]))
        more, y = _panel(title, speeds, "MB of the new file by second of one processor, median of all pairs; longer is better", y + 10)
        parts += more
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{LABEL + WIDE + 190}" height="{y:.0f}" '
            f'font-family="sans-serif"><rect width="100%" height="100%" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n")
