from pathlib import Path

import make_deep
import make_reach
import make_run
import pytest


@pytest.fixture(scope="session")
def runs(tmp_path_factory) -> dict:
    """One run file of every kind, by name; tests must not change them."""
    root: Path = tmp_path_factory.mktemp("runs")
    return {
        "sweep": make_run.sweep(root / "sweep", 120, (1, 2, 3), 3),
        "single": make_run.single(root / "single", 100),
        "no_law": make_run.no_law(root / "no_law"),
        "digits": make_run.digits(root / "digits", 150, (1, 2)),
        "noise_floor": make_run.noise_floor(root / "noise_floor", 200),
        "rank": make_run.noise_floor(root / "rank", 150, 3.0, rank=60),
        "untrusted": make_run.untrusted(root / "untrusted"),
        "one_mode": make_run.bare(root / "one_mode", 1),
        "long": make_run.bare(root / "long", 100_000),
        "deep": make_deep.deep(root / "deep"),
        "deep_sweep": make_deep.deep_sweep(root / "deep_sweep"),
        "density": make_deep.density(root / "density"),
        "density_noise": make_deep.density_noise(root / "density_noise"),
        "density_sweep": make_deep.density_sweep(root / "density_sweep"),
        "reach_features": make_reach.features(root / "reach_features", (20, 40, 160), 2, 120),
        "reach_networks": make_reach.networks(root / "reach_networks", (16, 64), 2, 200, make_reach.STEPS[:18]),
        "reach_optimisers": make_reach.optimisers(root / "reach_optimisers", (32, 128), 60),
        "bare_training": make_reach.bare_training(root / "bare_training"),
        "one_training": make_reach.one_training(root / "one_training"),
        "many": make_run.many(root / "many", 14, 12),
    }
