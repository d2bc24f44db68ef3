#include "eigen/factor_rows.hpp"

#include "base/fault.hpp"
#include "dist/operations.hpp"

#include <cmath>

namespace fathom {
namespace {

constexpr int far = 400;  // squares of numbers within 2^±far, and sums of them, stay in range

}  // namespace

DistMatrix FactorRows::read(std::int64_t first, std::int64_t count) {
  DistMatrix rows = DistMatrix::make(grid_, count, source_.cols(), block_, block_);
  source_.fill(rows, first);
  if (fault_armed("eigen.rows", "nan") && rows.local_rows() > 0 && rows.local_cols() > 0)
    rows.local()(0, 0) = NAN;
  const double largest = max_abs(rows);
  if (!std::isfinite(largest)) {
    const NonFinite found = count_nonfinite(rows);
    throw AgreedError(
        ExitCode::numeric,
        "factor ({}): {} of its rows {} to {} entries are NaN or infinite, one of them at "
        "row {}, column {} (from 0)",
        source_.description(), found.count, first, first + count - 1, first + found.row, found.col);
  }
  if (!scaled_ && largest > 0) {
    scaled_ = true;
    const int exponent = std::ilogb(largest);
    if (std::abs(exponent) > far) shift_ = -exponent;
  }
  if (largest > 0 && std::ilogb(largest) + shift_ > far)
    throw AgreedError(ExitCode::numeric,
                      "factor ({}): rows {} to {} hold {:.1e}, too far above the rows before them",
                      source_.description(), first, first + count - 1, largest);
  scale_by_power(rows, shift_);
  return rows;
}

void scale_by_power(DistMatrix& a, int exponent) {
  if (exponent == 0) return;
  const MatrixView<double> local = a.local();
  for (std::int64_t j = 0; j < local.cols; ++j)
    for (std::int64_t i = 0; i < local.rows; ++i)
      local(i, j) = std::ldexp(local(i, j), exponent);
}

void SquareSum::add(double square, double rounding) {
  const double next = sum_ + square;
  lost_ += rounding + (sum_ >= square ? (sum_ - next) + square : (square - next) + sum_);
  sum_ = next;
}

void SquareSum::add(const DistMatrix& rows) {
  // Sums of their own for every fourth row: none waits for the one before.
  constexpr std::int64_t lanes = 4;
  SquareSum lane[lanes];
  const MatrixView<const double> local = rows.local();
  for (std::int64_t j = 0; j < local.cols; ++j)
    for (std::int64_t i = 0; i < local.rows; ++i) {
      const double x = local(i, j), square = x * x;
      lane[i % lanes].add(square, std::fma(x, x, -square));
    }
  for (const SquareSum& part : lane)
    add(part);
}

void SquareSum::add(const SquareSum& other_rows) {
  add(other_rows.sum_, other_rows.lost_);
}

double SquareSum::root(const Communicator& comm) const {
  return std::sqrt(comm.sum(sum_) + comm.sum(lost_));
}

}  // namespace fathom
