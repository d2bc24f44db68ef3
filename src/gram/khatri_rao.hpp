#pragma once

// The graded Khatri–Rao factor of the population covariance of monomial features (arXiv 2603.14578;
// THEORY.md 1.1). Pure.
//
// For Gaussian x = H^½z and g = H^½w the feature (w·x)^p = (g·z)^p is a homogeneous polynomial of z
// with coefficients (p!/m!) g^m over multi-indices m, |m| = p, and K = E[features of i and j]/d.
// Any orthonormal basis q_m of those polynomials gives a factor, F_m(i) = E[q_m(z) (g_i·z)^p]/√d.
// The basis taken is that of Gram–Schmidt from the largest monomial down, for which F_m holds g^m
// and monomials that are smaller: z_j² moved to higher coordinates, and nothing else. So each row
// has the size of √(h^m) and no row hides small ones behind rounding of a large one (the Hermite
// basis does: its rows of lower order, |g|² for p = 2, do not fall). At p = 2 it is the Cholesky
// factor of 11ᵀ + 2I over the rows z_j². In closed form, over the coordinates one by one:
//
//   q_m = Π_j A_j,  A_j ∝ r_j^{m_j} C^{(λ)}_{m_j}(z_j/r_j),  λ = n' + j/2,
//   r_j² = z₁² + … + z_j²,  n' = m_1 + … + m_{j−1},
//
// C^{(λ)} Gegenbauer's polynomials: under the Gaussian a homogeneous q of degree n' has on the
// polynomials of degree n' + 2 the projection const·r²q, whatever q is. Then F_m is a product of
// small matrices over j = v … 1 that act on the moments E[q_{m_1…m_j} r_j^{2s} (g·z)^{n−2s}],
// s = 0 … ⌊n/2⌋: matrix (s, s') at j is τ(s, s') g_j^{m_j + 2(s'−s)} with τ > 0 of j, m_j, n'
// alone. All terms of an entry have one sign: entries are accurate relative to themselves.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// Rows of F, eight columns at a time.
class KhatriRaoMap {
 public:
  static constexpr int lanes = 8;
  using Lanes = std::array<double, lanes>;

  /// @pre 1 ≤ degree ≤ 8, largest_index ≤ dim: the largest coordinate in any row
  KhatriRaoMap(std::int64_t dim, int degree, std::int64_t largest_index);

  /// What the columns at hand need; one a thread.
  struct Workspace {
    std::vector<Lanes> g;                   // √h_j w_j, j = 1 … dim: set by the caller
    std::vector<Lanes> top;                 // moments behind coordinates above j, for j = 0 … dim
    std::vector<std::vector<Lanes>> range;  // products of matrices without a step, by n
  };
  /// Prepares the columns whose g stands in the workspace.
  void prepare(Workspace& workspace) const;
  std::int64_t workspace_bytes() const;  ///< of one
  /// √d · F_m of the prepared columns. @pre coordinates of m ≤ largest index
  Lanes entries(std::span<const std::int32_t> m, const Workspace& workspace) const;

  /// E_w[(leading term of F_m)²]·d for h = 1: its coefficient in the expected size of a row.
  static double weight(std::span<const std::int32_t> m);

 private:
  /// τ(s, s') at coordinates 1 … count for one (m_j, n').
  struct Steps {
    int states_in = 1, states_out = 1;
    std::vector<double> tau;
    const double* at(std::int64_t j) const { return tau.data() + (j - 1) * states_in * states_out; }
  };
  static Steps make_steps(std::int64_t count, int m, int below);
  const Steps& steps(int m, int below) const;
  void prepare_range(std::span<const Lanes> g, int n, std::vector<Lanes>& table) const;
  void cross(Lanes* state, int n, std::int64_t low, std::int64_t high,
             const std::vector<Lanes>& table) const;

  std::int64_t dim_, largest_;
  int degree_;
  std::vector<std::int64_t> level_;  // where each level of the ranges begins, in blocks
  std::vector<Steps> steps_;
};

}  // namespace fathom
