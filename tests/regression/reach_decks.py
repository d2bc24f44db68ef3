"""Decks of trainings, and what the snapshots of any of them must hold to."""
import numpy as np

from conftest import ROOT, deck_of

TRUSTED = 1


def reach_of(result, point=""):
    """Every variable of a point's groups: snapshots by name, training and frozen with a prefix."""
    values = {}
    with result.file() as file:
        node = file[point or "/"]
        values["attributes"] = dict(node.attrs)
        for group, prefix in (("reach_snapshots", ""), ("training", "training_"), ("frozen", "frozen_")):
            if group in node:
                values |= {prefix + name.removeprefix("frozen_"): node[group][name][...] for name in node[group]}
    return values


def reach_deck(sweep=None, **more):
    sections = dict(study=dict(kind="spectral_reach"))
    for name, keys in more.items():
        sections.setdefault(name, {}).update(keys)
    return deck_of(**sections, **({"sweep": sweep} if sweep else {}))


def features_deck(sweep=None, **kernel):
    return reach_deck(sweep, study=dict(snapshots=2),
                      data=dict(source="power_law", n=120, dim=240, alpha=1.5, target_exponent=1.0, noise=0.2),
                      kernel=dict(type="random_features", activation="relu", **kernel),
                      training=dict(learning_rate=50.0, steps=10000))


def network_deck(sweep=None, **more):
    sections = dict(study=dict(samples=60, snapshots=2, lanczos_steps=60),
                    data=dict(source="power_law", n=60, dim=12, alpha=1.5, target_exponent=0.75, noise=0.1),
                    kernel=dict(type="network", width=24, depth=2, activation="tanh", bias_variance=0.1),
                    training=dict(learning_rate=0.05, steps=60))
    for name, keys in more.items():
        sections[name] = sections.get(name, {}) | keys
    return reach_deck(sweep, **sections)


MESS3 = reach_deck(study=dict(samples=16, snapshots=1, lanczos_steps=40),
                   data=dict(source="hidden_markov", process="mess3", context=10),
                   kernel=dict(type="network", depth=1, width=16, heads=2, activation="gelu"),
                   training=dict(optimiser="adam", learning_rate=0.01, steps=60, batch=32))

DIGITS = reach_deck({"training.loss": ["squared_error", "cross_entropy"]},
                    study=dict(samples=12, snapshots=1, lanczos_steps=120),
                    data=dict(source="hdf5", file=ROOT / "inputs/data/digits.h5", dataset="features", targets="targets",
                              scale="standard", n=12),
                    kernel=dict(type="network", width=16, depth=1, activation="relu", weight_variance=2.0),
                    training=dict(learning_rate=0.05, steps=60))


def sequence_deck(sweep=None, data=None, **study):
    return reach_deck(sweep, study=dict(samples=6, snapshots=1, lanczos_steps=60) | study,
                      data=dict(source="hidden_markov", context=4) | (data or {}),
                      kernel=dict(type="network", depth=1, width=8, activation="gelu"),
                      training=dict(optimiser="adam", learning_rate=0.01, steps=8, batch=16))


def depth(eigenvalue, bound, decrease, share):
    """Last mode of the group in which `share` of the decrease is reached; a group: within both bounds of its first."""
    trusted = np.flatnonzero(decrease >= 0)
    total, done, first = decrease[trusted].sum(), 0.0, 0
    while first < len(trusted):
        last = first
        while last + 1 < len(trusted) and (eigenvalue[trusted[first]] - eigenvalue[trusted[last + 1]]
                                           <= bound[trusted[first]] + bound[trusted[last + 1]]):
            last += 1
        done += decrease[trusted[first:last + 1]].sum()
        if total > 0 and done >= share * total * (1 - 1e-12):
            return trusted[last] + 1
        first = last + 1
    return 0


def check_snapshots(r, samples):
    """Every scalar of every snapshot, from eigenvalues, states and the gradient's powers alone."""
    count = len(r["step"])
    for s in range(count):
        value, power, trusted = r["eigenvalue"][s], r["gradient_power"][s], r["state"][s] == TRUSTED
        assert trusted.sum() == r["trusted"][s] > 0 and r["largest"][s] == value[0]
        np.testing.assert_allclose(power.sum(), 1, rtol=1e-9)
        np.testing.assert_allclose(value.sum(), r["chi_net"][s], rtol=1e-9)
        np.testing.assert_allclose(r["chi_pos"][s], value @ power / r["chi_net"][s], rtol=1e-9)
        np.testing.assert_allclose(r["unreachable_fraction"][s], power[~trusted].sum(), rtol=1e-9, atol=1e-15)
        if power[trusted].sum() > 1e-25:
            inside = value[trusted] @ power[trusted] / power[trusted].sum() / r["chi_net"][s]
            np.testing.assert_allclose(r["chi_pos_trusted"][s], inside, rtol=1e-9)
        np.testing.assert_allclose(r["top_level"][s], value[0] / r["chi_net"][s], rtol=1e-12)
        np.testing.assert_allclose(r["null_level"][s], 1 / len(value), rtol=1e-12)
        decrease = np.where(trusted, value * power, -1)
        for share, name in ((0.5, "half"), (0.9, "90")):
            mode = depth(value, r["error_bound"][s], decrease, share)
            assert r[f"depth_{name}_mode"][s] == mode
            if mode:
                np.testing.assert_allclose(r[f"depth_{name}_relative"][s] * value[0], value[mode - 1], rtol=0,
                                           atol=2 * r["error_bound"][s].max())
    assert np.all(np.diff(r["step"]) > 0) and np.all(np.diff(r["compute"]) > 0)
    assert r["attributes"]["n"] == samples
