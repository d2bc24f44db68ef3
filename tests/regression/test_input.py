"""What is wrong with a user's input ends the run with the documented code and one clear message, on every rank, and
leaves nothing that looks complete."""
import json
import os
import shutil
import subprocess

import h5py
import numpy as np
import pytest

from conftest import BINARY, ENVIRONMENT, MPIEXEC, deck_of, population_deck


def gram_deck(path, dataset=None, **more):
    kernel = dict(type="gram_file", file=path)
    if dataset:
        kernel["dataset"] = dataset
    return deck_of(study=dict(kind="spectrum"), kernel=kernel, **more)


def psd(n, seed=1):
    x = np.random.default_rng(seed).standard_normal((n, 2 * n))
    return x @ x.T / n


def refused(result, code, *words):
    assert result.code == code, (result.code, result.err, result.out[-2000:])
    assert len(result.messages) == 1, result.err
    for word in words:
        assert word in result.messages[0], result.messages[0]
    assert not (result.folder / "run.h5").exists()
    status = result.folder / "status.json"
    if status.exists():
        told = json.loads(status.read_text())
        assert told["state"] == "failed" and told["exit_code"] == code


@pytest.mark.parametrize("ranks", [1, 3])
def test_one_nan(run, tmp_path, ranks):
    a = psd(90)
    a[70, 13] = a[13, 70] = np.nan
    np.save(tmp_path / "a.npy", a)
    refused(run(gram_deck(tmp_path / "a.npy"), ranks, timeout=30), 82, "NaN")


def test_asymmetric(run, tmp_path):
    a = psd(90)
    a[70, 13] += 1e-6
    np.save(tmp_path / "a.npy", a)
    refused(run(gram_deck(tmp_path / "a.npy"), timeout=30), 66, "symmetric")


def test_not_positive_semidefinite(run, tmp_path):
    a = psd(90)
    np.save(tmp_path / "a.npy", a - 2 * np.eye(90))
    refused(run(gram_deck(tmp_path / "a.npy"), timeout=30), 82, "positive semi-definite")


@pytest.mark.parametrize("order", ["C", "F"])
def test_float32_noise_is_accepted(run, tmp_path, order):
    x = np.random.default_rng(2).standard_normal((120, 40))
    exact = x @ x.T
    stored = exact.astype(np.float32)
    stored = np.triu(stored) + np.triu(stored, 1).T
    noise = np.random.default_rng(3).standard_normal(stored.shape) * 2e-7 * np.abs(stored)  # rounding-sized asymmetry
    np.save(tmp_path / "a.npy", np.asarray(stored + noise, dtype=np.float32, order=order))
    result = run(gram_deck(tmp_path / "a.npy"), timeout=30)
    assert result.code == 0, result.err
    s = result.spectrum()
    assert s["input_epsilon"] == 2.0**-24
    assert s["trusted_count"] == 40 and not np.any(s["state"][40:] == 1)  # the true rank: noise is not trusted
    assert s["representation_error"] > 1e3 * s["error_bound"].max()
    assert s["eigenvalue"][39] > s["floor"] > 10 * s["representation_error"]
    np.testing.assert_allclose(s["eigenvalue"][:40], np.linalg.eigvalsh(exact)[::-1][:40], rtol=1e-4)


def test_float64_hdf5_is_right(run, tmp_path):
    a = psd(101)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["deep/gram"] = a
    result = run(gram_deck(tmp_path / "a.h5", "deep/gram"), ranks=3)
    assert result.code == 0, result.err
    s = result.spectrum()
    assert np.all(np.abs(s["eigenvalue"] - np.linalg.eigvalsh(a)[::-1]) <= s["error_bound"])
    assert s["trusted_count"] == 101


def test_truncated_npy(run, tmp_path):
    np.save(tmp_path / "a.npy", psd(90))
    os.truncate(tmp_path / "a.npy", 20000)
    refused(run(gram_deck(tmp_path / "a.npy"), timeout=30), 66, "a.npy")


def test_truncated_hdf5(run, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["gram"] = psd(90)
    os.truncate(tmp_path / "a.h5", 3000)
    refused(run(gram_deck(tmp_path / "a.h5", "gram"), timeout=30), 66, "a.h5")


def test_missing_dataset_names_the_nearest(run, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["gram"] = psd(20)
    refused(run(gram_deck(tmp_path / "a.h5", "gran"), timeout=30), 66, "gran", "gram")


def test_wrong_shape(run, tmp_path):
    np.save(tmp_path / "a.npy", np.ones((30, 31)))
    refused(run(gram_deck(tmp_path / "a.npy"), timeout=30), 66, "30", "31")


def test_missing_file(run, tmp_path):
    refused(run(gram_deck(tmp_path / "nowhere.npy"), timeout=30), 66, "nowhere.npy")


def test_existing_output(run):
    deck = population_deck(60, 240, kind="spectrum")
    assert run(deck).code == 0
    again = run(deck, timeout=30)
    assert again.code == 73 and len(again.messages) == 1 and "overwrite" in again.messages[0]
    assert (again.folder / "run.h5").exists()  # the first result is untouched
    assert run(deck, sets=["run.overwrite=true"]).code == 0


def test_a_faulty_deck(run):
    result = run(population_deck(0, 240, kernel=dict(degre=2)), timeout=30)
    assert result.code == 65
    assert "deck.toml:" in result.err and "did you mean" in result.err
    assert not result.folder.exists()


def test_too_large_for_this_machine(run):
    refused(run(population_deck(2_000_000, 4_000_000, kind="spectrum"), timeout=30), 71, "GiB")


def test_full_disk(run, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk]).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        refused(run(population_deck(1500, 3000, kind="spectrum"), folder="disk/out", timeout=60), 74, "out")
    finally:
        subprocess.run(["umount", disk], check=True)


def test_no_right_to_write(run, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    result = run(population_deck(60, 240, kind="spectrum"), folder="file/out", timeout=30)
    assert result.code == 74 and len(result.messages) == 1
    shutil.rmtree(result.folder, ignore_errors=True)


@pytest.mark.parametrize("fault, code", [("one NaN", 82), ("missing", 66), ("deck", 65)])
def test_every_rank_ends_with_the_code(tmp_path, fault, code):
    a = psd(90)
    a[5, 5] = np.nan
    np.save(tmp_path / "a.npy", a)
    text = {"one NaN": gram_deck(tmp_path / "a.npy"), "missing": gram_deck(tmp_path / "b.npy"), "deck": "schema = 2\n"}[fault]
    (tmp_path / "deck.toml").write_text(text)
    # Each rank's shell notes the code; it ignores mpirun's signal to stop once another rank has ended.
    shell = f'trap "" TERM; "$@"; c=$?; echo $c > {tmp_path}/rank.$OMPI_COMM_WORLD_RANK; exit $c'
    subprocess.run([MPIEXEC, "--oversubscribe", "-n", "3", "sh", "-c", shell, "sh", BINARY, "run", tmp_path / "deck.toml",
                    "--set", f"run.output={tmp_path}/out"], env=ENVIRONMENT, capture_output=True, timeout=60)
    codes = [(tmp_path / f"rank.{rank}").read_text().strip() for rank in range(3)]
    assert codes == [str(code)] * 3
