#pragma once

// Small matrices and grids for tests of assembly, with references in long double.

#include "comm/process_grid.hpp"
#include "dist/dist_matrix.hpp"
#include "gram/data_rows.hpp"
#include "gram/movement.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

namespace fathom {

/// rows × cols, row-major, long double.
struct Reference {
  std::int64_t rows = 0, cols = 0;
  std::vector<long double> value;

  Reference(std::int64_t r, std::int64_t c)
      : rows(r), cols(c), value(static_cast<std::size_t>(r * c), 0.0L) {}
  long double& operator()(std::int64_t i, std::int64_t j) {
    return value[static_cast<std::size_t>(i * cols + j)];
  }
  long double operator()(std::int64_t i, std::int64_t j) const {
    return value[static_cast<std::size_t>(i * cols + j)];
  }
  long double largest() const {
    long double most = 0;
    for (const long double v : value)
      most = std::max(most, std::abs(v));
    return most;
  }
};

/// Every shape that fits, idle ranks and odd grids included.
inline std::vector<GridShape> shapes(int ranks) {
  std::vector<GridShape> all;
  for (int r = 1; r <= ranks; ++r)
    for (int c = 1; r * c <= ranks; ++c)
      all.push_back({r, c});
  return all;
}

/// The whole matrix on every rank. Collective.
inline Reference gathered(const DistMatrix& a) {
  std::vector<double> sum(static_cast<std::size_t>(a.rows() * a.cols()), 0.0);
  for (std::int64_t j = 0; j < a.local_cols(); ++j)
    for (std::int64_t i = 0; i < a.local_rows(); ++i)
      sum[static_cast<std::size_t>(a.global_row(LocalIndex(i)).value() * a.cols() +
                                   a.global_col(LocalIndex(j)).value())] = a.local()(i, j);
  a.grid().parent().sum(std::span(sum));
  Reference out(a.rows(), a.cols());
  std::copy(sum.begin(), sum.end(), out.value.begin());
  return out;
}

/// count × dim.
inline Reference made(const DataRows& rows) {
  Reference out(rows.count(), rows.dim());
  std::vector<double> x(static_cast<std::size_t>(rows.dim()));
  for (std::int64_t i = 0; i < rows.count(); ++i) {
    rows.make({&i, 1}, 0, {x.data(), rows.dim(), 1, rows.dim()});
    for (std::int64_t k = 0; k < rows.dim(); ++k)
      out(i, k) = x[static_cast<std::size_t>(k)];
  }
  return out;
}

/// scale · A Aᵀ
inline Reference gram_of(const Reference& a, long double scale = 1) {
  Reference out(a.rows, a.rows);
  for (std::int64_t i = 0; i < a.rows; ++i)
    for (std::int64_t j = 0; j < a.rows; ++j)
      for (std::int64_t k = 0; k < a.cols; ++k)
        out(i, j) += scale * a(i, k) * a(j, k);
  return out;
}

inline Reference transposed(const Reference& a) {
  Reference out(a.cols, a.rows);
  for (std::int64_t i = 0; i < a.rows; ++i)
    for (std::int64_t j = 0; j < a.cols; ++j)
      out(j, i) = a(i, j);
  return out;
}

/// max |a − b| / max |b|; infinite where an entry of a is not finite.
inline double difference(const Reference& a, const Reference& b) {
  long double most = 0;
  for (std::size_t k = 0; k < b.value.size(); ++k) {
    const long double d = std::abs(a.value[k] - b.value[k]);
    most = std::isfinite(d) ? std::max(most, d) : HUGE_VALL;
  }
  return static_cast<double>(most / b.largest());
}

/// ‖a − b‖₂ of symmetric matrices, by power iteration from below.
inline double error_norm(const Reference& a, const Reference& b) {
  const std::int64_t n = a.rows;
  std::vector<long double> x(static_cast<std::size_t>(n)), y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = 1.0L + 0.1L * static_cast<long double>((i * 7919) % 13);
  long double norm = 0;
  for (int sweep = 0; sweep < 200; ++sweep) {
    long double square = 0;
    for (const long double v : x)
      square += v * v;
    if (square == 0) return 0;
    for (long double& v : x)
      v /= std::sqrt(square);
    norm = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      long double sum = 0;
      for (std::int64_t j = 0; j < n; ++j)
        sum += (a(i, j) - b(i, j)) * x[static_cast<std::size_t>(j)];
      y[static_cast<std::size_t>(i)] = sum;
      norm += sum * sum;
    }
    x = y;
  }
  return static_cast<double>(std::sqrt(norm));
}

}  // namespace fathom
