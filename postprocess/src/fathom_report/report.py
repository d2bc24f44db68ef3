"""Puts pictures, tables and provenance of one run into one HTML page."""

from pathlib import Path
from typing import Any, Dict, List, Optional

import jinja2
import numpy as np
import xarray as xr

from . import __version__
from .errors import ReportError
from .figures import cost, dimension, law, overlay, spectrum, targets
from .figures.spectrum import number
from .figures.style import Plot
from .reader import Run, plain
from .states import NULL_BY_RANK, TRUSTED, UNTRUSTED
from .sweep import Configuration, configurations, swept_text

PAGE = "report.html"
ROWS = 400  # rows of a table on the page; the file holds all of them
LONG = 160  # a provenance value longer than this is folded
DECKS = (("deck", "Deck as given"), ("resolved_deck", "Deck resolved: every key with its value"))


def write_report(run: Run, folder: Path) -> Path:
    """Writes report.html with every plot as PNG, SVG and CSV beside it; returns the page's path."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        items = configurations(run)
        plots = {p.name: p for p in _plots(run, items) if p is not None}
        for plot in plots.values():
            plot.write(folder)
        page = folder / PAGE
        page.write_text(_environment().get_template("report.html.j2").render(_context(run, items, plots)), encoding="utf-8")
    except OSError as error:
        raise ReportError(f"{folder}: cannot write the report: {error}") from error
    return page


def _plots(run: Run, items: List[Configuration]) -> List[Optional[Plot]]:
    return [
        spectrum.spectrum(run, items), law.ratio(run, items), law.slope(run, items), overlay.overlay(run, items),
        dimension.before_after(run, items), targets.targets(run, items), targets.targets_overlay(run, items),
        dimension.effective_dimension(run, items), cost.timing(run), cost.memory(run),
    ]


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(loader=jinja2.PackageLoader("fathom_report"), autoescape=True,
                                     trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["number"] = number_text
    return environment


def _context(run: Run, items: List[Configuration], plots: Dict[str, Plot]) -> Dict[str, Any]:
    states = state_totals(run)
    return {
        "run": run, "plots": plots, "states": states, "swept": swept_text(run) if run.is_sweep else "",
        "configurations": [_configuration_row(run, c) for c in items[:ROWS]], "configuration_count": len(items),
        "several_seeds": any(len(c.points) > 1 for c in items),
        "verdicts": _verdicts(run), "fits": _fits(run), "checks": _checks(run),
        "failing": [run.label(p) for p in range(1, run.point_count + 1) if _point_verdict(run, p) not in ("PASS", "")][:20],
        "decks": [(title, str(run.provenance[key])) for key, title in DECKS if run.provenance.get(key)],
        "provenance": _provenance(run), "version": __version__, "row_limit": ROWS,
        "normalization": plain(run.spectrum(1).attrs.get("normalization", "")),
        "kernel": plain(run.spectrum(1).attrs.get("kernel", "")),
    }


def number_text(value: Any, digits: int = 4) -> str:
    """For tables: few digits, no false zeros, a dash for what is unknown."""
    if value is None:
        return "–"
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return str(int(value)).replace("-", "−")
    if isinstance(value, (float, np.floating)):
        return "–" if np.isnan(value) else f"{value:.{digits}g}".replace("-", "−")
    return str(value)


def state_totals(run: Run) -> Dict[str, int]:
    """Modes of every state over all points, and computed values below zero."""
    total = {"modes": 0, "trusted": 0, "untrusted": 0, "null": 0, "negative": 0}
    for point in range(1, run.point_count + 1):
        data = run.spectrum(point)
        state = data["state"].values
        total["modes"] += state.size
        total["negative"] += int((data["eigenvalue"].values < 0).sum())
        for name, value in (("trusted", TRUSTED), ("untrusted", UNTRUSTED), ("null", NULL_BY_RANK)):
            total[name] += int((state == value).sum())
    return total


def _configuration_row(run: Run, item: Configuration) -> Dict[str, Any]:
    spectra = [run.spectrum(p) for p in item.points]
    trusted = [int((s["state"].values == TRUSTED).sum()) for s in spectra]
    nulls = [int((s["state"].values == NULL_BY_RANK).sum()) for s in spectra]
    return {
        "label": item.label, "seeds": len(item.points), "modes": max(s.sizes["mode"] for s in spectra),
        "trusted": _span(trusted), "null": _span(nulls),
        "negative": _span([int((s["eigenvalue"].values < 0).sum()) for s in spectra]),
        "largest": float(spectra[0]["eigenvalue"].values[0]) if spectra[0].sizes["mode"] else None,
        "floor": number(spectra[0], "floor"), "backend": plain(spectra[0].attrs.get("backend", "–")),
        "verdict": _worst([_point_verdict(run, p) for p in item.points]),
    }


def _span(values: List[int]) -> str:
    return str(values[0]) if min(values) == max(values) else f"{min(values)} … {max(values)}"


def _worst(verdicts: List[str]) -> str:
    order = {"": 0, "PASS": 1, "WARN": 2, "FAIL": 3}
    return max(verdicts, key=lambda v: order.get(v, 3))


def _point_verdict(run: Run, point: int) -> str:
    return _worst([""] + [row["verdict"] for row in _point_checks(run, point)])


def _point_checks(run: Run, point: int) -> List[Dict[str, Any]]:
    """The checks of the spectrum and, named so, those of the data's covariance."""
    rows: List[Dict[str, Any]] = []
    for prefix, data in (("", run.quality(point)), ("data covariance: ", run.data_quality(point))):
        if data is not None:
            rows += [{**row, "name": prefix + row["name"]} for row in _rows(data)]
    return rows


def _checks(run: Run) -> List[Dict[str, Any]]:
    """Every check of the certificate; in a sweep that of the point where it stands worst."""
    worst: Dict[str, Dict[str, Any]] = {}
    order = {"PASS": 1, "WARN": 2, "FAIL": 3}
    for point in range(1, run.point_count + 1):
        for row in _point_checks(run, point):
            row["point"] = run.label(point) if run.is_sweep else ""
            known = worst.get(row["name"])
            rank = (order.get(row["verdict"], 3), _closeness(row))
            if known is None or rank > (order.get(known["verdict"], 3), _closeness(known)):
                worst[row["name"]] = row
    return list(worst.values())


def _closeness(row: Dict[str, Any]) -> float:
    """How far a value has gone towards its limit; limits may be negative (smallest eigenvalue)."""
    value, limit = row.get("value"), row.get("fail")
    if not all(isinstance(v, float) and np.isfinite(v) for v in (value, limit)) or limit == 0:
        return float("inf") if isinstance(value, float) and np.isnan(value) else 0.0
    return value / limit


def _rows(data: xr.Dataset) -> List[Dict[str, Any]]:
    """A dataset over one axis as rows of plain values."""
    columns = {str(k): [plain(x) for x in v.values] for k, v in data.data_vars.items() if v.ndim == 1}
    count = len(next(iter(columns.values()), []))
    return [{k: v[i] for k, v in columns.items()} for i in range(count)]


def _fits(run: Run) -> List[Dict[str, Any]]:
    data = run.fits
    if data is None:
        return []
    names = ("alpha", "degree", "activation", "features", "dim", "seeds", "exponent", "exponent_low", "exponent_high",
             "seed_spread", "range_shift", "fit_low", "fit_high", "window_end", "law_ratio_spread",
             "comparator_ratio_min", "comparator_ratio_max", "decided", "verdict")
    return [{k: row.get(k) for k in names} for row in _rows(data)]


def _verdicts(run: Run) -> List[str]:
    """The run's sentence, else one a fit."""
    if run.verdict:
        return [run.verdict]
    return list(dict.fromkeys(str(f["verdict"]) for f in _fits(run) if f["verdict"]))[:12]


def _provenance(run: Run) -> List[Dict[str, Any]]:
    decks = {key for key, _ in DECKS}
    rows = []
    for key, value in run.provenance.items():
        if key in decks or value in ("", []):
            continue
        text = ", ".join(number_text(v, 12) for v in value) if isinstance(value, list) else number_text(value, 12)
        rows.append({"key": key.replace("_", " "), "text": text, "long": len(text) > LONG})
    return rows
