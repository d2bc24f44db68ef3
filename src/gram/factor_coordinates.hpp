#pragma once

// Factors whose rows are coordinates of vectors: F = scale · Xᵀ.

#include "dist/interfaces.hpp"
#include "gram/data_rows.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

namespace fathom {

/// What a CoordinateFactor cannot know by itself.
struct CoordinateFactorTraits {
  bool graded = false;
  double row_error = 0;
  std::string description;
};

/// F(k, i) = scale · coordinate k of row i.
class CoordinateFactor final : public FactorSource {
 public:
  CoordinateFactor(std::shared_ptr<const DataRows> rows, double scale,
                   CoordinateFactorTraits traits);

  std::int64_t rows() const override { return rows_->dim(); }
  std::int64_t cols() const override { return rows_->count(); }
  std::int64_t rank_bound() const override { return std::min(rows(), cols()); }
  bool graded() const override { return traits_.graded; }
  double row_error() const override { return traits_.row_error; }
  double input_epsilon() const override { return rows_->input_epsilon(); }
  std::string description() const override { return traits_.description; }
  double flops() const override;
  void fill(DistMatrix& chunk, std::int64_t first) const override;

 private:
  std::shared_ptr<const DataRows> rows_;
  double scale_;
  CoordinateFactorTraits traits_;
};

/// What every fill() demands of its chunk. Local.
void check_chunk(const FactorSource& factor, const DistMatrix& chunk, std::int64_t first);

/// Where a test asks for it, puts a NaN into this rank's part of a chunk. Local.
void plant_fault(DistMatrix& chunk);

}  // namespace fathom
