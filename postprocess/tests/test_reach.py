"""Networks in training: what is read, drawn, tabled and said; and that no picture shows an untrusted mode."""

import csv
import shutil

import fathom_report
import h5py
import make_reach
import make_run
import matplotlib.pyplot as plt
import numpy as np
import pytest
from audit import training_offences
from fathom_report import RunFileError, cli, reach
from fathom_report.figures import reach_learning, reach_modes, reach_sizes
from fathom_report.report import write_report

CURVES = {"reach_loss", "reach_position", "reach_unreachable", "reach_depth", "reach_measure", "reach_noise", "reach_routes"}
PLOTS = {"reach_features": CURVES | {"reach_size", "reach_raw", "reach_fits"},
         "reach_networks": CURVES | {"reach_size", "reach_raw", "reach_fits", "reach_frozen", "reach_groups"},
         "bare_training": {"reach_loss", "reach_position"}}


@pytest.fixture(scope="module")
def pages(runs, tmp_path_factory):
    root = tmp_path_factory.mktemp("reach_reports")
    for kind in PLOTS:
        write_report(fathom_report.open_run(runs[kind]), root / kind)
    return root


def opened(runs, kind):
    return fathom_report.open_run(runs[kind], verify=False)


def table(path, **where):
    with open(path, encoding="utf-8", newline="") as file:
        return [r for r in csv.DictReader(file) if all(r[k] == str(v) for k, v in where.items())]


def column(path, name, **where):
    return np.array([float(r[name]) for r in table(path, **where)])


def edited(source, folder, edit):
    folder.mkdir(exist_ok=True)
    shutil.copy(source, folder / "run.h5")
    with h5py.File(folder / "run.h5", "r+") as file:
        edit(file)
    return folder / "run.h5"


def drawn(plot):
    if plot is not None:
        plt.close(plot.figure)
    return plot


# Reading


def test_every_group_can_be_read(runs):
    run = opened(runs, "reach_networks")
    snapshots = run.reach_snapshots(1)
    assert snapshots["gradient_power"].dims == ("snapshot", "mode") and snapshots["chi_pos"].dims == ("snapshot",)
    assert run.training(1)["loss"].dims == ("step",)
    assert run.frozen(1)["loss"].dims == ("frozen_start", "frozen_time")
    assert list(run.reach()["size"].values) == [16, 64] and run.reach().attrs["verdict_depth"].startswith("Undecided")
    assert run.point_attributes(1)["size_name"] == "width" and run.spectrum(1) is None


def test_a_single_training_is_the_root_group(runs):
    run = opened(runs, "one_training")
    assert run.point_count == 1 and not run.is_sweep
    assert run.reach_snapshots().sizes["mode"] == 120 and run.reach() is None
    assert run.point_attributes(1)["size"] == 64


def test_runs_of_other_studies_have_none_of_it(runs):
    run = opened(runs, "sweep")
    assert run.reach() is None and reach.series_of(run) == []
    assert [f(1) for f in (run.training, run.reach_snapshots, run.frozen)] == [None] * 3


def replace(name, values, *scales):
    def edit(file):
        del file[name]
        data = file.create_dataset(name, data=values)
        for axis, scale in enumerate(scales):
            data.dims[axis].attach_scale(file[scale])
    return edit


@pytest.mark.parametrize("edit,words", [
    (lambda f: f.__delitem__("sweep/0001/reach_snapshots/chi_pos"), ("/sweep/0001/reach_snapshots", "lacks chi_pos")),
    (lambda f: f.__delitem__("sweep/0003/reach_snapshots/state"), ("/sweep/0003/reach_snapshots", "lacks state")),
    (replace("sweep/0001/reach_snapshots/gradient_power", np.zeros((18, 7))), ("gradient_power", "(18, 7)")),
    (replace("sweep/0001/reach_snapshots/depth_half_mode", np.zeros(3)), ("depth_half_mode", "(3,)")),
    (replace("sweep/0002/frozen/loss", np.zeros((60, 3))), ("/sweep/0002/frozen", "(60, 3)")),
    (replace("sweep/0002/frozen/learning_loss", np.zeros(4)), ("learning_loss", "(4,)")),
    (lambda f: f.__delitem__("sweep/0002/training/loss"), ("/sweep/0002/training", "lacks loss")),
    (replace("reach/mode", np.zeros(5)), ("/reach", "mode", "(5,)")),
    (lambda f: f.__delitem__("reach/size"), ("/reach", "lacks size")),
    (replace("sweep/0002/between_groups/decrease_last", np.zeros((5, 4))), ("/sweep/0002/between_groups", "(5, 4)", "(5, 5)")),
    (replace("sweep/0001/between_groups/name", np.zeros(3)), ("between_groups", "name", "(3,)")),
    (lambda f: f.__delitem__("sweep/0001/between_groups/decrease_first"), ("/sweep/0001/between_groups", "decrease_first")),
    (lambda f: f["reach/loss_against_data"].attrs.__delitem__("exponent_low"), ("/reach/loss_against_data", "exponent_low")),
    (lambda f: f["reach/loss_against_data"].attrs.__setitem__("floor", np.zeros(2)), ("loss_against_data", "floor", "number")),
    (lambda f: f["reach/loss_against_data"].attrs.__setitem__("exponent_low", -0.1), ("loss_against_data", "interval")),
])
def test_refuses_damaged_groups(runs, tmp_path, edit, words):
    path = edited(runs["reach_networks"], tmp_path, edit)
    with pytest.raises(RunFileError) as caught:
        fathom_report.open_run(path, verify=False)
    assert all(word in str(caught.value) for word in (str(path), *words))
    assert cli.main([str(path)]) == 66


# Series


def test_series_are_sizes_with_their_seeds(runs):
    found = reach.series_of(opened(runs, "reach_features"))
    assert [s.label for s in found] == ["20 features", "40 features", "160 features"]
    assert [s.points for s in found] == [[1, 2], [3, 4], [5, 6]] and len({str(s.colour) for s in found}) == 3
    found = reach.series_of(opened(runs, "reach_optimisers"))
    assert [s.label for s in found[:3]] == ["width 32, sgd", "width 32, momentum", "width 32, adam"]
    assert len({str(s.colour) for s in found}) == 2 and len({str(s.linestyle) for s in found}) == 3


def test_seeds_are_averaged_over_common_snapshots(tmp_path):
    maker = make_run.RunMaker(tmp_path, "two seeds", "spectral_reach")
    for seed, steps in ((1, make_reach.STEPS[:9]), (2, make_reach.STEPS[:5])):  # the second stopped early
        flow = make_reach.Flow(32, seed, 30, 1.5, 30)
        make_reach.put_point(maker, f"/sweep/{seed:04d}", flow, "width", steps, **{"run.seed": seed})
    run = fathom_report.open_run(maker.finish())
    (series,) = reach.series_of(run)
    found = reach.over_seeds(run, series, ("chi_pos",))
    values = np.array([run.reach_snapshots(p)["chi_pos"].values[:5] for p in (1, 2)])
    np.testing.assert_array_equal(found["step"], make_reach.STEPS[:5])
    np.testing.assert_allclose(found["chi_pos"], np.sqrt(values[0] * values[1]), rtol=1e-14)
    np.testing.assert_array_equal(found["chi_pos_low"], values.min(axis=0))
    np.testing.assert_array_equal(found["chi_pos_high"], values.max(axis=0))


def test_decrease_shares_by_hand():
    import xarray as xr

    data = xr.Dataset({"eigenvalue": (("snapshot", "mode"), [[4.0, 2.0, 1.0]]), "state": (("snapshot", "mode"), [[1, 1, 0]]),
                       "gradient_power": (("snapshot", "mode"), [[0.25, 0.5, 0.25]]),
                       "depth_half_mode": ("snapshot", [2.0]), "depth_90_mode": ("snapshot", [3.0])},
                      {"snapshot": [1], "mode": [1, 2, 3]})
    np.testing.assert_array_equal(reach.decrease_share(data), [[0.5, 0.5, np.nan]])
    np.testing.assert_array_equal(reach.depth(data, "half"), [2.0])
    np.testing.assert_array_equal(reach.depth(data, "90"), [np.nan])  # names a mode that is not trusted


def test_values_at_equal_compute():
    compute, value = np.array([0.0, 1.0, 100.0]), np.array([9.0, 4.0, 1.0])
    assert reach.at_compute(compute, value, 10.0) == pytest.approx(2.0)
    assert reach.at_compute(compute, value - 1, 10.0) == pytest.approx(1.5)  # a zero: no logarithms
    assert np.isnan(reach.at_compute(compute, value, 101.0))


# Pictures


@pytest.mark.parametrize("kind", PLOTS)
def test_every_plot_has_its_files_and_its_place_on_the_page(pages, kind):
    stems = {p.stem for p in (pages / kind).glob("*.png")}
    assert stems - {"timing", "memory"} == PLOTS[kind]
    for suffix in ("svg", "csv"):
        assert {p.stem for p in (pages / kind).glob(f"*.{suffix}")} == stems
    page = (pages / kind / "report.html").read_text()
    assert page.count("<img ") == len(stems) and "http" not in page
    assert all(p.stat().st_size < 2_500_000 for p in (pages / kind).glob("*.svg"))


def test_measure_csv_holds_every_mode_of_every_snapshot(runs, pages):
    run, path = opened(runs, "reach_networks"), pages / "reach_networks" / "reach_measure.csv"
    for point in (1, 4):
        data = run.reach_snapshots(point)
        for name in ("eigenvalue", "state", "gradient_power"):
            np.testing.assert_array_equal(column(path, name, point=point), data[name].values.ravel())
        share = column(path, "decrease_share", point=point).reshape(data["state"].shape)
        product = np.where(data["state"] == 1, data["eigenvalue"] * data["gradient_power"], 0)
        np.testing.assert_allclose(np.nan_to_num(share), product / product.sum(axis=1, keepdims=True), rtol=1e-13)
        np.testing.assert_array_equal(np.isnan(share), data["state"] != 1)


def test_position_csv_is_the_geometric_mean_of_seeds(runs, pages):
    run, path = opened(runs, "reach_features"), pages / "reach_features" / "reach_position.csv"
    for name in ("chi_pos", "chi_pos_trusted"):
        values = np.array([run.reach_snapshots(p)[name].values for p in (3, 4)])
        np.testing.assert_allclose(column(path, name, series="40 features"), np.exp(np.log(values).mean(axis=0)), rtol=1e-12)
    unreachable = pages / "reach_features" / "reach_unreachable.csv"
    values = np.array([run.reach_snapshots(p)["unreachable_fraction"].values for p in (1, 2)])
    np.testing.assert_allclose(column(unreachable, "unreachable_fraction", series="20 features"), values.mean(axis=0))


def test_size_csv_and_table_hold_the_run_s_reach(runs, pages):
    data = opened(runs, "reach_features").reach()
    for name in ("mode", "mode_low", "relative_eigenvalue_high", "final_loss"):
        np.testing.assert_array_equal(column(pages / "reach_features" / "reach_size.csv", name), data[name].values)
    page = (pages / "reach_features" / "report.html").read_text()
    low, value, high = (f"{data[k].values[2]:.4g}" for k in ("mode_low", "mode", "mode_high"))
    assert f"<b>{value} [{low}, {high}]</b>" in page
    assert "Larger models end at lower loss &lt;strictly&gt;." in page
    assert "<th class=\"n\">features</th>" in page and "a density, no single eigenvalues" not in page


def test_verdicts_are_said_once(pages):
    page = (pages / "reach_networks" / "report.html").read_text()
    assert page.count("Widths 16 … 128: the depth grows.") == 1  # the run's own, in the head
    assert page.count("Feature learning goes past the frozen kernel at every width.") == 1
    assert (pages / "reach_features" / "report.html").read_text().count("Larger models reach deeper") == 1


def test_frozen_csv_leaves_out_the_padding(runs, pages):
    run, path = opened(runs, "reach_networks"), pages / "reach_networks" / "reach_frozen.csv"
    loss = run.frozen(2)["loss"].values
    np.testing.assert_array_equal(column(path, "loss", point=2), loss[np.isfinite(loss)])
    learning = np.broadcast_to(run.frozen(2)["learning_loss"].values, loss.shape)
    np.testing.assert_array_equal(column(path, "learning_loss", point=2), learning[np.isfinite(loss)])


def test_frozen_over_learning_at_the_end(runs):
    run = opened(runs, "reach_networks")
    series = reach.series_of(run)[1]
    found = reach_learning.end_table(run, series)
    ends = [run.frozen(p)["loss"].values[:, -1] - 0.8025 for p in series.points]
    learning = [run.frozen(p)["learning_loss"].values[-1] - 0.8025 for p in series.points]
    np.testing.assert_allclose(found["ratio"], np.sqrt(ends[0] / learning[0] * ends[1] / learning[1]), rtol=1e-9)
    assert (found["ratio"] > 1).all() and list(found["frozen_start"]) == [1, 30, 1000]


def test_the_raw_scalar_is_said_to_mislead_only_where_it_does(runs, pages):
    assert "Why the raw scalar misleads" in (pages / "reach_features" / "report.html").read_text()
    run = opened(runs, "reach_optimisers")
    plot = drawn(reach_sizes.raw_against_trusted(run, reach.series_of(run)))
    assert "misleads" not in plot.title and "the two agree" in plot.caption
    rows = table(pages / "reach_features" / "reach_raw.csv")
    raw, trusted = ([float(r[k]) for r in rows] for k in ("chi_pos", "chi_pos_trusted"))
    assert raw[0] < raw[-1] and trusted[0] > trusted[-1]  # the smallest model looks deepest by the raw one


def test_optimisers_stand_side_by_side(runs, tmp_path):
    run = opened(runs, "reach_optimisers")
    plot = reach_learning.optimisers(run, reach.series_of(run))
    plot.write(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {f"reach_optimisers.{k}" for k in ("png", "svg", "csv")}
    values = np.array([run.reach_snapshots(p)["chi_pos_trusted"].values for p in (5, 6)])
    found = column(tmp_path / "reach_optimisers.csv", "chi_pos_trusted", series="width 32, adam", optimiser="adam")
    np.testing.assert_allclose(found, np.exp(np.log(values).mean(axis=0)), rtol=1e-12)
    assert reach_learning.optimisers(opened(runs, "reach_features"), reach.series_of(opened(runs, "reach_features"))) is None


def test_routes_are_compared(runs):
    run = opened(runs, "reach_features")
    rows = reach_sizes.route_table(run, reach.series_of(run)[0])
    data = run.reach_snapshots(1)
    apart = np.abs(data["chi_pos_lanczos"] - data["chi_pos"]) / data["chi_pos"]
    np.testing.assert_allclose(rows["lanczos_apart"][rows["point"] == 1], apart, rtol=1e-9)
    exact = {"lanczos_apart": np.array([1e-12]), "chi_pos": np.array([1.0, 1.0]), "standard_error": np.array([0.1, 0.1]),
             "chi_pos_gradients": np.array([1.15, 1.25])}
    exact["lanczos_apart"] = np.array([1e-12, np.nan])
    words = reach_sizes.agreement_sentence([exact])
    assert "Lanczos: 1.0e-12." in words and "1 of 2 estimates" in words


# Trust


def first_snapshots(run):
    return [run.reach_snapshots(s.points[0]) for s in reach.series_of(run)]


@pytest.mark.parametrize("kind", ["reach_features", "reach_networks", "one_training"])
def test_no_untrusted_mode_in_a_heat_map(runs, kind):
    run = opened(runs, kind)
    plot = drawn(reach_modes.measure(run, reach.series_of(run)))
    assert not training_offences(plot.figure, first_snapshots(run))
    assert any((d["state"].values != 1).any() for d in first_snapshots(run))  # there was something to hide


def test_planted_untrusted_modes_in_a_heat_map_are_caught(runs, monkeypatch):
    run = opened(runs, "one_training")
    monkeypatch.setattr(reach_modes, "trusted_power", lambda data: reach.modes_of(data)[2])
    plot = drawn(reach_modes.measure(run, reach.series_of(run)))
    assert len(training_offences(plot.figure, first_snapshots(run))) > 100


def untrusted_depths(file):
    snapshots = file["reach_snapshots"]
    snapshots["depth_90_mode"][5:8] = 110  # far below the floor
    snapshots["depth_90_relative"][5:8] = 1e-16


def test_depths_at_untrusted_modes_break_the_line(runs, tmp_path, monkeypatch):
    run = fathom_report.open_run(edited(runs["one_training"], tmp_path, untrusted_depths), verify=False)
    assert run.reach_snapshots()["state"].values[5, 109] == 0
    found = reach.series_of(run)
    plot = drawn(reach_modes.depths(run, found))
    for axes, top in zip(plot.figure.axes[:2], (110, 1e-16)):
        for line in (k for k in axes.lines if k.get_gid() == "depth"):
            assert top not in np.asarray(line.get_ydata(), float)
    gaps = [np.flatnonzero(np.isnan(k.get_ydata())) for k in plot.figure.axes[0].lines if k.get_gid() == "depth"]
    assert any(set(g) >= {5, 6, 7} for g in gaps)
    assert not training_offences(drawn(reach_modes.measure(run, found)).figure, first_snapshots(run))
    monkeypatch.setattr(reach_modes, "depth", lambda data, part: reach.column(data, f"depth_{part}_mode"))
    plot = drawn(reach_modes.measure(run, found))  # planted: a report that believes the file
    assert sum("depth at" in f for f in training_offences(plot.figure, first_snapshots(run))) == 3


def test_bands_of_many_modes_do_not_mix_states(runs, monkeypatch):
    run = opened(runs, "one_training")
    monkeypatch.setattr(reach_modes, "BANDS", 20)
    assert reach_modes.bands(120).size <= 20 and reach_modes.bands(120)[0] == 0
    plot = drawn(reach_modes.measure(run, reach.series_of(run)))
    assert not training_offences(plot.figure, first_snapshots(run)) and "averaged over narrow bands" in plot.caption
    found = reach_modes.heat_map(run, reach.series_of(run)[0])
    power = run.reach_snapshots()["gradient_power"].values
    edge = np.round(found["edge"] - 0.5).astype(int)
    assert found["power"][3, 2] == pytest.approx(power[2, edge[3]:edge[4]].mean())


# What may be missing


OPTIONAL = ("time", "excess_loss", "chi_pos_trusted", "unreachable_fraction", "top_level", "null_level", "trusted",
            "depth_half_mode", "depth_90_mode", "depth_90_relative", "floor_relative", "chi_pos_lanczos",
            "chi_pos_gradients_standard_error", "noise_share")


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("missing", [OPTIONAL, ("size", "size_name", "optimiser"), ("eigenvalue", "state", "gradient_power")])
def test_missing_optional_variables_are_left_out(tmp_path, missing):
    maker = make_run.RunMaker(tmp_path, "less", "spectral_reach")
    for number, size in enumerate((8, 16), 1):
        flow = make_reach.Flow(size, 1, 24, 2.0, size)
        make_reach.put_point(maker, f"/sweep/{number:04d}", flow, "width", make_reach.STEPS[:6], without=missing,
                             **{"network.width": size})
    page = write_report(fathom_report.open_run(maker.finish()), tmp_path / "report")
    stems = {p.stem for p in (tmp_path / "report").glob("*.png")}
    assert {"reach_loss", "reach_position"} <= stems and page.read_text().count("<img ") == len(stems)
    assert ("reach_measure" in stems) == ("state" not in missing)
    assert ("reach_unreachable" in stems) == ("unreachable_fraction" not in missing)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_degenerate_trainings_have_a_page(tmp_path, capsys):
    """Nothing trusted, losses that end in NaN or at 0, one snapshot only, none at all."""
    maker = make_run.RunMaker(tmp_path, "degenerate", "spectral_reach")
    for number, count in enumerate((4, 1, 0), 1):
        flow = make_reach.Flow(8 * number, 1, 12, 2.0, 12)
        make_reach.put_point(maker, f"/sweep/{number:04d}", flow, "width", make_reach.STEPS[1:1 + max(count, 1)],
                             starts=(0, 2), **{"network.width": 8 * number})
    snapshots = maker.file["sweep/0001/reach_snapshots"]
    snapshots["state"][...] = 0
    for name in ("chi_pos_trusted", "depth_half_mode", "depth_90_mode", "depth_half_relative", "depth_90_relative"):
        snapshots[name][...] = np.nan
    snapshots["unreachable_fraction"][...] = 1.0
    snapshots["loss"][-1], snapshots["excess_loss"][-1] = np.nan, 0.0
    snapshots["trusted"][...] = 0
    assert cli.main([str(maker.finish())]) == 0
    assert capsys.readouterr().err == ""


def test_no_snapshot_at_all(tmp_path):
    maker = make_run.RunMaker(tmp_path, "empty", "spectral_reach")
    group = maker.group("reach_snapshots").scale("snapshot", np.zeros(0, dtype=int))
    for name in ("step", "compute", "loss", "chi_pos"):
        group.variable(name, np.zeros(0), "snapshot")
    page = write_report(fathom_report.open_run(maker.finish()), tmp_path / "report").read_text()
    assert "0 snapshots" in page and "<img" not in page
