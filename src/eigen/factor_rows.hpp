#pragma once

// Rows of a factor as a reduction reads them: checked, scaled, counted.

#include "comm/process_grid.hpp"
#include "dist/interfaces.hpp"

#include <cstdint>

namespace fathom {

/// Reads chunks of a source into matrices on one grid, looks for NaN and Inf, and brings what is
/// far from 1 into the middle of the range of doubles by one power of two, the same for all rows.
/// Every function is collective over the grid's parent.
class FactorRows {
 public:
  FactorRows(const ProcessGrid& grid, std::int64_t block, const FactorSource& source)
      : grid_(grid), block_(block), source_(source) {}

  /// Rows first … first + count − 1, times 2^shift(). Error(numeric) naming row and column where
  /// one is not finite, or where later rows are larger than the first by 150 orders of magnitude.
  DistMatrix read(std::int64_t first, std::int64_t count);
  /// 0 but for factors whose first rows that are not zero are beyond 2^±400.
  int shift() const { return shift_; }

 private:
  ProcessGrid grid_;
  std::int64_t block_;
  const FactorSource& source_;
  bool scaled_ = false;
  int shift_ = 0;
};

/// Σx² over matrices, compensated: good to about 2ε however many there are.
class SquareSum {
 public:
  void add(const DistMatrix& rows);       ///< local
  void add(const SquareSum& other_rows);  ///< local
  /// √ of the sum over all ranks. Collective over the communicator.
  double root(const Communicator& comm) const;

 private:
  void add(double square, double rounding);
  double sum_ = 0, lost_ = 0;
};

/// x·2^exponent element by element; local.
void scale_by_power(DistMatrix& a, int exponent);

}  // namespace fathom
