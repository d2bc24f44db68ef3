"""Spectral reach on sequences, processes by their tensors, some of the outputs, and data of files."""
import numpy as np
import pytest

from conftest import run_path
from reach_decks import DIGITS, MESS3, check_snapshots, reach_deck, reach_of, sequence_deck


# --- sequences and stored data ------------------------------------------------------------------------------------


def test_a_transformer_on_mess3(once):
    r = reach_of(once(MESS3))
    check_snapshots(r, 16)
    assert r["attributes"]["rows"] == 16 * 10 * 3 == r["eigenvalue"].shape[1]
    best = r["attributes"]["best_loss"]
    # The entropy rate's own value at context 10, within what 160 correlated positions can tell.
    assert abs(best - 0.8025118) < 0.15
    np.testing.assert_allclose(r["excess_loss"], r["loss"] - best, rtol=1e-12)
    assert np.all(np.diff(r["loss"][-3:]) < 0) and r["loss"][-1] < 0.97 * r["loss"][0]
    assert r["loss"][0] == pytest.approx(np.log(3), abs=0.5)
    # A constant added to all logits of a position changes nothing: its direction is not in the gradient.
    assert np.all(r["unreachable_fraction"] < 0.5)
    np.testing.assert_allclose(r["compute"], 6.0 * r["attributes"]["parameters"] * 32 * 10 * r["step"], rtol=1e-14)
    assert "frozen_loss" not in r  # sequences are new in every step


def test_digits_by_both_losses(once):
    squared, cross = (reach_of(once(DIGITS), f"sweep/000{i}") for i in (1, 2))
    for r in (squared, cross):
        check_snapshots(r, 12)
        assert r["attributes"]["rows"] == 120 and r["attributes"]["classes"] == 10
        assert np.all(np.diff(r["loss"]) < 0) and np.all(np.diff(r["chi_loss"]) < 0)
        assert np.all(np.isnan(r["excess_loss"])) and np.all(np.isnan(r["signal_share"]))
    np.testing.assert_allclose(squared["loss"], 12 * squared["chi_loss"] / 2, rtol=1e-12)
    # The same network, the same kernel at the start; softmax less one-hot against one-hot: |g|^2 <= 2 L / N.
    np.testing.assert_allclose(cross["eigenvalue"][0], squared["eigenvalue"][0], rtol=1e-9)
    assert np.all(cross["chi_loss"] * 12 <= 2 * cross["loss"])
    # The frozen flow of a cross entropy: where it starts, falling, and still with learning at the next snapshot.
    frozen = cross["frozen_loss"][0]
    assert frozen[0] == pytest.approx(cross["loss"][0], rel=1e-12) and np.all(np.diff(frozen) < 0)
    np.testing.assert_allclose(frozen[0] - frozen[1], cross["loss"][0] - cross["loss"][1], rtol=0.2)


def test_classes_in_one_column(once, tmp_path):
    """Labels as numbers and as one-hot columns are the same classes; what is no class is refused."""
    rng = np.random.default_rng(3)
    label = rng.integers(0, 3, 30)
    label[:3] = [0, 1, 2]
    np.save(tmp_path / "x.npy", rng.standard_normal((30, 5)))
    np.save(tmp_path / "one_hot.npy", np.eye(3)[label])
    np.save(tmp_path / "number.npy", label[:, None].astype(float))
    np.save(tmp_path / "half.npy", label[:, None] + 0.5)

    def deck(targets):
        return reach_deck(study=dict(samples=8, snapshots=1), data=dict(source="npy", file=tmp_path / "x.npy",
                                                                     targets=tmp_path / targets),
                          kernel=dict(type="network", width=6, depth=1, activation="tanh"),
                          training=dict(loss="cross_entropy", learning_rate=0.1, steps=10))

    one_hot, number = reach_of(once(deck("one_hot.npy"))), reach_of(once(deck("number.npy")))
    for name in ("loss", "eigenvalue", "gradient_power", "training_loss"):
        np.testing.assert_array_equal(one_hot[name], number[name])
    (tmp_path / "deck.toml").write_text(deck("half.npy"))
    refused = run_path(tmp_path / "deck.toml", tmp_path / "out")
    assert refused.code == 66 and len(refused.messages) == 1 and "classes 0, 1, 2" in refused.err, refused.err


# --- processes by their tensors, and some of the outputs ----------------------------------------------------------


def mess3(alpha=0.85, x=0.05):
    beta = 0.5 * (1 - alpha)
    return [[[(alpha if j == s else beta) * (1 - 2 * x if i == j else x) for j in range(3)] for i in range(3)] for s in range(3)]


def tensors_of(states, *transitions):
    """T[symbol][from][to] of (from, symbol, to, probability)."""
    tensors = np.zeros((2, states, states))
    for start, symbol, end, probability in transitions:
        tensors[symbol, start, end] = probability
    return tensors.tolist()


PROCESSES = dict(mess3=mess3(),
                 z1r=tensors_of(3, (0, 0, 1, 1), (1, 1, 2, 1), (2, 0, 0, 0.5), (2, 1, 0, 0.5)),
                 rrxor=tensors_of(5, (0, 0, 1, .5), (0, 1, 2, .5), (1, 0, 3, .5), (1, 1, 4, .5), (2, 0, 4, .5), (2, 1, 3, .5),
                                  (3, 0, 0, 1), (4, 1, 0, 1)))


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_by_its_tensors(once, process):
    """The same numbers as under its name, bit for bit: sequences, their Bayes loss, training and kernel."""
    named = reach_of(once(sequence_deck(data=dict(process=process))))
    given = reach_of(once(sequence_deck(data=dict(process="custom", transitions=PROCESSES[process]))))
    assert given["attributes"]["best_loss"] == named["attributes"]["best_loss"]
    for name in ("loss", "training_loss", "eigenvalue", "gradient_power", "chi_pos"):
        np.testing.assert_array_equal(given[name], named[name])
    symbols, states = len(PROCESSES[process]), len(PROCESSES[process][0])
    assert given["attributes"]["data"] == f"process of {states} states and {symbols} symbols, context 4"


def test_from_and_to_are_not_the_same(once):
    """The comparison above sees tensors that are transposed."""
    turned = np.transpose(PROCESSES["mess3"], (0, 2, 1)).tolist()
    named = reach_of(once(sequence_deck(data=dict(process="mess3"))))
    given = reach_of(once(sequence_deck(data=dict(process="custom", transitions=turned))))
    assert abs(given["attributes"]["best_loss"] / named["attributes"]["best_loss"] - 1) > 1e-3


def check_part(part, whole, rows):
    """The kernel of some rows is a submatrix of the whole one: Cauchy's interlacing, mode by mode."""
    lost = whole["eigenvalue"].shape[1] - rows
    assert part["attributes"]["rows"] == rows == part["eigenvalue"].shape[1]
    slack = 1e-12 * whole["largest"][:, None]
    assert np.all(part["eigenvalue"] <= whole["eigenvalue"][:, :rows] + slack)
    assert np.all(part["eigenvalue"] >= whole["eigenvalue"][:, lost:] - slack)
    np.testing.assert_array_equal(part["training_loss"], whole["training_loss"])
    np.testing.assert_allclose(part["chi_pos_gradients"], part["chi_pos"], rtol=1e-9)
    np.testing.assert_allclose(part["chi_pos_lanczos"], part["chi_pos"], rtol=1e-8)
    check_snapshots(part, whole["attributes"]["n"])


def check_parts(whole, parts, rows, weights, losses):
    """Rows divided into parts: traces add, squared gradients and losses with their weights."""
    for part, order in zip(parts, rows):
        check_part(part, whole, order)
    np.testing.assert_allclose(sum(p["chi_net"] for p in parts), whole["chi_net"], rtol=1e-12)
    np.testing.assert_allclose(sum(w**2 * p["chi_loss"] for w, p in zip(weights, parts)), whole["chi_loss"], rtol=1e-12)
    np.testing.assert_allclose(sum(w * p["loss"] for w, p in zip(losses, parts)), whole["loss"], rtol=1e-12)


def chosen_of(result, point):
    with result.file() as file:
        group = file[point]["outputs"]
        return list(group["position"][...]), list(group["class"][...]), str(group.attrs["text"])


POSITIONS = sequence_deck({"study.positions": ["all", [1], [4, 2, 3], "last", [4]]})
CLASSES = sequence_deck({"study.classes": ["all", [1], [2, 0]]}, positions=[2, 4])


def test_positions(once):
    """The loss is the mean over the chosen positions, and so are the Bayes loss and the gradient's scale."""
    result = once(POSITIONS)
    whole, first, rest, last, fourth = runs = [reach_of(result, f"sweep/{i:04d}") for i in range(1, 6)]
    check_snapshots(whole, 6)
    check_parts(whole, [first, rest], [6 * 3, 6 * 3 * 3], [1 / 4, 3 / 4], [1 / 4, 3 / 4])
    best = [r["attributes"]["best_loss"] for r in runs]
    np.testing.assert_allclose((best[1] + 3 * best[2]) / 4, best[0], rtol=1e-13)
    # From a stationary start the first prediction knows one symbol; the last one knows most.
    for name in ("eigenvalue", "gradient_power", "loss"):
        np.testing.assert_array_equal(last[name], fourth[name])
    assert best[3] == best[4]
    assert chosen_of(result, "sweep/0003") == ([2, 3, 4], [0, 1, 2], "positions 2, 3, 4 of 4, every class")
    assert "these outputs: positions 2, 3, 4 of 4, every class" in result.out


def test_classes_under_cross_entropy(once):
    """The loss couples the classes and stays whole; the gradient is projected."""
    result = once(CLASSES)
    whole, one, others = (reach_of(result, f"sweep/{i:04d}") for i in range(1, 4))
    assert whole["attributes"]["rows"] == 6 * 2 * 3
    check_parts(whole, [one, others], [6 * 2, 6 * 2 * 2], [1, 1], [0.5, 0.5])
    for r in (one, others):
        np.testing.assert_array_equal(r["loss"], whole["loss"])
        assert r["attributes"]["best_loss"] == whole["attributes"]["best_loss"]
    assert chosen_of(result, "sweep/0003") == ([2, 4], [0, 2], "positions 2, 4 of 4, classes 0, 2 of 3")


@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
def test_classes_of_stored_data(once, loss):
    """Squared error is a sum over outputs, and so are the losses of the parts; nothing is frozen in part."""
    def deck(classes):
        text = DIGITS.replace("[sweep]", "").replace("training.loss = ['squared_error', 'cross_entropy']", "")
        return text.replace("[training]", f"[training]\nloss = '{loss}'").replace("[study]", f"[study]\nclasses = {classes}")

    whole, three, rest = (reach_of(once(deck(c))) for c in ('"all"', [3], [0, 1, 2, 4, 5, 6, 7, 8, 9]))
    weight = 1 if loss == "squared_error" else 0.5
    check_parts(whole, [three, rest], [12, 108], [1, 1], [weight, weight])
    if loss == "squared_error":
        np.testing.assert_allclose(three["loss"], 12 * three["chi_loss"] / 2, rtol=1e-12)
    assert "frozen_loss" in whole and "frozen_loss" not in three


@pytest.mark.parametrize("name", ["eigenvalue", "chi_net", "chi_loss", "loss", "chi_pos_gradients", "training_loss"])
def test_the_check_of_parts_sees_a_fault(once, name):
    whole, one, others = (reach_of(once(CLASSES), f"sweep/{i:04d}") for i in range(1, 4))
    one[name].flat[0] *= 1 + 1e-6
    with pytest.raises(AssertionError):
        check_parts(whole, [one, others], [6 * 2, 6 * 2 * 2], [1, 1], [0.5, 0.5])


# --- what a file cannot be ----------------------------------------------------------------------------------------


def test_more_samples_than_a_file_has(run, tmp_path):
    """What the deck cannot know: the file's own length."""
    np.save(tmp_path / "x.npy", np.ones((9, 4)))
    np.save(tmp_path / "y.npy", np.ones((9, 1)))
    result = run(reach_deck(study=dict(samples=10), data=dict(source="npy", file=tmp_path / "x.npy", targets=tmp_path / "y.npy"),
                            kernel=dict(type="network", width=4, activation="tanh"),
                            training=dict(learning_rate=0.1, steps=5)), timeout=60)
    assert result.code == 65 and len(result.messages) == 1 and "9 samples" in result.err, result.err
    assert not (result.folder / "run.h5").exists() and "eigensolver" not in result.out


def test_one_class_is_no_cross_entropy(run, tmp_path):
    """A file whose every label is class 0 leaves nothing to tell apart."""
    np.save(tmp_path / "x.npy", np.random.default_rng(5).standard_normal((9, 4)))
    np.save(tmp_path / "y.npy", np.zeros((9, 1)))
    result = run(reach_deck(study=dict(samples=5, snapshots=1),
                            data=dict(source="npy", file=tmp_path / "x.npy", targets=tmp_path / "y.npy"),
                            kernel=dict(type="network", width=4, activation="tanh"),
                            training=dict(loss="cross_entropy", learning_rate=0.1, steps=5)), timeout=60)
    assert result.code == 66 and len(result.messages) == 1, result.err
    assert "y.npy" in result.err and "two classes or more" in result.err
