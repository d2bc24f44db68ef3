"""The look of every picture, and how it is written: PNG, SVG, CSV."""

import base64
import csv
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Optional, Sequence, Tuple

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: E402

# Okabe and Ito 2008, extended by two of Tol's; told apart under the common colour blindnesses.
# A degree p has the same colour in every picture of every report.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#332288")
INK = "#222222"
UNTRUSTED = "#8A8A8A"
LAW = "#222222"
COMPARATOR = "#6B6B6B"
WINDOW = "#F3E9C6"
LINESTYLES = ("-", (0, (5, 1.6)), (0, (1.2, 1.4)), (0, (6, 1.5, 1.2, 1.5)))
WIDTH = 10.4  # inches; at 96 px an inch the page shows pictures at 100 %
CSV_ROWS = 500_000
DRAWN_MODES = 1000

plt.rcParams.update({
    "font.family": "DejaVu Sans", "font.size": 9.5, "axes.titlesize": 10, "axes.labelsize": 9.5,
    "axes.titlelocation": "left", "axes.edgecolor": "#555555", "axes.linewidth": 0.8,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "axes.axisbelow": True,
    "grid.color": "#E4E4E4", "grid.linewidth": 0.6, "xtick.labelsize": 8.5, "ytick.labelsize": 8.5,
    "xtick.color": "#333333", "ytick.color": "#333333", "legend.fontsize": 8.5, "legend.frameon": True,
    "legend.framealpha": 0.9, "legend.edgecolor": "none", "legend.borderpad": 0.3, "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round", "figure.facecolor": "white", "axes.facecolor": "white",
    "svg.fonttype": "path", "svg.hashsalt": "fathom-report", "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.06, "figure.constrained_layout.w_pad": 0.06,
    "axes.formatter.use_mathtext": True, "figure.max_open_warning": 0,
})


@dataclass
class Plot:
    """A picture with its words and its numbers."""

    name: str  # stem of its files
    title: str  # what is seen, as a heading
    caption: str  # how to read it
    figure: Optional[Figure]
    table: Dict[str, Sequence] = field(default_factory=dict)  # columns of equal length
    svg: str = ""  # data URI, set by write
    table_note: str = ""

    def write(self, folder: Path) -> None:
        """NAME.png, NAME.svg and NAME.csv in folder; keeps the SVG for the page and closes the figure."""
        self.figure.savefig(folder / f"{self.name}.png", dpi=150)
        self.figure.set_layout_engine("none")  # the layout is found; to find it again would double the time
        text = io.StringIO()
        self.figure.savefig(text, format="svg", metadata={"Date": None})
        plt.close(self.figure)
        self.figure = None
        data = text.getvalue().encode()
        (folder / f"{self.name}.svg").write_bytes(data)
        self.svg = "data:image/svg+xml;base64," + base64.b64encode(data).decode()
        self._write_csv(folder / f"{self.name}.csv")

    def _write_csv(self, path: Path) -> None:
        columns = [np.asarray(c) for c in self.table.values()]
        rows = len(columns[0]) if columns else 0
        if rows > CSV_ROWS:
            step = -(-rows // CSV_ROWS)
            columns = [c[::step] for c in columns]
            self.table_note = f"The CSV holds every {step}th of {rows} rows; all of them are in run.h5."
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(self.table)
            writer.writerows(zip(*(c.tolist() for c in columns)))  # floats by repr: they read back exactly


def stack(tables: Sequence[Dict[str, Sequence]]) -> Dict[str, Sequence]:
    """Tables of the same columns, one under the other."""
    if not tables:
        return {}
    names = list(dict.fromkeys(name for table in tables for name in table))
    out = {}
    for name in names:
        parts = []
        for table in tables:
            rows = len(next(iter(table.values())))
            parts.append(np.asarray(table[name]) if name in table else np.full(rows, np.nan))
        mixed = len({p.dtype.kind for p in parts} & set("OUS")) > 0
        out[name] = np.concatenate([p.astype(object) for p in parts] if mixed else parts)
    return out


def new_figure(rows: int, columns: int, height: float, **options) -> Tuple[Figure, np.ndarray]:
    figure, axes = plt.subplots(rows, columns, figsize=(WIDTH, height), squeeze=False, **options)
    return figure, axes


def thin(count: int, limit: int = DRAWN_MODES) -> np.ndarray:
    """Indices 0 … count−1, log-uniform once there are more than the limit; the ends are kept."""
    if count <= limit:
        return np.arange(count)
    return np.unique(np.round(np.geomspace(1, count, limit)).astype(np.int64)) - 1


def log_axis(axis, low: float, high: float) -> None:
    """Decades as powers of ten, at most about eight labels, none in between."""
    if not (low > 0 and high > 0):
        return
    decades = max(np.log10(high) - np.log10(low), 0.1)
    if decades <= 2.0:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    else:
        axis.set_major_locator(LogLocator(base=10.0 ** max(1, round(decades / 8)), numticks=12))
    axis.set_minor_formatter(NullFormatter())


def mode_axis(axes: Axes, count: int, label: str = "mode j (1 = largest eigenvalue)") -> None:
    axes.set_xscale("log")
    axes.set_xlim(0.9, max(count, 2) * 1.12)
    log_axis(axes.xaxis, 1, max(count, 20))
    axes.set_xlabel(label)


def panel_title(axes: Axes, left: str, colour, right: str) -> None:
    """A panel's name, and a remark at its right end; on two lines where one would be too short."""
    axes.set_title(right, loc="right", fontsize=8.5, color=COMPARATOR)
    if left:
        panels = len({round(a.get_position().x0, 3) for a in axes.figure.axes if a.get_visible()})
        two_lines = right and 1.2 * len(left) + len(right) + 3 > 150 / max(panels, 1)
        colour = colour if isinstance(colour, str) else INK
        axes.set_title(left + "\n" if two_lines else left, color=colour, fontweight="bold")


def empty(axes: Axes, words: str) -> None:
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=UNTRUSTED)
