"""Draw a reliability plot as SVG: probabilities given against the share of articles that was wanted.

Each bin is a dot with its 95 % interval and its number of verdicts; perfect probabilities lie on the diagonal. Colours and fonts
are attributes, as our pages' content security policy allows no inline styles.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from monitor.matching.reliability import Bin, Reliability

_SIDE, _LEFT, _TOP = 400, 64, 48
_WIDTH, _HEIGHT = _LEFT + _SIDE + 24, _TOP + _SIDE + 76


def reliability_plot(reliability: Reliability | None, title: str) -> str:
    """Return the SVG document; without figures it says so."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" '
        'role="img" font-family="system-ui, sans-serif" font-size="12" fill="#222">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="24" font-size="15" font-weight="600">{escape(title)}</text>',
        *_frame(),
        *(_dots(reliability) if reliability else _nothing()),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _frame() -> Iterator[str]:
    yield f'<rect x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#999"/>'
    for tenth in range(0, 11, 2):
        x, y = _x(tenth / 10), _y(tenth / 10)
        yield f'<line x1="{_LEFT}" y1="{y}" x2="{_LEFT + _SIDE}" y2="{y}" stroke="#eee"/>'
        yield f'<line x1="{x}" y1="{_TOP}" x2="{x}" y2="{_TOP + _SIDE}" stroke="#eee"/>'
        yield f'<text x="{x}" y="{_TOP + _SIDE + 18}" text-anchor="middle">{tenth * 10}%</text>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{tenth * 10}%</text>'
    yield (f'<line x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}" stroke="#888" stroke-dasharray="5 4"/>')
    middle = _TOP + _SIDE / 2
    yield f'<text x="{_LEFT + _SIDE / 2}" y="{_TOP + _SIDE + 38}" text-anchor="middle">probability given</text>'
    yield f'<text transform="translate(18 {middle}) rotate(-90)" text-anchor="middle">share that was wanted</text>'


def _dots(measured: Reliability) -> Iterator[str]:
    for each in measured.bins:
        yield from _dot(each)
    figures = (
        f"{measured.count} verdicts; calibration error {measured.error:.3f} (by chance alone {measured.error_by_chance:.3f}); "
        f"Brier score {measured.brier:.3f}"
    )
    yield f'<text x="{_LEFT}" y="{_TOP + _SIDE + 62}">{figures}</text>'


def _dot(each: Bin) -> Iterator[str]:
    x, radius = _x(each.forecast), 3 + 7 * each.weight**0.5
    low, high = _y(each.came_true_low), _y(each.came_true_high)
    label = f"{each.count} verdicts: given {each.forecast:.0%}, wanted {each.came_true:.0%}"
    yield f'<g stroke="#0b62a4" stroke-width="1.5"><line x1="{x}" y1="{low}" x2="{x}" y2="{high}"/>'
    yield f'<line x1="{x - 4}" y1="{low}" x2="{x + 4}" y2="{low}"/><line x1="{x - 4}" y1="{high}" x2="{x + 4}" y2="{high}"/></g>'
    yield f'<circle cx="{x}" cy="{_y(each.came_true)}" r="{radius:.1f}" fill="#0b62a4"><title>{label}</title></circle>'
    # the number stands on the side of the middle, so that the frame does not cut it off
    side, anchor = (12, "start") if each.forecast < 0.5 else (-12, "end")
    yield f'<text x="{x + side}" y="{_y(each.came_true) + 4}" text-anchor="{anchor}">{each.count}</text>'


def _nothing() -> Iterator[str]:
    x, y = _LEFT + _SIDE / 2, _TOP + _SIDE / 2 - 40
    yield f'<text x="{x}" y="{y}" text-anchor="middle" fill="#666">not enough judged yet</text>'


def _x(share: float) -> float:
    return round(_LEFT + _SIDE * share, 1)


def _y(share: float) -> float:
    return round(_TOP + _SIDE * (1 - share), 1)
