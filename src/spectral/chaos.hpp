#pragma once

// The finite-size chaos comparator of random-feature spectra: what the eigenvalues of
// K = (1/d) E_x[f(Wᵀx) f(Wᵀx)ᵀ], x ~ N(0, H), would be for d → ∞ if the pre-activations all had the
// variance tr H. Then the kernel is a power series in s = w·Hw', each power s^k acts on its own
// Wiener chaos, and its eigenvalues there are k! times the products of k eigenvalues of H over
// multisets. The comparator is the sorted union over k; directly comparable with λ_j(K), no
// constant to fit. Local and pure.

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// The chaos of one order: its eigenvalues are weight × (products of `order` eigenvalues of H).
struct ChaosTerm {
  int order = 0;
  double weight = 0.0;
};

/// Terms of f(y) = y^p: k = p, p−2, … ≥ 0 with the weights
/// A_k = (p! / (((p−k)/2)! 2^{(p−k)/2}))² (tr H)^{p−k} (the k! of the power and of the chaos
/// cancelled); p = 1: 1 · p = 2: 4, (tr H)² · p = 3: 36, 9 (tr H)².
/// @pre 1 ≤ degree ≤ 16, trace > 0
std::vector<ChaosTerm> monomial_chaos(int degree, double trace);

/// The `count` largest values of the union, falling. A term of order 0 is one mode. Zero past the
/// end where there are fewer (degree 1: rank v). Each multiset enters once. O(count log count) by a
/// heap over index tuples in which every tuple has one parent.
/// @pre spectrum falling and ≥ 0 (eigenvalues of H), weights ≥ 0
std::vector<double> chaos_comparator(std::span<const ChaosTerm> terms,
                                     std::span<const double> spectrum, std::int64_t count);

/// For f(y) = y^degree and H = diag(j^-alpha), j ≤ dim, with its exact trace.
std::vector<double> chaos_comparator(int degree, double alpha, std::int64_t dim,
                                     std::int64_t count);

}  // namespace fathom
