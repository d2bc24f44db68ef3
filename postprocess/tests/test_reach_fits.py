"""Laws of the loss and the decrease between groups: which points, which band, which words; and where there is nothing."""

import fathom_report
import make_reach
import make_run
import numpy as np
import pytest
from fathom_report import loss_fits, reach
from fathom_report.figures import reach_fits, reach_groups
from matplotlib.collections import PolyCollection, QuadMesh
from test_reach import drawn, edited, opened


def fits_of(path):
    run = fathom_report.open_run(path, verify=False)
    return run, drawn(reach_fits.fits(run, reach.series_of(run)))


def heads(plot):
    """What stands above each panel: the words of a law or why there is none."""
    panels = [a for a in plot.figure.axes if a.get_ylabel()]
    return [a.get_legend().get_texts()[0].get_text() if a.get_legend() else a.get_title("left") for a in panels]


# Laws of the loss


def test_points_below_all_with_less_compute_by_hand():
    compute, loss = np.array([1.0, 4.0, 2.0, 3.0, 1.0, 2.0]), np.array([9.0, 3.0, 5.0, 6.0, 7.0, 8.0])
    seed = np.array(["1", "1", "1", "1", "2", "2"])
    np.testing.assert_array_equal(loss_fits.lowest(compute, loss, seed), [True, True, True, False, True, False])


def test_a_law_is_found_again_from_its_own_points():
    x = np.geomspace(1e9, 1e14, 12)
    law = loss_fits.LossFit((0.7, 0.6, 0.8), (50.0, 40.0, 60.0), (0.25, 0.2, 0.3), "")
    unit = x.min()
    floor, amplitude = loss_fits.law_through(x / unit, law.loss(x), 0.25)
    assert (floor, amplitude * unit**0.25) == pytest.approx((0.7, 50.0), rel=1e-10)
    low, high = loss_fits.band(law, x, law.loss(x), x)
    assert (low <= law.loss(x) * (1 + 1e-12)).all() and (high >= law.loss(x) * (1 - 1e-12)).all() and (high > low).any()
    assert loss_fits.misfit(law, x, law.loss(x)) == 0 and loss_fits.misfit(law, x, 2 * law.loss(x)) == pytest.approx(0.5)


def test_a_floor_below_zero_is_zero():
    x = np.array([1.0, 2.0, 4.0])
    floor, amplitude = loss_fits.law_through(x, 3 / x, 0.5)  # falls faster than the exponent: E would be negative
    assert floor == 0.0
    basis = x**-0.5 * x / 3
    assert amplitude == pytest.approx(basis.sum() / (basis**2).sum())


def test_fitted_points_are_ends_largest_models_and_lowest(runs):
    run = opened(runs, "reach_networks")
    found = reach.series_of(run)
    ends = loss_fits.points(run, found, "parameters")
    np.testing.assert_array_equal(ends["x"], [400, 400, 1600, 1600])
    np.testing.assert_array_equal(ends["loss"], [run.reach_snapshots(p)["loss"].values[-1] for p in (1, 2, 3, 4)])
    data = loss_fits.points(run, found, "data")
    np.testing.assert_array_equal(data["fitted"], data["size"] == 64)
    compute = run.reach_snapshots(3)["compute"].values[1:]  # step 0 has no place
    np.testing.assert_allclose(data["x"][data["point"] == 3], compute / (6 * 1600), rtol=1e-15)


def test_the_stored_law_stands_in_its_panel_and_reasons_in_the_others(runs):
    run, plot = fits_of(runs["reach_networks"])
    law = loss_fits.stored_fit(run, "data")
    words = heads(plot)
    assert words[0] == "no fit: 2 sizes, a fit asks for 4" and words[2].startswith("no fit: these points fix no exponent")
    assert f"a = {law.exponent[0]:.3g} [{law.exponent[1]:.3g}, {law.exponent[2]:.3g}]" in words[1]
    assert "No band" not in plot.caption and "D by intervals of ± 10 %" in plot.caption and "0.8025" in plot.caption
    rows = plot.table["against"] == "data"
    x = plot.table["x"][rows].astype(float)
    np.testing.assert_allclose(plot.table["law"][rows].astype(float), law.floor[0] + law.amplitude[0] * x**-law.exponent[0])
    assert np.isnan(plot.table["law"][~rows].astype(float)).all()


def test_without_fits_no_law_is_drawn(runs):
    for kind, why in (("reach_features", "no fit:"), ("reach_optimisers", "no fit: the runs differ in more than")):
        _, plot = fits_of(runs[kind])
        assert all(h.startswith(why) for h in heads(plot))
        assert not any(line.get_linestyle() == "-" and line.get_color() == "#222222" for a in plot.figure.axes[:3]
                       for line in a.lines)
        assert not any(a.collections for a in plot.figure.axes[:3])
    assert heads(fits_of(runs["reach_features"])[1])[0] == "no fit: 3 sizes, a fit asks for 4"


@pytest.mark.parametrize("kind", ["one_training", "bare_training"])
def test_one_size_has_no_laws(runs, kind):
    assert fits_of(runs[kind])[1] is None


def test_a_law_of_other_points_has_no_band(runs, tmp_path):
    def edit(file):  # planted: a floor that these points do not give
        file["reach/loss_against_data"].attrs["floor"] *= 1.01
    _, plot = fits_of(edited(runs["reach_networks"], tmp_path, edit))
    assert "No band against data" in plot.caption
    assert not any(a.collections for a in plot.figure.axes[:3])


def test_a_law_that_misses_its_points_is_said_to(runs, tmp_path):
    def edit(file):
        file["reach/loss_against_data"].attrs["floor"] *= 2
    _, plot = fits_of(edited(runs["reach_networks"], tmp_path, edit))
    assert heads(plot)[1].startswith("no law") and "misses these losses by" in heads(plot)[1]
    assert not any(head.startswith("no law") for head in heads(fits_of(runs["reach_networks"])[1]))


@pytest.mark.parametrize("word, floor, head", [(0, 1, "no law"), (1, 2, "L = E")], ids=["denied", "affirmed"])
def test_the_runs_own_word_on_a_law_is_taken(runs, tmp_path, word, floor, head):
    def edit(file):  # planted: against what the points would say
        law = file["reach/loss_against_data"].attrs
        law["misfit"], law["describes"], law["floor"] = 0.42, word, floor * law["floor"]
    _, plot = fits_of(edited(runs["reach_networks"], tmp_path, edit))
    assert heads(plot)[1].startswith(head) and "42 %" in heads(plot)[1]


def test_diverged_trainings_are_left_out(runs, tmp_path):
    _, plot = fits_of(edited(runs["reach_features"], tmp_path, lambda f: f["sweep/0003"].attrs.__setitem__("diverged_at", 7)))
    assert 3 not in plot.table["point"] and "1 training that diverged" in plot.caption


# Between groups


def groups_of(path):
    run = fathom_report.open_run(path, verify=False)
    return run, drawn(reach_groups.between_groups(run, reach.series_of(run)))


def test_shares_and_marks_are_those_of_the_largest_size(runs):
    run, plot = groups_of(runs["reach_networks"])
    panels = plot.figure.axes[:2]
    for axes, key in zip(panels, ("decrease_first", "decrease_last")):
        stored = run.between_groups(3)[key].values
        mesh = next(c for c in axes.collections if isinstance(c, QuadMesh))
        np.testing.assert_allclose(mesh.get_array().reshape(5, 5), 100 * stored / stored.sum(), rtol=1e-14)
        assert mesh.norm.vmax == -mesh.norm.vmin == pytest.approx(np.abs(mesh.get_array()).max())
        marks = [c for c in axes.collections if isinstance(c, PolyCollection) and not isinstance(c, QuadMesh)]
        assert sum(len(c.get_paths()) for c in marks) == (stored < 0).sum() > 0 and len(axes.texts) == 25
    assert "Shown: width 64, seed 1." in plot.caption and "whose loss falls: class B" == panels[0].get_xlabel()
    assert set(plot.table["point"]) == {1, 2, 3, 4} and len(plot.table["group"]) == 4 * 25


def of_groups(folder, names):
    maker = make_run.RunMaker(folder, "groups", "spectral_reach")
    make_reach.put_point(maker, "/", make_reach.Flow(8, 1, 12, 2.0, 12), "width", make_reach.STEPS[:4], groups=names)
    return maker.finish()


def test_many_groups_have_no_numbers(tmp_path):
    _, plot = groups_of(of_groups(tmp_path, [f"class {k}" for k in range(13)]))
    assert all(not a.texts for a in plot.figure.axes[:2]) and "of 78 pairs interfere" in plot.caption
    assert "Shown" not in plot.caption  # one training: nothing was chosen


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_nothing_to_share_out_is_said(tmp_path):
    path = edited(of_groups(tmp_path / "made", ["first half", "second half"]), tmp_path,
                  lambda f: f["between_groups/decrease_last"].__setitem__(Ellipsis, 0.0))
    _, plot = groups_of(path)
    assert "no decrease to share out" in [t.get_text() for t in plot.figure.axes[1].texts]
    plot.figure.canvas.draw()


@pytest.mark.parametrize("kind", ["reach_features", "one_training", "bare_training"])
def test_runs_without_groups_have_no_picture_of_them(runs, kind):
    assert groups_of(runs[kind])[1] is None


def test_one_group_is_no_pair(tmp_path):
    assert groups_of(of_groups(tmp_path, ["all"]))[1] is None


def test_numbers_in_cells():
    assert [reach_groups.percent(v) for v in (23.4, 1.25, -0.123, 0.004, -0.004, 0.0, -774.2, 9.96)] == [
        "23", "1.2", "−0.12", "0", "−0", "0", "−774", "10"]
    assert [reach_groups.most_tick(v) for v in (52.0, 8.0, 0.19)] == [40.0, 8.0, pytest.approx(0.1)]
    assert reach_groups.tick_names(["first half", "second half"]) == (["first half", "second half"], "group")
    assert reach_groups.tick_names(["class 0", "class 11"]) == (["0", "11"], "class")
