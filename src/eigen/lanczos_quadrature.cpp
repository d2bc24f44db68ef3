#include "eigen/lanczos_quadrature.hpp"

#include "bindings/blas.hpp"

#include <algorithm>
#include <cmath>
#include <span>

namespace fathom {
namespace {

/// Points with less than this of the mass are rounding.
constexpr double no_mass = 1e-20;
/// Points closer than this, in units of the norm, are one.
constexpr double coincident = 1e-12;

/// Indices of the points that are one; those without mass are in no group.
/// @param ascending nodes, and their shares of the mass; `kept` stays alone, −1: none
std::vector<std::vector<std::size_t>> groups_descending(std::span<const double> ascending,
                                                        std::span<const double> share,
                                                        std::ptrdiff_t kept = -1) {
  std::vector<std::vector<std::size_t>> groups;
  const double near =
      coincident * std::max(std::abs(ascending.front()), std::abs(ascending.back()));
  bool open = false;
  for (std::size_t l = ascending.size(); l-- > 0;) {
    const bool alone = static_cast<std::ptrdiff_t>(l) == kept;
    if (!alone && share[l] < no_mass) continue;
    if (open && !alone && ascending[groups.back().back()] - ascending[l] <= near)
      groups.back().push_back(l);
    else
      groups.push_back({l});
    open = !alone;
  }
  return groups;
}

struct Point {
  double node = 0;
  double share = 0;
};

/// Their mass, and its centre.
Point joined(std::span<const std::size_t> group, std::span<const double> node,
             std::span<const double> share) {
  if (group.size() == 1) return {node[group[0]], share[group[0]]};
  Point point;
  for (const std::size_t l : group)
    point.share += share[l], point.node += share[l] * node[l];
  point.node /= point.share;
  return point;
}

/// @param prescribed where it is given, the node nearest to it becomes it
GaussQuadrature golub_welsch(std::span<const double> alpha, const Tridiagonal& t,
                             const double* prescribed = nullptr) {
  GaussQuadrature q;
  if (alpha.empty()) return q;
  lapack::TridiagonalEigen eigen =
      lapack::tridiagonal_eigen(alpha, std::span(t.beta).first(alpha.size() - 1));
  auto& node = eigen.eigenvalue;
  std::vector<double> share;
  for (const double s : eigen.first_component)
    share.push_back(s * s);
  std::ptrdiff_t kept = -1;
  if (prescribed) {
    const auto at = std::min_element(node.begin(), node.end(), [&](double a, double b) {
      return std::abs(a - *prescribed) < std::abs(b - *prescribed);
    });
    *at = *prescribed;
    kept = at - node.begin();
  }
  for (const auto& group : groups_descending(node, share, kept)) {
    const Point point = joined(group, node, share);
    q.node.push_back(point.node);
    q.weight.push_back(point.share * t.start_norm * t.start_norm);
  }
  return q;
}

/// The last pivot of T − x by elimination from the top: T with its last entry less this pivot has
/// the eigenvalue x. A pivot of zero, x an eigenvalue of a leading part, is moved by rounding.
double last_pivot(const Tridiagonal& t, double x) {
  double scale = std::abs(x);
  for (const double a : t.alpha)
    scale = std::max(scale, std::abs(a));
  double pivot = t.alpha[0] - x;
  for (std::size_t j = 1; j < t.alpha.size(); ++j) {
    if (pivot == 0) pivot = 0x1p-53 * scale;
    pivot = t.alpha[j] - x - t.beta[j - 1] * t.beta[j - 1] / pivot;
  }
  return pivot;
}

}  // namespace

GaussQuadrature gauss_quadrature(const Tridiagonal& t) {
  return golub_welsch(t.alpha, t);
}

GaussQuadrature radau_quadrature(const Tridiagonal& t, double x) {
  if (t.exhausted || t.alpha.empty()) return gauss_quadrature(t);
  std::vector<double> alpha = t.alpha;
  alpha.back() -= last_pivot(t, x);
  return golub_welsch(alpha, t, &x);
}

RitzPoints ritz_points(const Tridiagonal& t) {
  RitzPoints points;
  const auto k = static_cast<std::size_t>(t.steps());
  if (k == 0) return points;
  std::vector<double> s(k * k), share;
  const auto size = static_cast<std::int64_t>(k);
  const std::vector<double> value = lapack::tridiagonal_eigen(
      t.alpha, std::span(t.beta).first(k - 1), {s.data(), size, size, size});
  for (std::size_t j = 0; j < k; ++j)
    share.push_back(s[j * k] * s[j * k]);
  for (const auto& group : groups_descending(value, share)) {
    const Point point = joined(group, value, share);
    std::vector<double> vector(k, 0.0);
    for (const std::size_t j : group)
      for (std::size_t i = 0; i < k; ++i)
        vector[i] += s[j * k] / std::sqrt(point.share) * s[j * k + i];
    points.value.push_back(point.node);
    points.residual.push_back(t.exhausted ? 0.0 : t.beta.back() * std::abs(vector.back()));
    points.vectors.insert(points.vectors.end(), vector.begin(), vector.end());
  }
  return points;
}

}  // namespace fathom
