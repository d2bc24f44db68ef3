#pragma once

// Gradients of single outputs by backward passes of unit vectors, and kernels of them.

#include "entk_case.hpp"
#include "gathered.hpp"

#include <cmath>

namespace fathom {

/// ∂f_r/∂θ, row r = choice + choices·sample: sample by sample, output by output.
inline Reference jacobian(const EntkCase& c) {
  const std::int64_t n = c.samples->samples(), choices = std::ssize(c.outputs);
  Reference j(n * choices, c.network->parameters());
  for (std::int64_t s = 0; s < n; ++s) {
    const InputBatch one(*c.samples, {&s, 1});
    const auto pass = c.network->forward(c.parameters, one.batch());
    for (std::int64_t q = 0; q < choices; ++q) {
      const OutputChoice& output = c.outputs[static_cast<std::size_t>(q)];
      std::vector<double> g(static_cast<std::size_t>(c.network->outputs()), 0.0);
      g[static_cast<std::size_t>(output.position * c.network->classes() + output.output_class)] = 1;
      std::vector<double> row(c.parameters.size(), 0.0);
      pass->backward({g.data(), std::ssize(g), 1, std::ssize(g)}, row);
      for (std::int64_t k = 0; k < j.cols; ++k)
        j(q + choices * s, k) = row[static_cast<std::size_t>(k)];
    }
  }
  return j;
}

/// The factor by its definition, transposed: rows of K × factor rows.
inline Reference factor_rows(const Reference& jacobian, std::int64_t choices, NtkKind kind) {
  if (kind == NtkKind::all_outputs) return jacobian;
  const std::int64_t n = jacobian.rows / choices, parameters = jacobian.cols;
  const bool trace = kind == NtkKind::trace_kernel;
  Reference out(n, trace ? choices * parameters : parameters);
  const long double scale = trace ? 1 / std::sqrt(static_cast<long double>(choices)) : 1.0L;
  for (std::int64_t s = 0; s < n; ++s)
    for (std::int64_t c = 0; c < choices; ++c)
      for (std::int64_t k = 0; k < parameters; ++k)
        out(s, trace ? k + parameters * c : k) += scale * jacobian(c + choices * s, k);
  return out;
}

}  // namespace fathom
