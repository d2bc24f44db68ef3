#pragma once

// Kernels in 80 digits, from their definitions.

#include "kernels/mlp_kernel.hpp"
#include "multiprecision.hpp"

namespace fathom {

/// The recursion of mlp_kernel.hpp, as it stands there.
inline Mp exact_kernel(const MlpKernelOptions& o, const Mp& xx, const Mp& yy, const Mp& xy) {
  const Mp sw(o.weight_variance), sb(o.bias_variance), n0(static_cast<double>(o.input_dim));
  const Mp two_over_pi = Mp(2) / Mp::pi();
  Mp a = sw * xx / n0 + sb, b = sw * yy / n0 + sb, c = sw * xy / n0 + sb, tangent = c;
  for (int l = 0; l < o.depth; ++l) {
    const Mp ua = Mp(1) + Mp(2) * a, ub = Mp(1) + Mp(2) * b;
    const Mp slope = Mp(2) * two_over_pi / sqrt(ua * ub - Mp(4) * c * c);
    c = sw * two_over_pi * asin(Mp(2) * c / sqrt(ua * ub)) + sb;
    a = sw * two_over_pi * asin(Mp(2) * a / ua) + sb;
    b = sw * two_over_pi * asin(Mp(2) * b / ub) + sb;
    tangent = c + sw * slope * tangent;
  }
  return Mp(o.scale) * (o.kind == MlpKernelKind::ntk ? tangent : c);
}

/// E[x^m y^n] by Isserlis' theorem: the first factor paired with each of the others.
inline Mp isserlis(int m, int n, const Mp& a, const Mp& b, const Mp& s) {
  if ((m + n) % 2 != 0) return 0;
  if (m == 0 && n == 0) return 1;
  if (m == 0) return Mp(n - 1) * b * isserlis(0, n - 2, a, b, s);
  Mp sum = 0;
  if (m >= 2) sum = sum + Mp(m - 1) * a * isserlis(m - 2, n, a, b, s);
  if (n >= 1) sum = sum + Mp(n) * s * isserlis(m - 1, n - 1, a, b, s);
  return sum;
}

}  // namespace fathom
