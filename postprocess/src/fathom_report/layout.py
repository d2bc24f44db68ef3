"""What the groups of a point must hold before anything is read from them."""

from typing import Dict, Sequence, Tuple

import h5py
import numpy as np

from .errors import RunFileError

SPECTRUM_VARIABLES = ("eigenvalue", "error_bound", "state")
SNAPSHOT_VARIABLES = ("step", "compute", "loss", "chi_pos")  # over snapshot
OPTIONAL_SNAPSHOT_VARIABLES = (
    "time", "excess_loss", "chi_loss", "chi_net", "chi_pos_trusted", "unreachable_fraction", "top_level", "null_level",
    "depth_half_mode", "depth_90_mode", "depth_half_relative", "depth_90_relative", "floor_relative", "trusted", "largest",
    "chi_pos_lanczos", "chi_pos_gradients", "chi_pos_gradients_standard_error", "signal_share", "noise_share")
MODE_VARIABLES = ("eigenvalue", "state", "gradient_power")  # over (snapshot, mode): all of them or none
REACH_VARIABLES = ("mode", "relative_eigenvalue")  # over size
OPTIONAL_REACH_VARIABLES = ("mode_low", "mode_high", "relative_eigenvalue_low", "relative_eigenvalue_high", "final_loss",
                            "final_loss_low", "final_loss_high")
FIT_ATTRIBUTES = tuple(name + end for name in ("floor", "amplitude", "exponent") for end in ("", "_low", "_high"))
CONTENT = ("spectrum", "density", "reach_snapshots")  # a point holds at least one of them


def refuse_unless_point(point: h5py.Group, place: str) -> None:
    """RunFileError, led by place, where a point lacks its content or holds it in unequal lengths."""
    if not any(name in point for name in CONTENT):
        raise RunFileError(f"{place} holds neither a spectrum nor a density nor snapshots of a training")
    for name in (k for k in point if k == "spectrum" or k.endswith("_spectrum")):
        _refuse_unless_same(point[name], f"{place.rstrip('/')}/{name}", SPECTRUM_VARIABLES)
    if "reach_snapshots" in point:
        _refuse_unless_snapshots(point["reach_snapshots"], f"{place.rstrip('/')}/reach_snapshots")
    if "training" in point:
        _refuse_unless_over(point["training"], f"{place.rstrip('/')}/training", {"loss": ("step",)})
    if "frozen" in point:
        _refuse_unless_frozen(point["frozen"], f"{place.rstrip('/')}/frozen")
    if "between_groups" in point:
        pairs = ("group", "other_group")
        _refuse_unless_over(point["between_groups"], f"{place.rstrip('/')}/between_groups",
                            {"name": ("group",), "decrease_first": pairs, "decrease_last": pairs})


def refuse_unless_reach(group: h5py.Group, place: str) -> None:
    """RunFileError where the table of sizes, or a fit of the loss, is damaged."""
    _refuse_unless_over(group, place, _over("size", group, REACH_VARIABLES, OPTIONAL_REACH_VARIABLES))
    for name in (k for k in group if k.startswith("loss_against_")):
        _refuse_unless_fit(group[name], f"{place}/{name}")


def _refuse_unless_snapshots(group: h5py.Group, place: str) -> None:
    _refuse_unless_over(group, place, _over("snapshot", group, SNAPSHOT_VARIABLES, OPTIONAL_SNAPSHOT_VARIABLES))
    if any(name in group for name in MODE_VARIABLES):
        _refuse_unless_over(group, place, {name: ("snapshot", "mode") for name in MODE_VARIABLES})


def _refuse_unless_frozen(group: h5py.Group, place: str) -> None:
    _refuse_unless_over(group, place, {"loss": ("frozen_start", "frozen_time")})
    learning = group.get("learning_loss")
    if learning is not None and learning.shape not in (group["loss"].shape, group["loss"].shape[1:]):
        raise RunFileError(f"{place}: learning_loss has the shape {learning.shape}, loss {group['loss'].shape}")


def _refuse_unless_fit(group: h5py.Group, place: str) -> None:
    _refuse_if_missing(group, place, ())
    missing = [k for k in FIT_ATTRIBUTES if k not in group.attrs]
    if missing:
        raise RunFileError(f"{place} lacks {', '.join(missing)}")
    wrong = [k for k in FIT_ATTRIBUTES if np.size(group.attrs[k]) != 1 or np.asarray(group.attrs[k]).dtype.kind not in "fiu"]
    if wrong:
        raise RunFileError(f"{place}: {', '.join(wrong)} should be one number each")
    if not 0 < group.attrs["exponent_low"] <= group.attrs["exponent_high"]:
        raise RunFileError(f"{place}: the exponent's interval {group.attrs['exponent_low']:g} … "
                           f"{group.attrs['exponent_high']:g} is none of a falling loss")


def _over(scale: str, group: h5py.Group, needed: Sequence[str], optional: Sequence[str]) -> Dict[str, Tuple[str, ...]]:
    return {name: (scale,) for name in (*needed, *(v for v in optional if v in group))}


def _refuse_unless_same(group: h5py.Group, place: str, names: Sequence[str]) -> None:
    _refuse_if_missing(group, place, names)
    if len({group[v].shape for v in names}) != 1:
        raise RunFileError(f"{place} has variables of unequal length")


def _refuse_unless_over(group: h5py.Group, place: str, scales_of: Dict[str, Tuple[str, ...]]) -> None:
    """Each variable of scales_of has exactly the shape of its scales."""
    scales = list(dict.fromkeys(s for names in scales_of.values() for s in names))
    _refuse_if_missing(group, place, [*scales, *scales_of])
    for name, over in scales_of.items():
        shape = tuple(group[s].size for s in over)
        if group[name].shape != shape:
            raise RunFileError(f"{place}: {name} has the shape {group[name].shape}, its scales "
                               f"({', '.join(over)}) ask for {shape}")


def _refuse_if_missing(group: h5py.Group, place: str, names: Sequence[str]) -> None:
    if not isinstance(group, h5py.Group):
        raise RunFileError(f"{place} is not a group")
    missing = [v for v in names if not isinstance(group.get(v), h5py.Dataset)]
    if missing:
        raise RunFileError(f"{place} lacks {', '.join(missing)}")
