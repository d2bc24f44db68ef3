"""Opens run.h5 and hands out its groups as xarray datasets.

A run file is refused unless it is whole: fathom writes the root attribute `complete` last, so a file
without it belongs to a run that did not end, whatever its datasets hold.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, List, Optional, Union

import h5py
import numpy as np
import xarray as xr

from .errors import RunFileError
from .integrity import verify_checksums
from .layout import CONTENT, refuse_unless_point, refuse_unless_reach
from .seal import check_seal
from .states import TRUSTED

FORMAT = 1
HDF5_ATTRIBUTES = ("CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "_Netcdf4Dimid", "_Netcdf4Coordinates")


def open_run(path: Union[str, Path], verify: bool = True) -> "Run":
    """Opens a run folder or its run.h5.

    @param verify  compare every byte with its stored checksum, but those of matrices of more than 128 MiB
    Throws RunFileError (exit code 66) when the file is missing, truncated, not HDF5, not fathom's,
    of another format version, without its `complete` mark, or when a checksum differs.
    """
    return Run(_locate(Path(path)), verify)


def trusted(spectrum: xr.Dataset) -> xr.Dataset:
    """The modes of a spectrum (or of a dataset with a `state`) whose error bound is below 10 % of the value."""
    return spectrum.isel(mode=np.flatnonzero(spectrum["state"].values == TRUSTED))


def plain(value: Any) -> Any:
    """An HDF5 attribute as plain Python: str, int, float, bool or a list of these."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray):
        items = [plain(v) for v in value.ravel()]
        return items[0] if value.size == 1 else items
    return value.item() if isinstance(value, np.generic) else value


class Run:
    """A complete run file. Groups that a study does not store come back as None."""

    def __init__(self, path: Path, verify: bool = True):
        self.path = path
        try:
            sealed = check_seal(path) if verify else None
            with h5py.File(path, "r") as file:
                self.attributes = {k: plain(v) for k, v in file.attrs.items()}
                self._refuse_unless_whole(file)
                self.verified, self.unverified_because = verify_checksums(file, path, sealed) if verify else (0, "not asked for")
                self.point_names = self._find_points(file)
                self._groups = _group_paths(file)
                self._point_attributes = [
                    {k: plain(v) for k, v in file[g].attrs.items()} if g != "/" else {} for g in self.point_names
                ]
        except RunFileError:
            raise
        except (OSError, KeyError, RuntimeError) as error:
            raise RunFileError(
                f"{path}: cannot be read as HDF5 (truncated, damaged, or another kind of file): {error}"
            ) from error
        self._load = lru_cache(maxsize=48)(self._load_group)

    # What the whole run says

    @property
    def title(self) -> str:
        return str(self.attributes.get("title") or self.path.parent.name)

    @property
    def study(self) -> str:
        return str(self.attributes.get("study", "spectrum"))

    @property
    def certificate(self) -> str:
        """PASS, WARN or FAIL: the worst over the points."""
        return str(self.attributes.get("certificate", "unknown"))

    @property
    def verdict(self) -> Optional[str]:
        return self.attributes.get("verdict") or None

    @property
    def is_sweep(self) -> bool:
        return self.point_names != ["/"]

    @property
    def point_count(self) -> int:
        return len(self.point_names)

    # Groups of a point: 1 … point_count; None stands for the only point of a single run

    def spectrum(self, point: Optional[int] = None) -> Optional[xr.Dataset]:
        """eigenvalue, error_bound, state … over mode (1-based), descending; None where only a density was computed.

        The attribute `route` says how it was found (gram, cascade, svd, extended, matrix_free), `levels` how many
        deflations that took.
        """
        return self._group("spectrum", point)

    def route_spectrum(self, route: str, point: Optional[int] = None) -> Optional[xr.Dataset]:
        """The spectrum that another route found before a deeper one replaced it: route_spectrum("gram")."""
        return self._group(f"{route}_spectrum", point)

    def density(self, point: Optional[int] = None) -> Optional[xr.Dataset]:
        """Stochastic Lanczos quadrature: counts over threshold, effective_dimension over lambda, node and weight.

        Thresholds and ridges are absolute, in units of the eigenvalue.
        """
        return self._group("density", point)

    def data_spectrum(self, point: Optional[int] = None) -> Optional[xr.Dataset]:
        """Covariance spectrum of the data before the layer."""
        return self._group("data_spectrum", point)

    def targets(self, point: Optional[int] = None) -> Optional[xr.Dataset]:
        """coefficient, power, cumulative_power over (mode, target)."""
        return self._group("targets", point)

    def effective_dimension(self, point: Optional[int] = None) -> Optional[xr.Dataset]:
        """effective_dimension over lambda, which is relative to the attribute lambda_max."""
        return self._group("effective_dimension", point)

    def training(self, point: Optional[int] = None) -> Optional[xr.Dataset]:
        """loss of the batch over step, of a network in training."""
        return self._group("training", point)

    def reach_snapshots(self, point: Optional[int] = None) -> Optional[xr.Dataset]:
        """The kernel during training: loss, compute, χ_pos, depths … over snapshot; eigenvalue, error_bound, state
        and gradient_power (u_k·g)²/‖g‖² over (snapshot, mode)."""
        return self._group("reach_snapshots", point)

    def frozen(self, point: Optional[int] = None) -> Optional[xr.Dataset]:
        """loss over (frozen_start, frozen_time) with the kernel frozen at a step; learning_loss of the run itself."""
        return self._group("frozen", point)

    def between_groups(self, point: Optional[int] = None) -> Optional[xr.Dataset]:
        """decrease_first and decrease_last over (group, other_group): what a step on one takes off the loss of the other."""
        return self._group("between_groups", point)

    def quality(self, point: Optional[int] = None) -> Optional[xr.Dataset]:
        """The certificate: name, value, warn, fail, verdict over check."""
        return self._group("quality", point)

    def data_quality(self, point: Optional[int] = None) -> Optional[xr.Dataset]:
        """The certificate of data_spectrum."""
        return self._group("data_quality", point)

    def gram_quality(self, point: Optional[int] = None) -> Optional[xr.Dataset]:
        """The certificate of the Gram route where a deeper one replaced it."""
        return self._group("gram_quality", point)

    def point_keys(self, point: int) -> Dict[str, Any]:
        """Swept keys of a point and their values; empty for a single run."""
        return {k: v for k, v in self._point_attributes[point - 1].items() if "." in k}

    def point_attributes(self, point: int) -> Dict[str, Any]:
        """Attributes of a point's group; of the whole file in a single run."""
        return self._point_attributes[point - 1] if self.is_sweep else self.attributes

    def label(self, point: int) -> str:
        """Short text for legends."""
        return str(self._point_attributes[point - 1].get("label") or (f"point {point}" if self.is_sweep else self.title))

    # Groups of the run

    def reach(self) -> Optional[xr.Dataset]:
        """Reach at equal compute over size, with intervals over the seeds; the verdicts are attributes."""
        return self._optional("/reach")

    def loss_fit(self, variable: str) -> Optional[xr.Dataset]:
        """The law E + A x^-a of loss against parameters, data or compute: its attributes; None where there is no fit."""
        return self._optional(f"/reach/loss_against_{variable}")

    @property
    def points(self) -> xr.Dataset:
        """Table of the points: one variable a swept key, and label, over point (1-based)."""
        table = self._load("/sweep/points") if "/sweep/points" in self._groups else None
        if table is not None:
            return table
        count = np.arange(1, self.point_count + 1)
        labels = np.array([self.label(int(p)) for p in count], dtype=object)
        return xr.Dataset({"label": ("point", labels)}, coords={"point": count})

    @property
    def fits(self) -> Optional[xr.Dataset]:
        return self._optional("/fits")

    @property
    def timing(self) -> Optional[xr.Dataset]:
        return self._optional("/timing")

    @property
    def memory(self) -> Dict[str, float]:
        """Bytes a rank (largest): matrix_bytes, predicted_peak_bytes, measured_peak_bytes where known."""
        return self._scalars("memory")

    @property
    def provenance(self) -> Dict[str, Any]:
        """Decks, command line, libraries, hosts, grid … as plain values."""
        return self._scalars("provenance")

    # How

    def _refuse_unless_whole(self, file: h5py.File) -> None:
        if "format" not in self.attributes:
            raise RunFileError(f"{self.path}: HDF5, but not a run file of fathom (no root attribute 'format')")
        if self.attributes["format"] != FORMAT:
            raise RunFileError(
                f"{self.path}: format {self.attributes['format']}; this reader knows format {FORMAT}. "
                "Use the fathom-report of the version that wrote it"
            )
        if self.attributes.get("complete") != 1:
            raise RunFileError(
                f"{self.path}: not complete (the run did not end, or its result was never verified); "
                "see fathom.log in its folder, and resume or repeat the run"
            )

    def _find_points(self, file: h5py.File) -> List[str]:
        names = sorted(f"/sweep/{k}" for k in file.get("sweep", {}) if k.isdigit())
        if not names and any(name in file for name in CONTENT):
            names = ["/"]
        if not names:
            raise RunFileError(f"{self.path}: holds neither a spectrum nor a density nor snapshots of a training")
        for name in names:
            refuse_unless_point(file[name], f"{self.path}: {name}")
        if "reach" in file:
            refuse_unless_reach(file["reach"], f"{self.path}: /reach")
        return names

    def _group(self, name: str, point: Optional[int]) -> Optional[xr.Dataset]:
        if point is None:
            if self.is_sweep:
                raise ValueError(f"{self.path} holds {self.point_count} points: give point=1 … {self.point_count}")
            point = 1
        if not 1 <= point <= self.point_count:
            raise ValueError(f"point {point} is outside 1 … {self.point_count}")
        return self._optional(f"{self.point_names[point - 1].rstrip('/')}/{name}")

    def _optional(self, group: str) -> Optional[xr.Dataset]:
        return self._load(group) if group in self._groups else None

    def _load_group(self, group: str) -> xr.Dataset:
        # Not xarray.open_dataset, which works on these files but takes 20 times as long for a small group; a sweep has
        # thousands of them.
        try:
            with h5py.File(self.path, "r") as file:
                return read_group(file[group])
        except (OSError, KeyError, RuntimeError, ValueError) as error:
            raise RunFileError(f"{self.path}: group {group} cannot be read: {error}") from error

    def _scalars(self, group: str) -> Dict[str, Any]:
        if f"/{group}" not in self._groups:
            return {}
        with h5py.File(self.path, "r") as file:
            found = {k: plain(v) for k, v in file[group].attrs.items()}
            for name, item in file[group].items():
                if isinstance(item, h5py.Dataset) and item.size <= 4096:
                    found[name] = plain(item[()])
        return found


def read_group(group: h5py.Group) -> xr.Dataset:
    """The datasets of a group over its dimension scales, attributes included, values exactly as stored."""
    coordinates, variables = {}, {}
    for name, item in group.items():
        if not isinstance(item, h5py.Dataset):
            continue
        values = item.asstr()[()] if h5py.check_string_dtype(item.dtype) is not None else item[()]
        attributes = {k: plain(v) for k, v in item.attrs.items() if k not in HDF5_ATTRIBUTES}
        if h5py.h5ds.is_scale(item.id):
            coordinates[name] = (name, values, attributes)
        else:
            variables[name] = ([_axis(item, axis, group) for axis in range(item.ndim)], values, attributes)
    return xr.Dataset(variables, coordinates, {k: plain(v) for k, v in group.attrs.items()})


def _axis(item: h5py.Dataset, axis: int, group: h5py.Group) -> str:
    scales = item.dims[axis]
    if not len(scales):
        return f"{item.name.rsplit('/', 1)[-1]}_{axis}"
    name = h5py.h5ds.get_scale_name(scales[0].id).decode("utf-8", "replace")
    return name if name in group else scales[0].name.rsplit("/", 1)[-1]  # to ask for the path of an object is slow


def _group_paths(file: h5py.File) -> frozenset:
    found = []
    file.visititems(lambda name, item: found.append(f"/{name}") if isinstance(item, h5py.Group) else None)
    return frozenset(found)


def _locate(path: Path) -> Path:
    if path.is_dir():
        inside = path / "run.h5"
        if not inside.is_file():
            raise RunFileError(f"{path}: no run.h5 in this folder (the run has not ended, or it is not a run folder)")
        return inside
    if not path.exists():
        raise RunFileError(f"{path}: no such file or folder")
    if not path.is_file():
        raise RunFileError(f"{path}: neither a file nor a folder")
    return path
