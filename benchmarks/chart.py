"""Draw bars, as SVG."""

from collections.abc import Sequence
from html import escape

_COLORS = ("#0052cc", "#97a0af")
_LINE, _LEFT, _WIDTH = 26, 230, 760


def bars(heading: str, values: Sequence[tuple[str, float]], unit: str) -> str:
    """A picture with a bar for each value; ours stand out.

    Args:
        heading: What was measured.
        values: `[("ours, 8 workers", 15.2), …]`.
        unit: What the numbers are: `s`.
    """
    most = max(value for _, value in values)
    y = 10 + _LINE
    parts = [f'<text x="10" y="{y}" font-weight="bold">{escape(heading)}</text>']
    for name, value in values:
        y += _LINE
        width = max(value / most * (_WIDTH - _LEFT - 90), 1)
        color = _COLORS[0 if name.startswith("ours") else 1]
        parts += [
            f'<text x="{_LEFT - 10}" y="{y}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{_LEFT}" y="{y - 14}" width="{width:.1f}" height="18" fill="{color}"/>',
            f'<text x="{_LEFT + width + 8:.1f}" y="{y}">{value:.1f} {escape(unit)}</text>',
        ]
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" '  # ignore-https-check
        f'viewBox="0 0 {_WIDTH} {y + 20}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="14" fill="#172b4d">'
    )
    background = f'<rect width="{_WIDTH}" height="{y + 20}" fill="white"/>'
    return "\n".join([head, background, *parts, "</svg>\n"])
