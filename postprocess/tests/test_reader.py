import shutil

import fathom_report
import h5py
import make_run
import numpy as np
import pytest
import xarray as xr
from fathom_report import RunFileError, cli
from fathom_report.xxh3 import hash_64


def refused(path, *words):
    with pytest.raises(RunFileError) as caught:
        fathom_report.open_run(path)
    message = str(caught.value)
    assert caught.value.exit_code == 66
    assert str(path) in message
    for word in words:
        assert word in message
    assert cli.main([str(path)]) == 66


def edited(source, folder, edit):
    folder.mkdir(exist_ok=True)
    path = folder / "run.h5"
    shutil.copy(source, path)
    with h5py.File(path, "r+") as file:
        edit(file)
    return path


def test_opens_folder_and_file(runs):
    by_file = fathom_report.open_run(runs["sweep"])
    by_folder = fathom_report.open_run(runs["sweep"].parent)
    assert by_file.path == by_folder.path
    assert by_file.point_count == 9 and by_file.is_sweep
    assert by_file.certificate == "PASS"


def test_xarray_opens_the_file_without_this_package(runs):
    with xr.open_dataset(runs["single"], group="spectrum", engine="h5netcdf") as spectrum:
        assert spectrum["eigenvalue"].dims == ("mode",)
        assert spectrum["mode"].values[0] == 1
        ours = fathom_report.open_run(runs["single"]).spectrum()
        np.testing.assert_array_equal(spectrum["eigenvalue"].values, ours["eigenvalue"].values)


@pytest.mark.parametrize("kind,group", [("single", "spectrum"), ("sweep", "fits"), ("sweep", "sweep/points"),
                                        ("digits", "sweep/0001/targets"), ("digits", "sweep/0002/effective_dimension"),
                                        ("single", "quality"), ("single", "timing")])
def test_groups_equal_those_of_xarray(runs, kind, group):
    with xr.open_dataset(runs[kind], group=group, engine="h5netcdf", decode_cf=False) as theirs:
        ours = fathom_report.open_run(runs[kind])._load(f"/{group}")
        xr.testing.assert_equal(ours, theirs.load())


def test_two_axes_come_in_order(runs):
    targets = fathom_report.open_run(runs["digits"]).targets(1)
    assert targets["power"].dims == ("mode", "target")
    assert targets["power"].shape == (150, 10)


def test_trusted_keeps_only_trusted_modes(runs):
    spectrum = fathom_report.open_run(runs["noise_floor"]).spectrum()
    good = fathom_report.trusted(spectrum)
    assert 0 < good.sizes["mode"] < spectrum.sizes["mode"]
    assert (good["error_bound"] < 0.1 * good["eigenvalue"]).all()
    assert (spectrum["eigenvalue"] < 0).any()


def test_points_and_optional_groups(runs):
    sweep, single = fathom_report.open_run(runs["sweep"]), fathom_report.open_run(runs["single"])
    assert list(sweep.points["kernel.degree"].values) == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert sweep.point_keys(4) == {"kernel.degree": 2, "run.seed": 1}
    assert sweep.label(4) == "p = 2, seed 1"
    assert single.points.sizes["point"] == 1
    assert single.fits is None and single.targets() is None
    assert single.memory["matrix_bytes"] == 512 * 2**20
    assert single.provenance["ranks"] == 2 and single.provenance["grid"] == [1, 2]


def test_a_sweep_asks_which_point(runs):
    run = fathom_report.open_run(runs["sweep"])
    with pytest.raises(ValueError, match="give point="):
        run.spectrum()
    with pytest.raises(ValueError, match="outside"):
        run.spectrum(10)


def test_refuses_what_is_not_there(tmp_path):
    refused(tmp_path / "nowhere", "no such file")
    refused(tmp_path, "no run.h5")


def test_refuses_incomplete(runs, tmp_path):
    refused(edited(runs["single"], tmp_path, lambda f: f.attrs.__delitem__("complete")), "not complete")
    refused(edited(runs["single"], tmp_path, lambda f: f.attrs.__setitem__("complete", 0)), "not complete")


def test_refuses_another_format(runs, tmp_path):
    refused(edited(runs["single"], tmp_path, lambda f: f.attrs.__setitem__("format", 2)), "format 2")


def test_refuses_foreign_files(tmp_path):
    text = tmp_path / "text.h5"
    text.write_text("not HDF5 at all\n" * 100)
    refused(text, "HDF5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.arange(3)
    refused(tmp_path / "other.h5", "not a run file of fathom")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_refuses_truncated(runs, tmp_path, share):
    whole = runs["single"].read_bytes()
    path = tmp_path / "run.h5"
    path.write_bytes(whole[: int(share * len(whole))])
    refused(path, "HDF5")


def test_refuses_a_spectrum_without_bounds(runs, tmp_path):
    refused(edited(runs["single"], tmp_path, lambda f: f.__delitem__("spectrum/error_bound")), "error_bound")


def test_refuses_damaged_values(runs, tmp_path):
    assert hash_64() is not None, "libxxhash must be there for this test"
    assert fathom_report.open_run(runs["single"]).verified > 5
    place = len(runs["single"].read_bytes())
    with h5py.File(runs["single"], "r") as file:
        place = file["spectrum/eigenvalue"].id.get_offset() + 8 * 40  # one byte of mode 41
    data = bytearray(runs["single"].read_bytes())
    data[place] ^= 1
    path = tmp_path / "run.h5"
    path.write_bytes(bytes(data))
    refused(path, "damaged", "/spectrum/eigenvalue")
    assert fathom_report.open_run(path, verify=False).verified == 0


def test_refuses_a_lost_dataset(runs, tmp_path):
    refused(edited(runs["single"], tmp_path, lambda f: f.__delitem__("spectrum/law")), "/spectrum/law", "manifest")


def test_xxh3_known_answer():
    # XXH3 64 bits of the empty input with seed 0, as xxHash documents it
    assert hash_64()(b"") == 0x2D06800538D394C2


def test_unfinished_maker_is_refused(tmp_path):
    maker = make_run.RunMaker(tmp_path / "r", "t", "spectrum")
    make_run.put_spectrum(maker, "/", np.array([1.0, 0.5]))
    refused(maker.finish(complete=False), "not complete")
