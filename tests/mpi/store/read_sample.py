"""Reads what SampleForPython wrote with h5py, h5netcdf and xarray: read_sample.py FOLDER."""

import sys
import warnings
from pathlib import Path

import h5netcdf
import h5py
import numpy as np
import xarray as xr

sys.path.insert(0, str(Path(__file__).parents[3] / "postprocess/src"))
from fathom_report.seal import check_seal

warnings.simplefilter("error")
path = Path(sys.argv[1]) / "run.h5"

with h5py.File(path) as file:
    assert file.attrs["complete"] == 1
    assert file.attrs["format"] == 1 and file.attrs["exit_code"] == 0
    assert file.attrs["title"] == "Sample, é"
    assert file["provenance"].attrs["deck"] == "schema = 1\n"
    assert list(file["provenance"].attrs["seeds"]) == [1, 2, 3]
    assert len(file["provenance"].attrs["git_hash"]) >= 7
    assert file["provenance"].attrs["blas_loaded"] and file["provenance"].attrs["hosts"]

    # A plain file: numbers and text only, and a scale on every axis.
    def look(name, item):
        if not isinstance(item, h5py.Dataset):
            return
        kind = item.dtype.kind
        assert kind in "fi" or h5py.check_string_dtype(item.dtype).encoding == "utf-8", name
        for axis in range(item.ndim):
            assert h5py.h5ds.is_scale(item.id) or len(item.dims[axis]) == 1, f"{name} axis {axis} has no scale"

    file.visititems(look)
    hashed = set(file["provenance/hashes/path"].asstr()[:])
    assert "/sweep/0001/spectrum/eigenvalue" in hashed and "/eigenvectors/eigenvector" in hashed
    assert all(len(h) == 16 for h in file["provenance/hashes/hash"].asstr()[:])

with h5netcdf.File(path, "r") as file:
    assert file["sweep/0002/spectrum"].dimensions["mode"] is not None
    assert file["targets/power"].dimensions == ("mode", "target")

with xr.open_dataset(path, group="sweep/0001/spectrum", engine="h5netcdf") as data:
    assert data.eigenvalue.dims == ("mode",)
    assert list(data.mode.values) == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(data.eigenvalue, [16, 8, 4, 2, 1e-300])
    np.testing.assert_array_equal(data.state, [1, 1, 1, 0, 2])
    assert np.isnan(data.residual_ratio.values).tolist() == [False, True, True, True, False]
    assert data.attrs["trace"] == 30.0 and data.attrs["n"] == 5
    assert data.eigenvalue.attrs["long_name"] == "eigenvalues of K"
    assert float(data.eigenvalue.sel(mode=3)) == 4

with xr.open_dataset(path, group="targets", engine="h5netcdf") as data:
    np.testing.assert_array_equal(data.power.transpose("mode", "target"), [[1, 2], [3, 4], [5, 6]])
with xr.open_dataset(path, group="quality", engine="h5netcdf") as data:
    assert list(data.name.values) == ["trace", "ascending order"]
with xr.open_dataset(path, group="empty", engine="h5netcdf") as data:
    assert data.sizes["check"] == 0
with xr.open_dataset(path, group="eigenvectors", engine="h5netcdf") as data:
    np.testing.assert_array_equal(
        data.eigenvector.transpose("item", "mode"), np.arange(7)[:, None] + 0.001 * np.arange(5)
    )
# The report's reader and fathom agree about the seal.
compared, left_out = check_seal(path)
assert compared > 15 and left_out == 0
print("read by h5py, h5netcdf and xarray")
