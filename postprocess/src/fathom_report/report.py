"""Puts pictures, tables and provenance of one run into one HTML page."""

from pathlib import Path
from typing import Any, Dict, List, Optional

import jinja2
import numpy as np
import xarray as xr

from . import __version__
from .errors import ReportError
from .figures import (cost, density, dimension, law, overlay, reach_fits, reach_groups, reach_learning, reach_modes,
                      reach_sizes, spectrum, targets)
from .figures import reach as reach_figure
from .figures import routes as routes_figure
from .figures.modes import number, untrusted_in
from .figures.style import Plot
from .reach import series_of, verdict_sentences
from .reach_tables import reach_context
from .reader import Run, plain
from .routes import routes_of
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
    modal = [c for c in items if run.spectrum(c.points[0]) is not None]
    over_modes = (spectrum.spectrum, routes_figure.route_plot, law.ratio, law.slope, overlay.overlay, dimension.before_after,
                  targets.targets, targets.targets_overlay, dimension.effective_dimension)
    trained = series_of(run)
    over_training = (reach_sizes.sizes, reach_figure.loss, reach_fits.fits, reach_figure.position,
                     reach_sizes.raw_against_trusted, reach_figure.unreachable, reach_modes.depths, reach_modes.measure,
                     reach_groups.between_groups, reach_learning.frozen, reach_learning.optimisers, reach_figure.noise,
                     reach_sizes.routes)
    return ([figure(run, trained) for figure in over_training if trained]
            + [figure(run, modal) for figure in over_modes if modal]
            + [figure(run, items) for figure in (density.counts, density.dimensions, density.nodes)]
            + [cost.timing(run), cost.memory(run)])


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(loader=jinja2.PackageLoader("fathom_report"), autoescape=True,
                                     trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["number"] = number_text
    environment.filters["count"] = lambda value: number_text(value if value is None else int(value))
    return environment


def _context(run: Run, items: List[Configuration], plots: Dict[str, Plot]) -> Dict[str, Any]:
    states = state_totals(run)
    return {
        "run": run, "plots": plots, "states": states, "swept": swept_text(run) if run.is_sweep else "",
        "configurations": [_configuration_row(run, c) for c in items[:ROWS] if run.spectrum(c.points[0]) is not None],
        "configuration_count": len(items), "replaced_count": len(routes_figure.replaced(run, items)),
        "several_seeds": any(len(c.points) > 1 for c in items),
        "verdicts": _verdicts(run), "fits": _fits(run), "checks": _checks(run),
        "failing": [run.label(p) for p in range(1, run.point_count + 1) if _point_verdict(run, p) not in ("PASS", "")][:20],
        "decks": [(title, str(run.provenance[key])) for key, title in DECKS if run.provenance.get(key)],
        "provenance": _provenance(run), "version": __version__, "row_limit": ROWS,
        "routes": _routes(run, items), "route_notes": _route_notes(run, items), "densities": _densities(run, items),
        "normalization": _said(run, "normalization"), "kernel": _said(run, "kernel"), "reach": reach_context(run),
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
        if data is None:
            continue
        state = data["state"].values
        total["modes"] += state.size
        total["negative"] += int((data["eigenvalue"].values < 0).sum())
        for name, value in (("trusted", TRUSTED), ("untrusted", UNTRUSTED), ("null", NULL_BY_RANK)):
            total[name] += int((state == value).sum())
    return total


def _configuration_row(run: Run, item: Configuration) -> Dict[str, Any]:
    spectra = [s for s in map(run.spectrum, item.points) if s is not None]
    final = routes_of(run, item.points[0])[-1]
    trusted = [int((s["state"].values == TRUSTED).sum()) for s in spectra]
    nulls = [int((s["state"].values == NULL_BY_RANK).sum()) for s in spectra]
    return {
        "label": item.label, "seeds": len(item.points), "modes": max(s.sizes["mode"] for s in spectra),
        "trusted": _span(trusted), "null": _span(nulls),
        "negative": _span([int((s["eigenvalue"].values < 0).sum()) for s in spectra]),
        "largest": float(spectra[0]["eigenvalue"].values[0]) if spectra[0].sizes["mode"] else None,
        "floor": number(spectra[0], "floor"), "backend": plain(spectra[0].attrs.get("backend", "–")),
        "route": final.text + (f", {final.levels} levels" if (final.levels or 0) > 1 else ""),
        "verdict": _worst([_point_verdict(run, p) for p in item.points]),
    }


def _said(run: Run, name: str) -> str:
    """What the first point says about itself."""
    found = [d for d in (run.spectrum(1), run.density(1)) if d is not None]
    return _text(found[0], name) if found else ""


def _text(data: xr.Dataset, name: str) -> str:
    return str(plain(data.attrs.get(name, "")))


def _routes(run: Run, items: List[Configuration]) -> List[Dict[str, Any]]:
    """A row a route, of the configurations where a deeper route replaced another."""
    rows = []
    for item in routes_figure.replaced(run, items):
        found = routes_of(run, item.points[0])
        for route in found:
            value, state = route.data["eigenvalue"].values, route.data["state"].values
            rows.append({
                "label": item.label, "route": route.text, "kept": route.group == "spectrum", "levels": route.levels,
                "trusted": route.count(TRUSTED), "untrusted": route.count(UNTRUSTED), "null": route.count(NULL_BY_RANK),
                "negative": int(((value < 0) & (state == UNTRUSTED)).sum()), "floor": route.floor,
                "smallest": route.smallest_trusted, "sentence": route.sentence(),
                "apart": None if route is found[-1] else routes_figure.disagreements(route, found[-1]),
            })
    return rows


def _route_notes(run: Run, items: List[Configuration]) -> List[str]:
    """What the routes say of themselves, or why none went deeper; each sentence once, with the first that says it."""
    notes: Dict[str, str] = {}
    for item in items:
        data = run.spectrum(item.points[0])
        if data is not None and _text(data, "route_note"):
            notes.setdefault(_text(data, "route_note"), item.label)
    return [(f"{label}: " if run.is_sweep else "") + note for note, label in list(notes.items())[:6]]


def _densities(run: Run, items: List[Configuration]) -> List[Dict[str, Any]]:
    """Moments and tail exponent of every density, beside those of the computed spectrum where it is whole."""
    rows = []
    for item in items:
        data, spectrum = run.density(item.points[0]), run.spectrum(item.points[0])
        if data is None:
            continue
        row = {"label": item.label}
        for name in ("n", "probes", "steps", "seconds", "resolved", "exponent", "exponent_low", "exponent_high", "trace",
                     "trace_standard_error", "frobenius_squared", "frobenius_squared_standard_error"):
            row[name] = number(data, name)
        whole = spectrum is not None and number(spectrum, "n") in (None, float(spectrum.sizes["mode"]))
        frobenius = number(spectrum, "frobenius") if whole else None
        row["dense_trace"] = number(spectrum, "trace") if whole else None
        row["dense_frobenius_squared"] = None if frobenius is None else frobenius**2
        rows.append(row)
    return rows


def _span(values: List[int]) -> str:
    return str(values[0]) if min(values) == max(values) else f"{min(values)} … {max(values)}"


def _worst(verdicts: List[str]) -> str:
    order = {"": 0, "PASS": 1, "WARN": 2, "FAIL": 3}
    return max(verdicts, key=lambda v: order.get(v, 3))


def _point_verdict(run: Run, point: int) -> str:
    return _worst([""] + [row["verdict"] for row in _point_checks(run, point) if not row["replaced"]])


def _point_checks(run: Run, point: int) -> List[Dict[str, Any]]:
    """The checks of the spectrum and, named so, those of the data's covariance and of replaced routes."""
    rows: List[Dict[str, Any]] = []
    for prefix, data, replaced in (("", run.quality(point), False),
                                   ("data covariance: ", run.data_quality(point), False),
                                   ("replaced Gram route: ", run.gram_quality(point), True)):
        if data is not None:
            rows += [{**row, "name": prefix + row["name"], "replaced": replaced} for row in _rows(data)]
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
    rows = [{k: row.get(k) for k in names} for row in _rows(data)]
    for row in rows:
        row["untrusted"] = _untrusted_fitted(run, row)
    return rows


def _untrusted_fitted(run: Run, fit: Dict[str, Any]) -> int:
    """Most modes, over the points of a fit, that were fitted and are not trusted."""
    spectra = [s for s in map(run.spectrum, range(1, run.point_count + 1)) if s is not None]
    keys = ("alpha", "degree", "activation", "features", "dim")
    own = [s for s in spectra if all(plain(s.attrs[k]) == fit[k] for k in keys if k in s.attrs and fit[k] is not None)]
    return max((untrusted_in(s, fit["fit_low"], fit["fit_high"]) for s in own), default=0)


def _verdicts(run: Run) -> List[str]:
    """The run's sentence, else those about its reach, else one a fit."""
    if run.verdict:
        return [run.verdict]
    if verdict_sentences(run):
        return verdict_sentences(run)
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
