#pragma once

// A factor given entry by entry, for tests.

#include "dist/interfaces.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace fathom::test {

/// rows × cols with element value(i, j), 0-based: a pure function, the same on every rank.
class MatrixFactor final : public FactorSource {
 public:
  using Value = std::function<double(std::int64_t i, std::int64_t j)>;
  struct Options {
    bool graded = false;
    double row_error = 0;
    double dropped = 0;
    double input_epsilon = 0x1p-53;
    std::int64_t rank_bound = -1;  ///< -1: the shorter side
  };

  MatrixFactor(std::int64_t rows, std::int64_t cols, Value value)
      : MatrixFactor(rows, cols, std::move(value), Options{}) {}
  MatrixFactor(std::int64_t rows, std::int64_t cols, Value value, Options options)
      : rows_(rows), cols_(cols), value_(std::move(value)), options_(options) {}

  std::int64_t rows() const override { return rows_; }
  std::int64_t cols() const override { return cols_; }
  std::int64_t rank_bound() const override {
    return options_.rank_bound >= 0 ? options_.rank_bound : std::min(rows_, cols_);
  }
  bool graded() const override { return options_.graded; }
  double dropped() const override { return options_.dropped; }
  double row_error() const override { return options_.row_error; }
  double input_epsilon() const override { return options_.input_epsilon; }
  std::string description() const override { return fmt::format("{} x {}", rows_, cols_); }
  double flops() const override { return 0; }
  void fill(DistMatrix& chunk, std::int64_t first) const override {
    FATHOM_ASSERT(first >= 0 && first + chunk.rows() <= rows_ && chunk.cols() == cols_,
                  "rows {} + {} of {} x {}", first, chunk.rows(), rows_, cols_);
    rows_handed_out_ += chunk.rows();
    chunk.fill_from([&](std::int64_t i, std::int64_t j) { return value_(first + i, j); });
  }
  /// Over all calls of fill: n passes hand out n·rows().
  std::int64_t rows_handed_out() const { return rows_handed_out_; }

 private:
  std::int64_t rows_, cols_;
  Value value_;
  Options options_;
  mutable std::int64_t rows_handed_out_ = 0;
};

}  // namespace fathom::test
