"""What `scripts/bench` has measured, as a table, as JSON and as a chart."""

import json
from dataclasses import asdict, dataclass, field
from statistics import median

from load import Load
from scale import machine
from server import ROOT, Failed

KEPT = ROOT / "target/bench.json"
DOCUMENT, CHART = ROOT / "docs/performance.md", ROOT / "docs/performance.svg"
BEGIN, END = "<!-- scripts/bench --write begins here -->", "<!-- and ends here -->"
TAIL = 3  # times the median that p99 may be, or as many as the bare handler's is on this machine


@dataclass
class Row:
    """A kind of work and the anchor that it is compared with."""

    name: str
    anchor: str
    anchors: int  # how many of the anchor it takes
    least: float  # ratio
    queues: bool = False  # whether requests wait for each other by design, so that p99 says nothing


@dataclass
class Measured:
    """The rounds of a row."""

    row: Row
    anchors: list[float] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)

    def add(self, anchor: float, load: Load) -> None:
        self.anchors.append(anchor)
        self.loads.append(load)

    def ratios(self) -> list[float]:
        return [load.rate / anchor for load, anchor in zip(self.loads, self.anchors)]

    def tails(self) -> list[float]:
        return [load.p99 / load.p50 for load in self.loads]

    def faults(self, part: float, tail: float) -> list[str]:
        """What it falls short of, when `part` of its ratio is enough; less than all of it, and nothing but the ratio
        counts. p99 may be `tail` times the median."""
        faults, least = [], self.row.least * part
        if median(self.ratios()) + spread(self.ratios()) < least:
            faults.append(f"{self.row.name}: {median(self.ratios()):.2f} of its anchor, not {least:.2f}")
        if part == 1 and not self.row.queues and median(self.tails()) - spread(self.tails()) >= tail:
            faults.append(f"{self.row.name}: p99 is {median(self.tails()):.1f} times the median, not {tail:.1f}")
        return faults


@dataclass
class Check:
    """A figure that is no ratio to an anchor: with a unit it must not exceed `limit`, without one it is a ratio that
    must reach it."""

    name: str
    value: float
    limit: float
    unit: str = ""
    rate: float | None = None  # requests a second, where it says something

    def faults(self, part: float, _tail: float) -> list[str]:
        """What it falls short of, as for a row: with less than all of its ratio what has a unit does not count."""
        is_good = part < 1 or self.value <= self.limit if self.unit else self.value >= self.limit * part
        return [] if is_good else [f"{self.name}: {self.shown(self.value)}"]

    def shown(self, value: float) -> str:
        return f"{value:.0f} {self.unit}" if value >= 20 else f"{value:.2f} {self.unit}".strip()


@dataclass
class Report:
    """All of it; `part` of each ratio is enough."""

    measured: list[Measured]
    checks: list[Check]
    part: float
    rounds: int
    seconds: int
    tails: list[float]  # of the bare handler
    is_awake: bool  # whether processors without work do not halt

    def tail(self) -> float:
        return max(TAIL, median(self.tails or [0]))

    def faults(self) -> list[str]:
        return [fault for each in [*self.measured, *self.checks] for fault in each.faults(self.part, self.tail())]

    def text(self) -> str:
        """The tables, in Markdown, and what falls short."""
        faults = [f"short: {fault}" for fault in self.faults()]
        return "\n".join([*self.tables(), "", *(faults or ["Everything was reached."])])

    def tables(self) -> list[str]:
        """Markdown."""
        lines = [
            f"{machine()}, {'awake' if self.is_awake else 'halting'} while they have no work; medians of {self.rounds} rounds"
            f" of {self.seconds} s. p99 may be {self.tail():.1f} times the"
            " median: three times, or as many as that of the bare handler.",
            "",
            "| work | a second | p50 | p99 | anchor | a second | ratio | spread | at least |",
            "|---|--:|--:|--:|---|--:|--:|--:|--:|",
        ]
        for each in self.measured:
            row, ratios = each.row, each.ratios()
            rate, p50, p99 = (median(getattr(load, name) for load in each.loads) for name in ("rate", "p50", "p99"))
            anchor = row.anchor if row.anchors == 1 else f"{row.anchor} / {row.anchors}"
            lines.append(
                f"| {row.name} | {number(rate)} | {p50:.2f} ms | {p99:.2f} ms | {anchor} | {number(median(each.anchors))}"
                f" | **{median(ratios):.2f}** | ±{spread(ratios):.2f} | {row.least:.2f} |"
            )
        plain = [check for check in self.checks if check.rate is None]
        if plain:
            lines += ["", "| besides | measured | limit |", "|---|--:|--:|"]
        for check in plain:
            bound = "at most" if check.unit else "at least"
            lines.append(f"| {check.name} | **{check.shown(check.value)}** | {bound} {check.shown(check.limit)} |")
        curve = [check for check in self.checks if check.rate is not None]
        if curve:
            lines += ["", "| with more rows | a second | ratio | at least |", "|---|--:|--:|--:|"]
        for check in curve:
            lines.append(f"| {check.name} | {number(check.rate)} | **{check.value:.2f}** | {check.limit:.2f} |")
        return lines

    def keep(self) -> None:
        """Keeps all figures as JSON."""
        KEPT.parent.mkdir(exist_ok=True)
        kept = {"machine": machine(), "part": self.part, "faults": self.faults()}
        rows = [asdict(each) | {"ratio": median(each.ratios()), "spread": spread(each.ratios())} for each in self.measured]
        KEPT.write_text(json.dumps(kept | {"rows": rows, "checks": [asdict(each) for each in self.checks]}, indent=2))

    def write(self) -> None:
        """Puts the tables between their marks in the document, and draws the chart."""
        before, begin, rest = DOCUMENT.read_text().partition(BEGIN)
        _, end, after = rest.partition(END)
        if not end:
            raise Failed(f"`{DOCUMENT}` lacks the marks between which the figures stand")
        DOCUMENT.write_text("\n".join([before + begin, "", *self.tables(), "", end + after]))
        CHART.write_text(self.chart())

    def chart(self) -> str:
        """A bar for each row's ratio, with a mark at what it must reach."""
        left, width, step = 190, 420, 30
        most = max(1.0, *(max(each.ratios()) for each in self.measured))
        at = lambda ratio: left + width * ratio / most
        height = step * (len(self.measured) + 1) + 12
        style = "text{font:13px sans-serif;fill:#555}.bar{fill:#3b7dd8}.line{stroke:#999}.least{stroke:#d8493b;stroke-width:3}"
        parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 70} {height}"><style>{style}</style>']
        for top, each in enumerate(self.measured):
            y, ratio, low, high = 8 + step * top, median(each.ratios()), min(each.ratios()), max(each.ratios())
            parts += [
                f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{each.row.name}</text>',
                f'<rect class="bar" x="{left}" y="{y}" width="{width * ratio / most:.1f}" height="20" />',
                f'<path class="line" d="M{at(low):.1f} {y + 10}H{at(high):.1f}" />',
                f'<path class="least" d="M{at(each.row.least):.1f} {y - 3}v26" />',
                f'<text x="{at(max(ratio, high)) + 8:.1f}" y="{y + 14}">{ratio:.2f}</text>',
            ]
        y = 8 + step * len(self.measured) + 12
        parts.append(f'<text x="{left}" y="{y}">of the anchor in the same rounds; red: what must be reached</text></svg>')
        return "\n".join(parts) + "\n"


def spread(values: list[float]) -> float:
    return (max(values) - min(values)) / 2


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
