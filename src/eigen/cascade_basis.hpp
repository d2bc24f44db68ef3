#pragma once

// The orthogonal matrix V of one level of the cascade: full, as an eigensolver gives it, or a block
// reflector that carries a few head vectors and leaves the rest of the space in no particular
// basis.

#include "dist/dist_matrix.hpp"
#include "eigen/cascade_probes.hpp"

#include <cstdint>
#include <optional>

namespace fathom {

/// m × m, its first `head` columns the head vectors. As a block reflector (Schreiber & Parlett
/// 1988) V = (I − Y T Yᵀ)·diag(−S, I), Y = V_h + [S; 0]: products with it cost 4·rows·m·head
/// instead of 2·rows·m² flops. Every function is collective over the grid's parent.
class LevelBasis {
 public:
  /// @pre v is square
  explicit LevelBasis(DistMatrix v, std::int64_t head);
  /// The reflector that carries orthonormal columns v_h (m × head). S is the orthogonal polar
  /// factor of their first rows, replicated for a moment: 6·head² doubles a rank. @pre head ≤ m
  static LevelBasis reflector(DistMatrix v_h);

  std::int64_t order() const { return order_; }
  std::int64_t head() const { return head_; }
  bool full() const { return full_.has_value(); }
  /// V·x and Vᵀ·x in twice the working precision, of V exactly as it is stored.
  PreciseColumns apply(Op op, const PreciseColumns& x) const;
  /// A·V. A is left as it is.
  DistMatrix product(const DistMatrix& a) const;
  /// The columns first … of `total` times V, in place. @pre as many columns as V has
  void turn(DistMatrix& total, std::int64_t first) const;
  /// V as a matrix.
  DistMatrix matrix() const;

 private:
  LevelBasis() = default;
  /// part(0, first) … ← itself·V, of the leading `rows` rows. @pre not full
  void reflect(DistMatrix& a, std::int64_t first) const;

  std::int64_t order_ = 0, head_ = 0;
  std::optional<DistMatrix> full_;
  std::optional<DistMatrix> y_, t_, s_;  // m × head, head × head twice
};

/// Orthonormal columns (m × k) that span the leading right singular space of A (p × m), by subspace
/// iteration on AᵀA from `width` random columns (Halko, Martinsson & Tropp 2011, 4.5): the head as
/// `threshold` says, if it is not larger than half of `width`; nothing otherwise, or where it would
/// converge slowly. Collective. @pre A is not zero, entries near 1, width ≤ m
std::optional<DistMatrix> leading_space(const DistMatrix& a, std::int64_t width, double threshold,
                                        std::uint64_t seed);

}  // namespace fathom
