#pragma once

// Which rows a Khatri–Rao factor (khatri_rao.hpp) has above a cut, and a bound of what the others
// add. Pure.

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
  std::size_t best(double product) const;  ///< which θ

 private:
  double at(std::size_t b, double product) const;
  int degree_;
  double alpha_;
  std::vector<double> beta_, moment_;  // E (Σ_j j^−β w_j²)^p
};

}  // namespace fathom
