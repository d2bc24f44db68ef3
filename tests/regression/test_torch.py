"""Networks, losses, gradients and tangent kernels against PyTorch: networks defined here, derivatives by its autograd.

Nothing below is taken from fathom but inputs and stored parameters: multipliers follow from the parametrisation, and are
held against fathom's. Jacobians are those of single samples, an output at a time."""
import json
import math
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

from conftest import ENVIRONMENT, MPIEXEC

torch = pytest.importorskip("torch", reason="python3-torch is not installed: no second opinion on networks")
F = torch.nn.functional
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

TOLERANCE = 1e-12  # of the largest entry
CAUGHT = 1e-6
EPSILON = 1e-5  # of layer normalisation

ACTIVATIONS = {
    "monomial": lambda z, degree: z**degree,
    "linear": lambda z, degree: z,
    "relu": lambda z, degree: F.relu(z),
    "abs": lambda z, degree: torch.abs(z),
    "erf": lambda z, degree: torch.erf(z),
    "tanh": lambda z, degree: torch.tanh(z),
    "sigmoid": lambda z, degree: torch.sigmoid(z),
    "gelu": lambda z, degree: F.gelu(z),
    "softplus": lambda z, degree: F.softplus(z, threshold=700),  # the default is x beyond 20
    "sin": lambda z, degree: torch.sin(z),
}


def weight_multiplier(parametrisation, place, fan_in, fan_out, deviation):
    if parametrisation == "ntk":
        return deviation / math.sqrt(fan_in)
    if parametrisation == "maximal_update":
        return {"input": math.sqrt(fan_out), "hidden": 1.0, "output": 1 / math.sqrt(fan_in)}[place]
    return 1.0


def bias_multiplier(parametrisation, place, fan_out, deviation):
    if parametrisation == "maximal_update" and place != "output":
        return math.sqrt(fan_out)
    return deviation if parametrisation == "ntk" else 1.0


class Tensors:
    """The tensors of a flat parameter vector, column by column; each is asked for by name, with the shape and the
    multiplier that the network here gives it."""

    def __init__(self, group, vector):
        table = group["tensors"]
        names = [name.decode() for name in table["name"][...]]
        columns = [table[key][...] for key in ("rows", "cols", "offset", "multiplier")]
        self.table = dict(zip(names, zip(*columns)))
        self.vector = vector
        self.used = {}

    def __call__(self, name, shape, multiplier):
        rows, cols, offset, stored = self.table[name]
        assert (rows, cols) == shape, name
        assert stored == pytest.approx(multiplier, rel=1e-15, abs=0), name
        self.used[name] = range(offset, offset + rows * cols)
        return multiplier * self.vector[offset:offset + rows * cols].reshape(cols, rows).T

    def assert_all_used(self):
        """Every tensor once, and together they are the whole vector."""
        assert set(self.used) == set(self.table)
        assert sorted(k for entries in self.used.values() for k in entries) == list(range(len(self.vector)))


class Layers:
    """Linear layers of one parametrisation."""

    def __init__(self, tensors, parametrisation):
        self.tensors, self.parametrisation = tensors, parametrisation

    def linear(self, x, name, fan_out, place, deviation, bias_deviation, biases=True):
        fan_in = x.shape[-1]
        weight = self.tensors(name + ".weight", (fan_out, fan_in),
                              weight_multiplier(self.parametrisation, place, fan_in, fan_out, deviation))
        return F.linear(x, weight, self.bias(name + ".bias", fan_out, place, bias_deviation) if biases else None)

    def bias(self, name, fan_out, place, deviation):
        return self.tensors(name, (fan_out, 1), bias_multiplier(self.parametrisation, place, fan_out, deviation))[:, 0]

    def norm(self, x, name):
        gain, bias = (self.bias(f"{name}.{part}", x.shape[-1], "hidden", 1.0) for part in ("gain", "bias"))
        return F.layer_norm(x, x.shape[-1:], gain, bias, EPSILON)

    def table(self, name, entries, width, deviation):
        """entries × width, one-hot inputs: a fan-in of 1."""
        return self.tensors(name, (width, entries), weight_multiplier(self.parametrisation, "input", 1, width, deviation)).T


def mlp(shape, tensors, x):
    layers = Layers(tensors, shape["parametrisation"])
    widths = shape["hidden"] + [shape["classes"]]
    for index, width in enumerate(widths, start=1):
        last = index == len(widths)
        x = layers.linear(x, f"layer{index}", width, "output" if last else "input" if index == 1 else "hidden",
                          math.sqrt(shape["weight_variance"]), math.sqrt(shape["bias_variance"]), shape["biases"])
        if not last:
            x = ACTIVATIONS[shape["activation"]](x, shape["degree"])
    return x


def attention_scale(shape):
    return shape["head_size"] ** (-1.0 if shape["parametrisation"] == "maximal_update" else -0.5)


def later(positions):
    """True at (t, s) where position t must not see position s."""
    return torch.triu(torch.ones(positions, positions, dtype=torch.bool), diagonal=1)


def attention(shape, q, k, v):
    def heads(x):  # … × positions × inner → … × heads × positions × head_size
        return x.unflatten(-1, (shape["heads"], shape["head_size"])).transpose(-3, -2)

    score = attention_scale(shape) * heads(q) @ heads(k).transpose(-1, -2)
    weights = F.softmax(score.masked_fill(later(q.shape[-2]), -math.inf), dim=-1)
    return (weights @ heads(v)).transpose(-3, -2).flatten(-2)


def tied_factor(shape):
    """The multiplier of the table as output."""
    return {"standard": 1.0, "ntk": shape["output_deviation"] / math.sqrt(shape["width"]),
            "maximal_update": 1 / math.sqrt(shape["width"])}[shape["parametrisation"]]


def transformer(shape, tensors, tokens):
    """samples × positions·vocabulary"""
    layers = Layers(tensors, shape["parametrisation"])
    width, inner, deviation = shape["width"], shape["heads"] * shape["head_size"], shape["weight_deviation"]

    def hidden(x, name, fan_out, sigma=deviation, biases=True):
        return layers.linear(x, name, fan_out, "hidden", sigma, shape["bias_deviation"], biases)

    table = layers.table("embedding", shape["vocabulary"], width, shape["embedding_deviation"])
    x = F.embedding(tokens, table) + layers.table("position", shape["context"], width, shape["position_deviation"])
    for block in (f"block{index}" for index in range(1, shape["blocks"] + 1)):
        biases = shape["attention_biases"]
        n = layers.norm(x, f"{block}.attention.norm")
        q = hidden(n, f"{block}.attention.query", inner, shape["query_deviation"], biases=biases)
        k = hidden(n, f"{block}.attention.key", inner, biases=biases)
        v = hidden(n, f"{block}.attention.value", inner, biases=biases)
        x = x + hidden(attention(shape, q, k, v), f"{block}.attention.projection", width, biases=biases)
        n = layers.norm(x, f"{block}.mlp.norm")
        n = ACTIVATIONS[shape["activation"]](hidden(n, f"{block}.mlp.up", shape["mlp_width"]), shape["degree"])
        x = x + hidden(n, f"{block}.mlp.down", width)
    x = layers.norm(x, "final_norm")
    if shape["tied_output"]:
        stored = table / weight_multiplier(shape["parametrisation"], "input", 1, width, shape["embedding_deviation"])
        logits = tied_factor(shape) * F.linear(x, stored)
    else:
        logits = layers.linear(x, "output", shape["vocabulary"], "output", shape["output_deviation"],
                               shape["bias_deviation"], shape["output_bias"])
    return logits.flatten(-2)


def outputs_of(group, parameters, samples=slice(None)):
    """samples × outputs, differentiable by the flat parameters."""
    shape = json.loads(group.attrs["network"])
    tensors = Tensors(group, parameters)
    if shape["kind"] == "mlp":
        f = mlp(shape, tensors, torch.tensor(group["features"][samples]))
    else:
        f = transformer(shape, tensors, torch.tensor(group["tokens"][samples]))
    tensors.assert_all_used()
    return f


def jacobian(group, parameters):
    """samples × outputs × parameters"""
    def of_sample(sample):
        f = outputs_of(group, parameters, slice(sample, sample + 1))[0]
        return torch.stack([torch.autograd.grad(one, parameters, retain_graph=True)[0] for one in f])

    return torch.stack([of_sample(sample) for sample in range(len(group["outputs"]))])


def losses(group, f):
    """Divided by all samples, and by all positions, counted or not."""
    error = f - torch.tensor(group["squared_error/targets"][...])
    label = torch.tensor(group["cross_entropy/targets"][...]).flatten()
    logits = f.reshape(len(label), -1)
    return {"squared_error": 0.5 * (error**2).sum() / len(f),
            "cross_entropy": F.cross_entropy(logits, label, ignore_index=-1, reduction="sum") / len(label)}


def gradients(group, parameters):
    """Outputs and losses with their gradients, by the names they have in the file."""
    f = outputs_of(group, parameters)
    values = {"outputs": f}
    for kind, loss in losses(group, f).items():
        by_outputs, by_parameters = torch.autograd.grad(loss, (f, parameters), retain_graph=True)
        values |= {f"{kind}/loss": loss.reshape(1), f"{kind}/output_gradient": by_outputs,
                   f"{kind}/parameter_gradient": by_parameters}
    return values


def kernels(group, parameters):
    """The Jacobian and what follows from it, likewise."""
    j = jacobian(group, parameters)
    rows, summed = j.flatten(0, 1), j.sum(1)
    return {"jacobian": rows, "tangent": j @ torch.tensor(group["direction"][...]), "kernel/all_outputs": rows @ rows.T,
            "kernel/trace_kernel": torch.einsum("aop,bop->ab", j, j) / j.shape[1],
            "kernel/sum_of_outputs": summed @ summed.T}


def deviation(seen, expected):
    """max|seen − expected| / max|expected|; anything that is not finite is infinitely far."""
    assert seen.shape == expected.shape
    difference = np.max(np.abs(seen - expected))
    if not np.isfinite(difference):
        return math.inf
    return 0.0 if difference == 0 else difference / max(np.max(np.abs(expected)), sys.float_info.min)


def deviations(group, parts=(gradients, kernels), moved=None):
    """Of everything by its name; 0.01 is added to the entry `moved` of the parameters here."""
    vector = group["parameters"][...]
    if moved is not None:
        vector[moved] += 0.01
    parameters = torch.tensor(vector, requires_grad=True)
    return {name: deviation(group[name][...], value.detach().numpy())
            for part in parts for name, value in part(group, parameters).items()}


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    path = tmp_path_factory.mktemp("networks") / "networks.h5"
    subprocess.run([MPIEXEC, "-n", "1", os.environ["FATHOM_WRITE_NETWORKS"], path], env=ENVIRONMENT, check=True, timeout=120)
    with h5py.File(path) as file:
        yield file


def shapes_of(networks, kind):
    shapes = {name: json.loads(group.attrs["network"]) for name, group in networks.items()}
    return {name: shape for name, shape in shapes.items() if shape["kind"] == kind}


def agree(networks, kind):
    largest = {}
    for name in shapes_of(networks, kind):
        for quantity, seen in deviations(networks[name]).items():
            largest[quantity] = max(largest.get(quantity, (0.0, "")), (seen, name))
    for quantity, (seen, name) in largest.items():
        print(f"{kind:11} {quantity:32} {seen:8.1e}  {name}")
    assert {quantity: at for quantity, at in largest.items() if at[0] > TOLERANCE} == {}


def test_fully_connected_networks_agree(networks):
    agree(networks, "mlp")


def test_transformers_agree(networks):
    agree(networks, "transformer")


def test_every_kind_is_among_them(networks):
    def values(kind, *keys):
        return {tuple(shape[key] for key in keys) for shape in shapes_of(networks, kind).values()}

    parametrisations = ("standard", "ntk", "maximal_update")
    assert values("mlp", "activation", "parametrisation", "classes", "biases") == {
        (a, p, c, b) for a in ACTIVATIONS for p in parametrisations for c in (1, 3) for b in (False, True)}
    assert {len(hidden) for shape in shapes_of(networks, "mlp").values() for hidden in [shape["hidden"]]} == {0, 1, 2, 4}
    assert values("transformer", "parametrisation", "tied_output", "vocabulary", "attention_biases") == {
        (p, t, v, b) for p in parametrisations for t in (False, True) for v in (1, 3) for b in (False, True)}
    assert {a for a, in values("transformer", "activation")} == set(ACTIVATIONS)
    for group in networks.values():  # nowhere special
        assert np.all(group["parameters"][...] != 0) and np.all(group["parameters"][...] != 1)


HERE = sys.modules[__name__]


def gelu_by_tanh(patch):
    patch.setitem(ACTIVATIONS, "gelu", lambda z, degree: F.gelu(z, approximate="tanh"))


def another_epsilon(patch):
    patch.setattr(HERE, "EPSILON", 1e-4)


def a_look_ahead(patch):
    patch.setattr(HERE, "later", lambda positions: torch.ones(positions, positions).triu(diagonal=2) > 0)


def another_scale(patch):
    patch.setattr(HERE, "attention_scale", lambda shape: 1.0)


def another_tied_factor(patch):
    patch.setattr(HERE, "tied_factor", lambda shape: 1.001)


@pytest.mark.parametrize("plant", [gelu_by_tanh, another_epsilon, a_look_ahead, another_scale, another_tied_factor])
def test_another_network_is_seen(networks, monkeypatch, plant):
    name = next(name for name, shape in shapes_of(networks, "transformer").items()
                if shape["activation"] == "gelu" and shape["tied_output"] and shape["vocabulary"] > 1)
    assert max(deviations(networks[name]).values()) <= TOLERANCE
    plant(monkeypatch)
    assert min(deviations(networks[name]).values()) > CAUGHT


def test_another_entry_of_any_tensor_is_seen(networks):
    """One entry moved: other outputs and gradients, but for a bias of keys, which softmax does not see."""
    names = ["mlp_tanh_maximal_update_2_hidden_3_outputs_biases"]
    names += [name for name, shape in shapes_of(networks, "transformer").items()
              if shape["parametrisation"] == "ntk" and shape["attention_biases"] and shape["vocabulary"] == 3]
    assert len(names) == 3
    for name in names:
        for tensor, offset in zip(networks[name]["tensors/name"].asstr()[...], networks[name]["tensors/offset"][...]):
            seen = deviations(networks[name], parts=[gradients], moved=offset)
            for quantity in ("outputs", "squared_error/parameter_gradient", "cross_entropy/parameter_gradient"):
                assert (seen[quantity] > CAUGHT) == (not tensor.endswith("key.bias")), (name, tensor, quantity)
