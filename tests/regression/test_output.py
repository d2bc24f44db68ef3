"""What a run leaves: a file that h5py, xarray and the report read; the digits' decks; a sweep; the command line."""
import json
import subprocess

import h5py
import numpy as np
import pytest
import xarray

from conftest import BINARY, ENVIRONMENT, ROOT, deck_of, population_deck, run_path


def test_xarray_opens_the_spectrum(run):
    result = run(population_deck(120, 480, kind="spectrum"))
    assert result.code == 0, result.err
    with xarray.open_dataset(result.folder / "run.h5", group="spectrum", engine="h5netcdf") as spectrum:
        assert spectrum.eigenvalue.dims == ("mode",) and int(spectrum.mode[0]) == 1
        assert float(spectrum.eigenvalue[0]) == float(spectrum.eigenvalue.max())
        assert {"error_bound", "state", "residual_ratio", "local_slope"} <= set(spectrum.variables)


def test_run_folder_is_complete(run):
    result = run(population_deck(120, 480, kind="spectrum"), sets=["kernel.degree=2"])
    assert result.code == 0, result.err
    for name in ["run.h5", "fathom.log", "status.json", "deck.toml", "deck.resolved.toml"]:
        assert (result.folder / name).stat().st_size > 0, name
    assert json.loads((result.folder / "status.json").read_text())["state"] == "finished"
    with result.file() as file:
        assert file.attrs["complete"] == 1 and file.attrs["certificate"] in ("PASS", b"PASS")
        provenance = dict(file["provenance"].attrs)
        assert "degree = 2" in str(provenance["resolved_deck"]) and "degree = 1" in str(provenance["deck"])
        assert {"git_hash", "blas_loaded", "hosts", "ranks", "command_line"} <= set(provenance)
        assert file["timing/max"].shape == file["timing/name"].shape
    # The resolved deck runs by itself and gives the same spectrum.
    again = run_path(result.folder / "deck.resolved.toml", result.folder.parent / "again")
    assert again.code == 0, again.err
    np.testing.assert_array_equal(again.spectrum()["eigenvalue"], result.spectrum()["eigenvalue"])


def test_sweep_has_a_group_a_point(run):
    deck = population_deck(200, 800) .replace("degree = 1\n", "") + "[sweep]\nkernel.degree = [1, 2]\nrun.seed = [1, 2, 3]\n"
    result = run(deck)
    assert result.code == 0, result.err
    with result.file() as file:
        assert [name for name in sorted(file["sweep"]) if name != "points"] == [f"{i:04d}" for i in range(1, 7)]
        assert list(file["sweep/points/kernel.degree"]) == [1, 1, 1, 2, 2, 2]
        assert len(file["fits/exponent"]) == 2 and list(file["fits/seeds"]) == [3, 3]
        one = file["sweep/0001/spectrum"]
        assert one.attrs["degree"] == 1 and len(one["law"]) == 200
    seeds = [result.spectrum(f"sweep/{i:04d}")["eigenvalue"][0] for i in (1, 2, 3)]
    assert len(set(seeds)) == 3  # the seed changes the matrix


def test_a_point_alone_is_that_point_of_the_sweep(run):
    deck = population_deck(200, 800).replace("degree = 1\n", "") + "[sweep]\nkernel.degree = [1, 2]\nrun.seed = [1, 2]\n"
    whole = run(deck)
    alone = run(deck, arguments=["--point", "3"], folder="alone")
    missing = run(deck, arguments=["--point", "5"], folder="missing")
    assert (whole.code, alone.code, missing.code) == (0, 0, 64) and len(missing.messages) == 1
    np.testing.assert_array_equal(alone.spectrum()["eigenvalue"], whole.spectrum("sweep/0003")["eigenvalue"])
    # Its deck is one of its own: it runs again without --point.
    again = run_path(alone.folder / "deck.toml", alone.folder.parent / "again")
    assert again.code == 0, again.err
    np.testing.assert_array_equal(again.spectrum()["eigenvalue"], alone.spectrum()["eigenvalue"])


def test_digits_and_their_labels(run):
    """A slice of inputs/digits_ntk.toml: the kernel against numpy, the labels' power against an explicit projection."""
    path = ROOT / "inputs/data/digits.h5"
    result = run(deck_of(study=dict(kind="spectrum"),
                         data=dict(source="hdf5", file=path, dataset="features", targets="targets", scale="unit", n=300),
                         kernel=dict(type="nngp", activation="relu", depth=1, weight_variance=2.0, bias_variance=0.1)))
    assert result.code == 0, result.err
    with h5py.File(path) as file:
        x, y = file["features"][:300].astype(float), file["targets"][:300].astype(float)
    x /= np.linalg.norm(x, axis=1)[:, None]
    s0 = 2.0 * x @ x.T / 64 + 0.1
    r = np.sqrt(np.diag(s0))
    theta = np.arccos(np.clip(s0 / np.outer(r, r), -1, 1))
    k = 2.0 * np.outer(r, r) / (2 * np.pi) * (np.sin(theta) + (np.pi - theta) * np.cos(theta)) + 0.1
    values, vectors = np.linalg.eigh(k)
    s = result.spectrum()
    np.testing.assert_allclose(s["eigenvalue"], values[::-1], atol=1e-7 * values[-1])  # arccos loses the diagonal
    with result.file() as file:
        power = file["targets/power"][...]
        cumulative = file["targets/cumulative_power"][...]
    expected = (vectors.T[::-1] @ y) ** 2 / np.sum(y**2, axis=0)
    np.testing.assert_allclose(power[:5], expected[:5], rtol=1e-4)
    np.testing.assert_allclose(cumulative[-1], 1.0, rtol=1e-10)


def test_layer_of_the_digits_before_and_after(run):
    path = ROOT / "inputs/data/digits.h5"
    result = run(deck_of(study=dict(kind="spectrum", data_covariance=True),
                         data=dict(source="hdf5", file=path, dataset="features"),
                         kernel=dict(type="random_features", expectation="empirical", activation="relu", features=200)))
    assert result.code == 0, result.err
    with h5py.File(path) as file:
        x = file["features"][...].astype(float)
    with result.file() as file:
        before = file["data_spectrum/eigenvalue"][...]
        assert np.isfinite(file["spectrum"].attrs["exponent"]) and np.isfinite(file["data_spectrum"].attrs["exponent"])
    np.testing.assert_allclose(before[:40], np.linalg.eigvalsh(x.T @ x / len(x))[::-1][:40], rtol=1e-10)


def test_top_k_by_slepc(run):
    deck = population_deck(200, 800, kind="spectrum")
    every = run(deck)
    top = run(deck, sets=["solver.backend=slepc", "solver.eigenvalues=10"], folder="top")
    if top.code == 65 and "not" in top.err:
        pytest.skip("built without SLEPc")
    assert top.code == 0, top.err
    np.testing.assert_allclose(top.spectrum()["eigenvalue"], every.spectrum()["eigenvalue"][:10], rtol=1e-11)


def test_report_of_a_real_run(run):
    result = run(population_deck(200, 800))
    done = subprocess.run([ROOT / "scripts/fathom-report", result.folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (result.folder / "report/report.html").read_text()
    assert "PASS" in page and "trusted" in page


@pytest.mark.parametrize("arguments, code, word", [
    (["run"], 64, ""), (["nonsense"], 64, ""), (["explain", "kernel.degre"], 64, "kernel.degree"),
    (["explain", "kernel.degree"], 0, "degree"), (["schema"], 0, "$schema"), (["--help"], 0, "Exit codes"),
    (["--version"], 0, "fathom"), (["check", "/nowhere.toml"], 66, "/nowhere.toml"),
    (["points", ROOT / "inputs/quickstart.toml"], 0, "7  kernel.degree = 2, run.seed = 2\n"),
    (["points", ROOT / "inputs/quickstart.toml", "--count"], 0, "15\n"),
    (["points", ROOT / "inputs/law_p1.toml", "--count"], 0, "1\n"),
    (["points", ROOT / "inputs/quickstart.toml", "--count", "--set", "sweep.run.seed=[1, 2]"], 0, "6\n"),
    (["check", ROOT / "inputs/quickstart.toml", "--point", "7"], 0, 'output = "output/quickstart/0007"'),
    (["check", ROOT / "inputs/quickstart.toml", "--point", "16"], 64, "has 15 points"),
])
def test_command_line(arguments, code, word):
    done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == code, done.stderr
    assert word in done.stdout + done.stderr
