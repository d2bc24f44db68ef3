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

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// A multi-index |m| = p as its p coordinates, 1-based, falling: rows of `degree` integers.
struct MultisetList {
  int degree = 1;
  std::vector<std::int32_t> index;
  std::int64_t size() const { return std::ssize(index) / degree; }
  std::span<const std::int32_t> operator[](std::int64_t r) const {
    return std::span(index).subspan(static_cast<std::size_t>(r * degree),
                                    static_cast<std::size_t>(degree));
  }
};

/// Multisets of `degree` coordinates 1 … dim in all, as a double.
double multiset_count(std::int64_t dim, int degree);

/// Those whose product of coordinates is at most `product`: as many, but no more than about `limit`
/// are counted. h^m = product^−alpha for H_jj = j^−alpha.
std::int64_t count_multisets(std::int64_t dim, int degree, double product, std::int64_t limit);
/// The same, listed by falling expected size of their rows of F.
MultisetList list_multisets(std::int64_t dim, int degree, double product, double alpha);

/// Rows of F, one column at a time.
class KhatriRaoMap {
 public:
  /// @pre 1 ≤ degree ≤ 8, largest_index ≤ dim: the largest coordinate in any row
  KhatriRaoMap(std::int64_t dim, int degree, std::int64_t largest_index);

  /// What one column needs; one a thread.
  struct Workspace {
    std::vector<double> top;    // moments behind coordinates above j, for j = 0 … dim
    std::vector<double> power;  // g_j^0 … g_j^p, j = 1 … largest index
    std::vector<std::vector<double>> range;  // products of matrices without a step, by n
  };
  /// Prepares the column with g_j = √h_j w_j, j = 1 … dim.
  void prepare(std::span<const double> g, Workspace& workspace) const;
  /// √d · F_m of the prepared column. @pre coordinates of m ≤ largest index
  double entry(std::span<const std::int32_t> m, const Workspace& workspace) const;

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
  void prepare_range(std::span<const double> g, int n, std::vector<double>& table) const;
  void cross(double* state, int n, std::int64_t low, std::int64_t high,
             const std::vector<double>& table) const;

  std::int64_t dim_, largest_;
  int degree_;
  std::vector<std::int64_t> level_;  // where each level of the ranges begins, in blocks
  std::vector<Steps> steps_;
};

/// Σ over dropped m of d·F_m(i)² is at most E[(Σ_{m dropped} (p!/m!) g^m z^m)²], for q_m spans the
/// kept monomials; and as these terms have one sign within each class of parity, with every dropped
/// h^m < product^−alpha, at most product^{−alpha θ} (2p−1)!! (Σ_j h_j^{1−θ} w_j²)^p, any θ in
/// [0, 1]: the least over a few θ is taken. Rigorous for the weights given.
class TailBound {
 public:
  TailBound(std::int64_t dim, int degree, double product, double alpha);
  /// @pre w.size() == dim: √h_j w_j
  double column(std::span<const double> g) const;

 private:
  int degree_;
  std::vector<double> factor_;  // of each θ
  std::vector<double> power_;   // h_j^−θ, θ slowest
};

/// The mean of that bound over w ~ N(0, 1), before any weight is made.
class ExpectedTail {
 public:
  ExpectedTail(std::int64_t dim, int degree, double alpha);
  double operator()(double product) const;

 private:
  int degree_;
  double alpha_;
  std::vector<double> beta_, moment_;  // E (Σ_j j^−β w_j²)^p
};

}  // namespace fathom
