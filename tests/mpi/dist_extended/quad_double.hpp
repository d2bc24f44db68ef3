#pragma once

// The oracle of the tests of extended precision: whole matrices of quad-double numbers, about 62
// digits, by three loops.

#include "dist/exact_product.hpp"
#include "reference.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

#include <qd/qd_real.h>

namespace fathom::test {

struct Quad {
  std::int64_t rows, cols;
  std::vector<qd_real> data;
  Quad(std::int64_t r, std::int64_t c)
      : rows(r), cols(c), data(static_cast<std::size_t>(r * c), qd_real(0.0)) {}
  qd_real& operator()(std::int64_t i, std::int64_t j) {
    return data[static_cast<std::size_t>(i + j * rows)];
  }
  const qd_real& operator()(std::int64_t i, std::int64_t j) const {
    return data[static_cast<std::size_t>(i + j * rows)];
  }
};

inline Quad quad(const DistMatrix& a) {
  const Serial whole = gathered(a);
  Quad out(a.rows(), a.cols());
  for (std::size_t k = 0; k < out.data.size(); ++k)
    out.data[k] = qd_real(whole.data[k]);
  return out;
}

inline Quad quad(const ExtendedMatrix& a) {
  Quad out = quad(a.hi);
  const Serial low = gathered(a.lo);
  for (std::size_t k = 0; k < out.data.size(); ++k)
    out.data[k] += low.data[k];
  return out;
}

inline Quad transposed(const Quad& a) {
  Quad out(a.cols, a.rows);
  for (std::int64_t j = 0; j < a.cols; ++j)
    for (std::int64_t i = 0; i < a.rows; ++i)
      out(j, i) = a(i, j);
  return out;
}

inline Quad product(const Quad& a, const Quad& b) {
  Quad c(a.rows, b.cols);
  for (std::int64_t j = 0; j < b.cols; ++j)
    for (std::int64_t k = 0; k < a.cols; ++k)
      for (std::int64_t i = 0; i < a.rows; ++i)
        c(i, j) += a(i, k) * b(k, j);
  return c;
}

inline double frobenius(const Quad& a) {
  qd_real sum = 0.0;
  for (const qd_real& x : a.data)
    sum += x * x;
  return std::sqrt(to_double(sum));
}

inline Quad difference(const Quad& a, const Quad& b) {
  Quad c(a.rows, a.cols);
  for (std::size_t k = 0; k < c.data.size(); ++k)
    c.data[k] = a.data[k] - b.data[k];
  return c;
}

/// max |a_ij| of each row.
inline std::vector<double> row_sizes(const Quad& a) {
  std::vector<double> size(static_cast<std::size_t>(a.rows), 0.0);
  for (std::int64_t j = 0; j < a.cols; ++j)
    for (std::int64_t i = 0; i < a.rows; ++i) {
      double& here = size[static_cast<std::size_t>(i)];
      here = std::max(here, std::abs(to_double(a(i, j))));
    }
  return size;
}

/// Two doubles with all 106 bits in use, by global indices alone.
inline DoubleDouble wide_value(std::int64_t i, std::int64_t j, std::uint64_t salt) {
  return DoubleDouble(value(i, j, salt)) + DoubleDouble(value(i, j, salt + 77)) * 0x1p-53;
}

}  // namespace fathom::test
