#pragma once

// A transformer in plain loops of long double, one sample at a time, written from the formulas of
// transformer.hpp alone: it shares the tensors' places with the code under test, nothing else.

#include "networks/transformer.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace fathom::oracle {

using Real = long double;
using Vector = std::vector<Real>;

inline std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

inline Real activation(ActivationKind kind, Real x) {
  switch (kind) {
    case ActivationKind::relu:
      return x > 0 ? x : 0;
    case ActivationKind::gelu:
      return x * (1 + std::erf(x / std::numbers::sqrt2_v<Real>)) / 2;
    case ActivationKind::tanh:
      return std::tanh(x);
    case ActivationKind::softplus:
      return std::log1p(std::exp(x));
    default:
      ADD_FAILURE() << "the oracle has no such activation";
      return 0;
  }
}

class Transformer {
 public:
  Transformer(const TransformerShape& shape, const std::vector<ParameterTensor>& tensors)
      : shape_(shape), tensors_(tensors) {}

  /// logits[position·vocabulary + class] of one sample
  Vector logits(std::span<const Real> parameters, std::span<const std::int32_t> tokens) const {
    std::vector<Vector> stream;
    const ParameterTensor &table = *find("embedding"), &position = *find("position");
    for (std::int64_t t = 0; t < shape_.context; ++t) {
      stream.emplace_back();
      for (std::int64_t k = 0; k < shape_.width; ++k)
        stream.back().push_back(entry(parameters, table, k, tokens[at(t)]) +
                                entry(parameters, position, k, t));
    }
    for (std::int64_t b = 1; b <= shape_.blocks; ++b) {
      const std::string block = "block" + std::to_string(b);
      attention(parameters, block + ".attention.", stream);
      for (Vector& x : stream) {
        Vector hidden =
            linear(parameters, block + ".mlp.up", norm(parameters, block + ".mlp.norm", x));
        for (Real& z : hidden)
          z = activation(shape_.activation, z);
        add(linear(parameters, block + ".mlp.down", hidden), x);
      }
    }
    Vector all;
    for (const Vector& x : stream) {
      const Vector out = output(parameters, norm(parameters, "final_norm", x));
      all.insert(all.end(), out.begin(), out.end());
    }
    return all;
  }

 private:
  const ParameterTensor* find(const std::string& name) const {
    const auto found = std::find_if(tensors_.begin(), tensors_.end(),
                                    [&](const ParameterTensor& t) { return t.name == name; });
    return found == tensors_.end() ? nullptr : &*found;
  }

  static Real entry(std::span<const Real> parameters, const ParameterTensor& tensor, std::int64_t i,
                    std::int64_t j = 0) {
    return tensor.multiplier * parameters[at(tensor.offset + i + tensor.rows * j)];
  }

  static void add(const Vector& from, Vector& to) {
    for (std::size_t k = 0; k < to.size(); ++k)
      to[k] += from[k];
  }

  Vector linear(std::span<const Real> parameters, const std::string& name, const Vector& a) const {
    const ParameterTensor &weight = *find(name + ".weight"), *bias = find(name + ".bias");
    Vector z;
    for (std::int64_t i = 0; i < weight.rows; ++i) {
      z.push_back(bias ? entry(parameters, *bias, i) : 0);
      for (std::size_t j = 0; j < a.size(); ++j)
        z.back() += entry(parameters, weight, i, static_cast<std::int64_t>(j)) * a[j];
    }
    return z;
  }

  Vector norm(std::span<const Real> parameters, const std::string& name, const Vector& x) const {
    const ParameterTensor &gain = *find(name + ".gain"), &bias = *find(name + ".bias");
    const Real count = static_cast<Real>(x.size());
    Real mean = 0, variance = 0;
    for (const Real value : x)
      mean += value / count;
    for (const Real value : x)
      variance += (value - mean) * (value - mean) / count;
    Vector y;
    for (std::size_t k = 0; k < x.size(); ++k) {
      const auto i = static_cast<std::int64_t>(k);
      y.push_back(entry(parameters, gain, i) * (x[k] - mean) / std::sqrt(variance + Real(1e-5)) +
                  entry(parameters, bias, i));
    }
    return y;
  }

  void attention(std::span<const Real> parameters, const std::string& name,
                 std::vector<Vector>& stream) const {
    const Real size = static_cast<Real>(shape_.head_size);
    const Real scale =
        shape_.parametrisation == Parametrisation::maximal_update ? 1 / size : 1 / std::sqrt(size);
    std::vector<Vector> query, key, value;
    for (const Vector& x : stream) {
      const Vector n = norm(parameters, name + "norm", x);
      query.push_back(linear(parameters, name + "query", n));
      key.push_back(linear(parameters, name + "key", n));
      value.push_back(linear(parameters, name + "value", n));
    }
    for (std::size_t t = 0; t < stream.size(); ++t) {
      Vector heads(query[t].size(), 0);
      for (std::int64_t h = 0; h < shape_.heads; ++h) {
        Vector weight;
        Real sum = 0;
        for (std::size_t s = 0; s <= t; ++s) {
          Real score = 0;
          for (std::int64_t k = h * shape_.head_size; k < (h + 1) * shape_.head_size; ++k)
            score += scale * query[t][at(k)] * key[s][at(k)];
          weight.push_back(std::exp(score));
          sum += weight.back();
        }
        for (std::size_t s = 0; s <= t; ++s)
          for (std::int64_t k = h * shape_.head_size; k < (h + 1) * shape_.head_size; ++k)
            heads[at(k)] += weight[s] / sum * value[s][at(k)];
      }
      add(linear(parameters, name + "projection", heads), stream[t]);
    }
  }

  Vector output(std::span<const Real> parameters, const Vector& n) const {
    if (!shape_.tied_output) return linear(parameters, "output", n);
    const ParameterTensor& table = *find("embedding");
    const Real width = static_cast<Real>(shape_.width);
    Real factor = 1;
    if (shape_.parametrisation == Parametrisation::ntk)
      factor = shape_.output_deviation / std::sqrt(width);
    if (shape_.parametrisation == Parametrisation::maximal_update) factor = 1 / std::sqrt(width);
    Vector logit(at(shape_.vocabulary), 0);
    for (std::int64_t c = 0; c < shape_.vocabulary; ++c)
      for (std::int64_t k = 0; k < shape_.width; ++k)
        logit[at(c)] += factor * parameters[at(table.offset + k + table.rows * c)] * n[at(k)];
    return logit;
  }

  TransformerShape shape_;
  const std::vector<ParameterTensor>& tensors_;
};

/// d/dh f(h) at 0 by central differences, extrapolated once: an error of order h⁴.
template <class F>
Real derivative(F f) {
  const Real h = 1e-3L;
  const Real wide = (f(h) - f(-h)) / (2 * h), narrow = (f(h / 2) - f(-h / 2)) / h;
  return (4 * narrow - wide) / 3;
}

template <class A>
Real largest(const A& values) {
  Real size = 0;
  for (const auto value : values)
    size = std::max(size, std::fabs(static_cast<Real>(value)));
  return size;
}

/// The largest difference over the largest entry of the reference, or over `floor` where that is
/// larger. NaN where there is one.
template <class A, class B>
double relative_difference(const A& values, const B& reference, Real floor = 1e-30L) {
  EXPECT_EQ(std::size(values), std::size(reference));
  Real difference = 0;
  for (std::size_t k = 0; k < std::size(reference); ++k) {
    const Real one = std::fabs(static_cast<Real>(values[k]) - static_cast<Real>(reference[k]));
    if (std::isnan(one)) return std::nan("");
    difference = std::max(difference, one);
  }
  return static_cast<double>(difference / std::max(largest(reference), floor));
}

struct WorstTensor {
  std::string name;
  double difference = -1;
};

/// Gradients compared tensor by tensor, so that a large tensor cannot hide a small one. A bias of
/// keys has gradient zero, as it moves all scores alike: hence the floor.
inline WorstTensor worst_tensor(const std::vector<ParameterTensor>& tensors,
                                std::span<const double> gradient, std::span<const Real> reference) {
  const Real floor = Real(1e-4L) * largest(reference);
  WorstTensor worst;
  for (const ParameterTensor& tensor : tensors) {
    const double difference =
        relative_difference(gradient.subspan(at(tensor.offset), at(tensor.size())),
                            reference.subspan(at(tensor.offset), at(tensor.size())), floor);
    if (std::isnan(difference)) return {tensor.name, difference};
    if (difference > worst.difference) worst = {tensor.name, difference};
  }
  return worst;
}

}  // namespace fathom::oracle
