"""Spectral reach: flows in closed form, networks in training, frozen kernels, divergence, decks that cannot be."""
import json
import os
import re
import subprocess

import h5py
import numpy as np
import pytest

from conftest import BINARY, ENVIRONMENT, MPIEXEC, ROOT, deck_of
from reach_decks import DIGITS, MESS3, TRUSTED, check_snapshots, features_deck, network_deck, reach_of, sequence_deck


# --- random features: everything in closed form -------------------------------------------------------------------


@pytest.mark.parametrize("ranks", [1, 2])
def test_features_follow_the_closed_form(once, ranks):
    """From the first snapshot's spectrum and powers: every later one is e^(-2 lambda t / n) of it."""
    n = 120
    r = reach_of(once(features_deck(features=40), ranks))
    check_snapshots(r, n)
    # Squared error: g = r/n and the loss is |r|^2 / (2n).
    np.testing.assert_allclose(r["loss"], n * r["chi_loss"] / 2, rtol=1e-12)
    np.testing.assert_allclose(r["time"], 50 * r["step"], rtol=1e-14)
    np.testing.assert_allclose(r["compute"], 6.0 * 40 * n * r["step"], rtol=1e-14)
    value, power = r["eigenvalue"][0], r["gradient_power"][0]
    assert np.all(r["eigenvalue"] == value)
    for s, time in enumerate(r["time"]):
        left = power * np.exp(-2 * np.maximum(value, 0) * time / n)
        np.testing.assert_allclose(r["chi_loss"][s], r["chi_loss"][0] * left.sum(), rtol=1e-10)
        np.testing.assert_allclose(r["gradient_power"][s], left / left.sum(), rtol=1e-8, atol=1e-280)
        # What stays is the part in the n - d null modes, the same for ever.
        reachable = np.sum(left[:40]) / left.sum()
        np.testing.assert_allclose(r["unreachable_fraction"][s], 1 - reachable, rtol=1e-9)
    assert np.all(np.diff(r["unreachable_fraction"]) >= -1e-15) and r["unreachable_fraction"][-1] > 0.999
    assert np.all(r["state"][:, 40:] == 2) and np.all(r["trusted"] == 40)
    # The raw scalar falls below any mode of the kernel; the trusted one stays among them.
    assert r["chi_pos"][-2] < 1e-12 < value[39] / value.sum() * 0.9 < r["chi_pos_trusted"][-2]


@pytest.mark.parametrize("name, place", [("eigenvalue", (3, 1)), ("gradient_power", (0, 0)), ("state", (0, 2)), ("chi_pos", 2),
                                         ("unreachable_fraction", 1), ("depth_90_mode", 0), ("chi_net", 4)])
def test_the_check_of_snapshots_sees_a_fault(once, name, place):
    r = reach_of(once(features_deck(features=40)))
    check_snapshots(r, 120)
    r[name][place] = 0 if name == "state" else r[name][place] * 1.1 + 1
    with pytest.raises(AssertionError):
        check_snapshots(r, 120)


def test_signal_and_noise_decay_each_for_itself(once):
    """The shares and their cross term sum to one; at t = 0 they are of one spectrum with and without noise."""
    noisy = reach_of(once(features_deck(features=40)))
    clean = reach_of(once(features_deck(features=40).replace("noise = 0.2", "noise = 0.0")))
    np.testing.assert_allclose(noisy["eigenvalue"], clean["eigenvalue"], rtol=1e-10, atol=1e-10 * clean["largest"][0])
    assert np.all(np.isnan(clean["signal_share"])) and np.all(np.isnan(clean["noise_share"]))
    taken = {name: x["chi_pos"] * x["chi_loss"] * x["chi_net"] for name, x in (("noisy", noisy), ("clean", clean))}
    np.testing.assert_allclose(noisy["signal_share"][:4], (taken["clean"] / taken["noisy"])[:4], rtol=1e-8)
    cross = 1 - noisy["signal_share"] - noisy["noise_share"]
    assert np.all(np.abs(cross[:4]) <= 2 * np.sqrt(noisy["signal_share"] * noisy["noise_share"])[:4] * (1 + 1e-9))
    assert noisy["signal_share"][0] > 0.9 and noisy["noise_share"][3] > noisy["noise_share"][0]


def test_more_features_reach_deeper_and_leave_less(once):
    """A small inputs/reach_random_features.toml: reach grows, the unreachable fraction falls with d, and d >= n has none."""
    sizes = [15, 30, 60, 240]
    result = once(features_deck({"kernel.features": sizes, "run.seed": [1, 2]}))
    runs = [reach_of(result, f"sweep/{i:04d}") for i in range(1, 9)]
    by_size = {d: [r for r in runs if r["attributes"]["size"] == d] for d in sizes}
    first = [np.mean([r["unreachable_fraction"][0] for r in by_size[d]]) for d in sizes]
    end = [np.mean([r["loss"][-1] for r in by_size[d]]) for d in sizes]
    assert np.all(np.diff(first) < 0) and first[-1] == 0
    assert np.all(np.diff(end) < 0)
    with result.file() as file:
        reach = {name: file["reach"][name][...] for name in file["reach"]} | dict(file["reach"].attrs)
        verdict = str(file.attrs["verdict"])
    assert list(reach["size"]) == sizes and reach["seeds"] == 2
    assert np.all(np.diff(reach["mode"]) > 0) and np.all(np.diff(reach["final_loss"]) < 0)
    assert np.all(reach["mode"] <= np.array(sizes) * (1 + 1e-12)) and reach["slope"] > 0
    assert np.all(reach["mode_low"] <= reach["mode"]) and np.all(reach["mode"] <= reach["mode_high"])
    assert np.all(np.diff(reach["relative_eigenvalue"]) < 0)
    assert "features" in verdict and "deeper" in verdict


# --- networks -----------------------------------------------------------------------------------------------------


def test_a_network_in_training(once):
    result = once(network_deck())
    r = reach_of(result)
    check_snapshots(r, 60)
    with result.file() as file:
        assert file.attrs["certificate"] in ("PASS", b"PASS")
    assert result.out.count("certificate PASS") == len(r["step"]) + 1  # every snapshot, and the run
    assert list(r["step"]) == [0, 1, 3, 10, 32, 60]
    # 12-24-24-1 with biases; 6 N D, D the samples seen.
    parameters = 12 * 24 + 24 + 24 * 24 + 24 + 24 + 1
    assert r["attributes"]["parameters"] == parameters
    np.testing.assert_allclose(r["compute"], 6.0 * parameters * 60 * r["step"], rtol=1e-14)
    np.testing.assert_allclose(r["time"], 0.05 * r["step"], rtol=1e-12)
    np.testing.assert_allclose(r["loss"], 60 * r["chi_loss"] / 2, rtol=1e-12)
    # The full batch is the samples of the kernel: the training's own losses are those of the snapshots.
    np.testing.assert_allclose(r["training_loss"][r["step"][:-1].astype(int)], r["loss"][:-1], rtol=1e-12)
    assert np.all(np.diff(r["loss"]) < 0)


@pytest.mark.parametrize("deck", [network_deck(), MESS3, DIGITS], ids=["mlp", "transformer", "digits"])
def test_three_routes_to_one_position(once, deck):
    result = once(deck)
    for point in ["sweep/0001", "sweep/0002"] if deck == DIGITS else [""]:
        r = reach_of(result, point)
        np.testing.assert_allclose(r["chi_pos_gradients"], r["chi_pos"], rtol=1e-9)
        np.testing.assert_allclose(r["chi_pos_lanczos"], r["chi_pos"], rtol=1e-8)
        assert np.all(r["chi_pos_gradients_standard_error"] == 0)


def test_an_estimated_trace_has_an_error(once):
    exact = reach_of(once(network_deck()))
    r = reach_of(once(network_deck(study=dict(probes_of_trace=30))))
    error = r["chi_pos_gradients_standard_error"]
    assert np.all(error > 0) and np.all(error < 0.5 * r["chi_pos"])
    assert np.all(np.abs(r["chi_pos_gradients"] - exact["chi_pos"]) < 5 * error)


@pytest.mark.parametrize("deck", [network_deck(), MESS3], ids=["mlp", "transformer"])
def test_ranks_do_not_matter(once, deck):
    one, two = reach_of(once(deck, 1)), reach_of(once(deck, 2))
    for name in ("step", "time", "compute", "state"):
        np.testing.assert_array_equal(one[name], two[name])
    for name in ("loss", "training_loss"):
        np.testing.assert_allclose(one[name], two[name], rtol=1e-10)
    for name in ("chi_pos", "chi_pos_trusted", "chi_net", "chi_loss", "chi_pos_lanczos", "chi_pos_gradients"):
        np.testing.assert_allclose(one[name], two[name], rtol=1e-8)
    if deck != MESS3:
        np.testing.assert_allclose(one["frozen_loss"], two["frozen_loss"], rtol=1e-8)


@pytest.mark.parametrize("precision", ["double", "single"])
def test_groups_of_ranks_train_what_all_of_them_would(once, precision):
    """More networks than groups, of unequal sizes, one of which diverges: the same points as on one rank."""
    deck = network_deck({"kernel.width": [5, 40, 17], "training.learning_rate": [0.05, 1e4]},
                        kernel=dict(activation="relu"), training=dict(precision=precision))
    deck = deck.replace("learning_rate = 0.05\n", "").replace("width = 24\n", "")
    one, three = once(deck, 1, code=82), once(deck, 3, code=82)
    assert "groups" not in one.out and "6 networks in 3 groups of ranks" in three.out
    for i in range(1, 7):
        a, b = reach_of(one, f"sweep/{i:04d}"), reach_of(three, f"sweep/{i:04d}")
        assert dict(a["attributes"]).get("diverged_at") == dict(b["attributes"]).get("diverged_at")
        assert ("diverged_at" in a["attributes"]) == (i % 2 == 0)
        for name in ("step", "time", "compute"):
            np.testing.assert_array_equal(a[name], b[name])
        for name in ("loss", "training_loss", "chi_pos"):
            np.testing.assert_allclose(a[name], b[name], rtol=1e-8)


def test_one_small_step_takes_what_the_kernel_says(once):
    """L(0) - L(1) = rate · chi_loss · chi_net · chi_pos to first order, in every parametrisation and both losses."""
    rate = 1e-6
    teacher = once(network_deck({"kernel.parametrisation": ["standard", "ntk", "maximal_update"]},
                                study=dict(snapshots=1), training=dict(learning_rate=rate, steps=1)))
    digits = once(DIGITS.replace("learning_rate = 0.05", f"learning_rate = {rate}").replace("steps = 60", "steps = 1"))
    runs = [reach_of(teacher, f"sweep/{i:04d}") for i in (1, 2, 3)] + [reach_of(digits, f"sweep/{i:04d}") for i in (1, 2)]
    for r in runs:
        assert list(r["step"]) == [0, 1]
        expected = rate * r["chi_loss"][0] * r["chi_net"][0] * r["chi_pos"][0]
        np.testing.assert_allclose(r["loss"][0] - r["loss"][1], expected, rtol=2e-4)


def test_a_frozen_kernel_and_learning_part_slowly(once):
    """At tiny times nothing has moved yet: frozen and learning lose the same. Later they differ."""
    tiny = reach_of(once(network_deck(training=dict(learning_rate=1e-6, steps=32))))
    fell = tiny["loss"][0] - tiny["loss"][1:]
    np.testing.assert_allclose(tiny["frozen_loss"][0, 0] - tiny["frozen_loss"][0, 1:], fell, rtol=1e-3)
    # A wide network in the ntk parametrisation keeps its kernel; a narrow one does not.
    apart = []
    for width in (4, 1024):
        r = reach_of(once(network_deck(kernel=dict(width=width, depth=1, parametrisation="ntk"),
                                       study=dict(snapshots=1, lanczos_steps=0), training=dict(learning_rate=0.02, steps=100))))
        assert list(r["frozen_start"])[0] == 0
        np.testing.assert_array_equal(r["frozen_learning_loss"], r["loss"])
        apart.append(np.max(np.abs(r["frozen_loss"][0] / r["loss"] - 1)))
    assert apart[1] < 0.03 and apart[0] > 2 * apart[1]


def test_frozen_squared_error_is_the_closed_form(once):
    r = reach_of(once(network_deck()))
    steps = list(r["step"])
    assert len(r["frozen_start"]) == 2
    for curve, start in zip(r["frozen_loss"], r["frozen_start"]):
        at = steps.index(start)
        assert np.all(np.isnan(curve[:at]))
        power, value = r["gradient_power"][at], np.maximum(r["eigenvalue"][at], 0)
        for s in range(at, len(steps)):
            left = np.sum(power * np.exp(-2 * value * (r["time"][s] - r["time"][at]) / 60))
            np.testing.assert_allclose(curve[s], r["loss"][at] * left, rtol=1e-10)


def test_momentum_schedules_and_single_precision(once):
    """Σ of the learning rates under warm-up and cosine decay; single precision follows double to its rounding."""
    more = dict(training=dict(optimiser="momentum", learning_rate=0.01, decay="cosine", final_fraction=0.1, warmup=5, batch=20))
    double = reach_of(once(network_deck(study=dict(samples=30), **more)))
    more["training"]["precision"] = "single"
    single = reach_of(once(network_deck(study=dict(samples=30), **more)))
    np.testing.assert_allclose(single["loss"], double["loss"], rtol=1e-4)
    np.testing.assert_allclose(single["time"], double["time"], rtol=1e-14)
    assert 0.3 * 0.01 * 60 < double["time"][-1] < 0.8 * 0.01 * 60
    np.testing.assert_allclose(double["compute"], 6.0 * double["attributes"]["parameters"] * 20 * double["step"], rtol=1e-14)
    check_snapshots(double, 30)
    assert np.all(np.diff(double["loss"]) < 0)


def test_snapshots_go_deeper_by_their_factor(once):
    """Smooth and in two dimensions: J^T sees modes that J J^T has lost, with their vectors, and the position stays."""
    smooth = dict(study=dict(samples=120, lanczos_steps=20), data=dict(n=120, dim=2, alpha=2.0), kernel=dict(width=48, weight_variance=0.5))
    by = {tail: reach_of(once(network_deck(**smooth, solver=dict(tail=tail)))) for tail in ("gram", "cascade", "svd")}
    gram, unasked = by["gram"], reach_of(once(network_deck(**smooth)))
    np.testing.assert_array_equal(unasked["eigenvalue"], gram["eigenvalue"])
    for tail in ("cascade", "svd"):
        deep = by[tail]
        check_snapshots(deep, 120)
        assert np.all(deep["trusted"] >= gram["trusted"] + 20)
        assert np.all(deep["floor_relative"] < 1e-4 * gram["floor_relative"])
        both = (deep["state"] == TRUSTED) & (gram["state"] == TRUSTED)
        assert np.all(both.sum(axis=1) == gram["trusted"])
        allowed = deep["error_bound"] + gram["error_bound"]
        assert np.all((np.abs(deep["eigenvalue"] - gram["eigenvalue"]) <= allowed)[both])
        assert np.all(deep["unreachable_fraction"] < 0.5 * gram["unreachable_fraction"])
        for name in ("chi_pos", "chi_net", "loss"):
            np.testing.assert_allclose(deep[name], gram[name], rtol=1e-9)
        np.testing.assert_allclose(deep["frozen_loss"], gram["frozen_loss"], rtol=1e-6)
    # Vectors of the deep routes: mode by mode one power where those of the Gram matrix are noise.
    alone = slice(int(gram["trusted"].max()), None)
    cascade, svd, noise = (r["gradient_power"][:, alone] for r in (by["cascade"], by["svd"], gram))
    np.testing.assert_allclose(cascade, svd, rtol=1e-4, atol=1e-9)
    assert np.median(np.abs(noise / svd - 1)) > 0.1


@pytest.mark.parametrize("deck", [network_deck(), MESS3, DIGITS], ids=["mlp", "transformer", "digits"])
def test_the_first_snapshot_is_the_kernel_before_training(once, deck):
    """The study "spectrum" on the same network and samples: the same eigenvalues."""
    r = reach_of(once(deck), "sweep/0001" if deck == DIGITS else "")
    data, kernel = (re.search(rf"^\[{name}\]\n(?:\w.*\n)*", deck, re.M).group() for name in ("data", "kernel"))
    data = re.sub(r"(target_exponent|noise) = .*\n", "", data) + ("n = 16\n" if deck == MESS3 else "")
    with once(deck_of(study=dict(kind="spectrum")) + data + kernel).file() as file:
        value, bound, kernel = file["spectrum/eigenvalue"][...], file["spectrum/error_bound"][...], file["spectrum"].attrs["kernel"]
    assert "empirical NTK" in kernel and len(value) == r["eigenvalue"].shape[1]
    assert np.all(np.abs(value - r["eigenvalue"][0]) <= bound + r["error_bound"][0])
    assert np.any(np.abs(value - r["eigenvalue"][-1]) > 100 * (bound + r["error_bound"][-1]))  # training has moved it


# --- ends that are no results -------------------------------------------------------------------------------------


def test_divergence_is_said_and_what_was_found_stands(tmp_path):
    """Every rank leaves with 82, by a wrapper that notes its code; the snapshots before stand."""
    (tmp_path / "deck.toml").write_text(network_deck(kernel=dict(activation="relu"), training=dict(learning_rate=200.0, steps=1000)))
    wrapped = 'code=0; "$@" || code=$?; echo $code > "$CODES.$OMPI_COMM_WORLD_RANK"'
    done = subprocess.run([MPIEXEC, "--oversubscribe", "-n", "2", "sh", "-c", wrapped, "sh", BINARY, "run", tmp_path / "deck.toml",
                           "--set", f"run.output='{tmp_path / 'out'}'"],
                          env=dict(ENVIRONMENT, CODES=str(tmp_path / "code")), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert [(tmp_path / f"code.{rank}").read_text().strip() for rank in (0, 1)] == ["82", "82"]
    messages = [line for line in done.stderr.splitlines() if line.startswith("fathom: ")]
    assert len(messages) == 1 and "diverged" in messages[0] and "run.h5" in messages[0], done.stderr
    assert "training diverged" in done.stdout
    status = json.loads((tmp_path / "out/status.json").read_text())
    assert status["state"] == "failed" and status["exit_code"] == 82
    with h5py.File(tmp_path / "out/run.h5") as file:
        assert file.attrs["exit_code"] == 82 and file.attrs["complete"] == 1
        diverged_at = file.attrs["diverged_at"]
        steps, loss = file["reach_snapshots/step"][...], file["reach_snapshots/loss"][...]
    assert len(steps) >= 1 and steps[0] == 0 and steps[-1] <= diverged_at < 1000
    assert np.all(np.isfinite(loss))


@pytest.mark.parametrize("rate", [100.0, 1e4])
def test_a_finite_explosion_is_divergence_too(run, rate):
    """Parameters and loss still finite where the kernel's squares overflow: the same end, not a failure of the kernel."""
    result = run(network_deck(study=dict(snapshots=20), training=dict(learning_rate=rate, steps=30)))
    assert result.code == 82 and len(result.messages) == 1 and "diverged" in result.err, result.err
    r = reach_of(result)
    assert 0 < r["attributes"]["diverged_at"] < 30 and np.all(r["step"] < r["attributes"]["diverged_at"])
    assert r["frozen_loss"].shape[1] == len(r["step"]) and np.all(np.isfinite(r["loss"])) and r["loss"][-1] < 1e12


def test_a_diverging_point_does_not_end_the_others(run):
    deck = network_deck({"training.learning_rate": [0.05, 1e4]}, kernel=dict(activation="relu"))
    result = run(deck.replace("learning_rate = 0.05\n", ""))
    assert result.code == 82 and len(result.messages) == 1, result.err
    good, bad = (reach_of(result, f"sweep/000{i}") for i in (1, 2))
    assert "diverged_at" in bad["attributes"] and "diverged_at" not in good["attributes"]
    assert good["step"][-1] == 60 and good["loss"][-1] < good["loss"][0]


@pytest.mark.parametrize("deck, word", [
    (network_deck(study=dict(samples=61)), "study.samples"),
    (network_deck(training=dict(batch=61)), "training.batch"),
    (network_deck(training=dict(warmup=60)), "training.warmup"),
    (network_deck(training=dict(loss="cross_entropy")), "training.loss"),
    (MESS3.replace("batch = 32", "batch = 'full'"), "training.batch"),
    (MESS3 + "[solver]\neigenvalues = 5\n", "solver.eigenvalues"),
    (MESS3.replace("samples = 16", "samples = 16\nfrozen = 1"), "study.frozen"),
    (DIGITS.replace("samples = 12", "samples = 13"), "study.samples"),
    (features_deck(features=40, width=3), "kernel.width"),
    (sequence_deck(positions=[5]), "study.positions"),
    (DIGITS.replace("samples = 12", "samples = 12\nclasses = [10]"), "study.classes"),
    (DIGITS.replace("samples = 12", "samples = 12\nclasses = [1]\nfrozen = 1"), "study.frozen"),
    (sequence_deck(data=dict(process="custom", transitions=[[[0.5]], [[0.4]]])), "data.transitions[0][0]"),
], ids=["samples", "batch", "warmup", "loss", "full_batch_of_sequences", "part_of_a_spectrum", "frozen_sequences",
        "samples_of_a_file", "width_of_features", "position_beyond", "class_beyond", "frozen_in_part", "sums_of_transitions"])
def test_decks_that_cannot_be_are_refused_before_work(run, deck, word):
    result = run(deck, timeout=60)
    assert result.code == 65, (result.code, result.err)
    assert word in result.err
    assert not (result.folder / "run.h5").exists()
    assert "eigensolver" not in result.out


# --- the report ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deck", [network_deck(), MESS3, DIGITS,
                                  features_deck({"kernel.features": [15, 30, 60, 240], "run.seed": [1, 2]})],
                         ids=["mlp", "transformer", "digits", "sizes"])
def test_report(once, deck):
    result = once(deck)
    done = subprocess.run([ROOT / "scripts/fathom-report", result.folder], capture_output=True, text=True,
                          env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    page = (result.folder / "report/report.html").read_text()
    assert "PASS" in page and "reach" in page.lower()
