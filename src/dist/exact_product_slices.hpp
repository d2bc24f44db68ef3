#pragma once

// The slices of one factor of an exact product.

#include "dist/exact_product.hpp"

#include <vector>

namespace fathom {

/// A factor seen through its slices. The elements of a row of op(A), or of a column of op(B), share
/// a scale 2^e above the largest of them; slices are made of elements times 2^-e, so that nothing
/// over- or underflows on the way.
class SlicedFactor {
 public:
  enum class Side { left, right };

  /// Takes the scales and the norms of the first `count` slices, in one pass. Collective.
  SlicedFactor(const ExactFactor& factor, Side side, int bits, int count);

  int count() const { return count_; }
  /// Exponent of each local row (left) or column (right) of op(X), in its local order.
  const std::vector<int>& exponents() const { return exponent_; }
  /// ‖slice i‖_F and ‖X − slices 1 … i‖_F over 2^top(), i from 1; rest(0) is ‖X‖_F.
  double norm(int i) const { return slice_norm_[static_cast<std::size_t>(i)]; }
  double rest(int i) const { return rest_norm_[static_cast<std::size_t>(i)]; }
  int top() const { return top_; }
  /// Slice i of the scaled factor into `out`, of the stored matrix's layout. Local.
  void extract(int i, DistMatrix& out) const;

 private:
  bool along_rows() const { return along_rows_; }
  void take_exponents();
  void take_norms();

  const ExactFactor& factor_;
  bool along_rows_;  // scales belong to the stored matrix's rows
  int bits_, count_;
  int top_ = 0;
  std::vector<int> exponent_;
  std::vector<double> scale_;
  std::vector<double> slice_norm_, rest_norm_;
};

}  // namespace fathom
