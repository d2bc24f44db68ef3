#pragma once

// What the tests of dist share: odd grids, values by global indices, and a serial copy to compare
// with.

#include "base/assert.hpp"
#include "dist/dist_matrix.hpp"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace fathom::test {

/// A number in [-1, 1) that depends on (i, j, salt) alone.
inline double value(std::int64_t i, std::int64_t j, std::uint64_t salt = 1) {
  std::uint64_t x = static_cast<std::uint64_t>(i) * 0x9e3779b97f4a7c15u +
                    static_cast<std::uint64_t>(j) * 0xc2b2ae3d27d4eb4fu + salt;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return static_cast<double>((x ^ (x >> 31)) >> 11) * 0x1p-52 - 1.0;
}

inline double symmetric_value(std::int64_t i, std::int64_t j) {
  return i >= j ? value(i, j) : value(j, i);
}

/// A whole matrix on every rank, column-major.
struct Serial {
  std::int64_t rows, cols;
  std::vector<double> data;
  Serial(std::int64_t r, std::int64_t c)
      : rows(r), cols(c), data(static_cast<std::size_t>(r * c), 0.0) {}
  template <class F>
  Serial(std::int64_t r, std::int64_t c, F&& f) : Serial(r, c) {
    for (std::int64_t j = 0; j < c; ++j)
      for (std::int64_t i = 0; i < r; ++i)
        (*this)(i, j) = f(i, j);
  }
  double& operator()(std::int64_t i, std::int64_t j) {
    return data[static_cast<std::size_t>(i + j * rows)];
  }
  double operator()(std::int64_t i, std::int64_t j) const {
    return data[static_cast<std::size_t>(i + j * rows)];
  }
};

/// Every rank's part put together; a NaN stays a NaN.
inline Serial gathered(const DistMatrix& a) {
  Serial whole(a.rows(), a.cols());
  for (std::int64_t j = 0; j < a.local_cols(); ++j)
    for (std::int64_t i = 0; i < a.local_rows(); ++i)
      whole(a.global_row(LocalIndex(i)).value(), a.global_col(LocalIndex(j)).value()) =
          a.local()(i, j);
  a.grid().parent().sum(std::span(whole.data));
  return whole;
}

inline Serial product(const Serial& a, const Serial& b) {
  FATHOM_ASSERT(a.cols == b.rows, "{} x {} times {} x {}", a.rows, a.cols, b.rows, b.cols);
  Serial c(a.rows, b.cols);
  for (std::int64_t j = 0; j < b.cols; ++j)
    for (std::int64_t k = 0; k < a.cols; ++k)
      for (std::int64_t i = 0; i < a.rows; ++i)
        c(i, j) += a(i, k) * b(k, j);
  return c;
}

inline Serial transposed(const Serial& a) {
  return Serial(a.cols, a.rows, [&](std::int64_t i, std::int64_t j) { return a(j, i); });
}

inline double distance(const Serial& a, const Serial& b) {
  double largest = 0;
  for (std::size_t k = 0; k < a.data.size(); ++k) {
    const double difference = std::abs(a.data[k] - b.data[k]);
    if (!(difference <= largest)) largest = difference;
  }
  return a.rows == b.rows && a.cols == b.cols ? largest : INFINITY;
}

/// Sets element (i, j) where this rank holds it.
inline void plant(DistMatrix& a, std::int64_t i, std::int64_t j, double planted) {
  const auto &row = a.distribution().rows, &col = a.distribution().cols;
  const GlobalIndex gi(i), gj(j);
  if (row.owner(gi) == a.grid().myrow() && col.owner(gj) == a.grid().mycol())
    a.local()(row.local(gi).value(), col.local(gj).value()) = planted;
}

/// Every shape that fits the communicator, in alternating order, with a name for messages.
template <class Body>
void for_each_grid(const Communicator& comm, Body&& body) {
  bool by_row = true;
  for (int p = 1; p <= comm.size(); ++p)
    for (int q = 1; p * q <= comm.size(); ++q) {
      by_row = !by_row;
      const ProcessGrid grid(comm, {p, q}, by_row ? GridOrder::row_major : GridOrder::column_major);
      body(grid, std::to_string(p) + " x " + std::to_string(q) + (by_row ? " rows" : " columns"));
    }
}

}  // namespace fathom::test
