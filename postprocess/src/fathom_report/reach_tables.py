"""The tables of a study of reach: models and sizes."""

from typing import Any, Dict, List, Optional

import numpy as np

from .reach import Series, modes_of, optimum, seeds_at_compute, equal_compute, series_of, verdict_sentences
from .reader import Run, plain
from .states import TRUSTED

SIZE_COLUMNS = ("mode", "relative_eigenvalue", "final_loss")


def reach_context(run: Run) -> Optional[Dict[str, Any]]:
    """What the page says about reach; None where the run holds no training."""
    found = series_of(run)
    if not found:
        return None
    data = [run.reach_snapshots(p) for s in found for p in s.points]
    last = [modes_of(d)[1][-1] for d in data if modes_of(d) is not None and d.sizes["snapshot"]]
    table = run.reach()
    attributes = {} if table is None else {k: plain(v) for k, v in table.attrs.items()}
    known = run.verdict or ""
    compute = equal_compute(run, found)
    return {
        "snapshots": sum(d.sizes["snapshot"] for d in data), "points": len(data), "modes": sum(s.size for s in last),
        "trusted": sum(int((s == TRUSTED).sum()) for s in last), "size_name": found[0].size_name,
        "sizes": _sizes(run), "models": [_model(run, s, compute) for s in found], "compute": compute,
        "several_seeds": any(len(s.points) > 1 for s in found), "several": len(found) > 1,
        "optimisers": len({s.optimiser for s in found}) > 1, "attributes": attributes,
        "verdicts": [v for v in verdict_sentences(run) if known and v not in known],
    }


def _sizes(run: Run) -> List[Dict[str, Any]]:
    """A row a size of /reach: every value with its interval."""
    data = run.reach()
    if data is None:
        return []
    columns = {k: [plain(v) for v in data[k].values] for k in map(str, data.data_vars) if data[k].dims == ("size",)}
    rows = [{"size": plain(size), **{k: v[i] for k, v in columns.items()}} for i, size in enumerate(data["size"].values)]
    names = [n + suffix for n in SIZE_COLUMNS for suffix in ("", "_low", "_high")] + ["optimiser"]
    return [{**dict.fromkeys(names), **row} for row in rows]


def _model(run: Run, series: Series, compute: float) -> Dict[str, Any]:
    """Where a model stands at the compute at which models are compared: means over its seeds."""
    about = run.point_attributes(series.points[0])
    row = {"label": series.label, "seeds": len(series.points), "parameters": about.get("parameters"),
           "rows": about.get("rows"), "optimiser": series.optimiser, "optimum": optimum(run, series.points[0])}
    for name in ("loss", "excess_loss", "chi_pos", "chi_pos_trusted", "unreachable_fraction", "depth_half_mode",
                 "depth_90_mode", "depth_90_relative", "floor_relative", "trusted"):
        values = seeds_at_compute(run, series, name, compute)
        whole = values.size == len(series.points)
        positive = whole and (values > 0).all() and name not in ("unreachable_fraction", "trusted")
        row[name] = float(np.exp(np.log(values).mean())) if positive else float(values.mean()) if whole else None
    return row
