#pragma once

// Operators whose spectra are known exactly, and ways to break them.

#include "dist/interfaces.hpp"

#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

namespace fathom::testing_eigen {

/// diag(λ), any order of the values.
class DiagonalOperator : public LinearOperator {
 public:
  explicit DiagonalOperator(std::vector<double> lambda) : lambda_(std::move(lambda)) {}
  std::int64_t order() const override { return std::ssize(lambda_); }
  std::int64_t rank_bound() const override { return order(); }
  std::string description() const override { return "a diagonal"; }
  double relative_error() const override { return 0x1p-53; }
  double flops() const override { return static_cast<double>(order()); }
  void apply(MatrixView<const double> x, MatrixView<double> y) const override {
    ++products;
    for (std::int64_t j = 0; j < x.cols; ++j)
      for (std::int64_t i = 0; i < x.rows; ++i)
        y(i, j) = lambda_[static_cast<std::size_t>(i)] * x(i, j);
  }
  mutable int products = 0;

 private:
  std::vector<double> lambda_;
};

/// tridiag(-1, 2, -1): 2 − 2 cos(jπ/(n+1)).
class SecondDifference : public LinearOperator {
 public:
  explicit SecondDifference(std::int64_t n) : n_(n) {}
  std::int64_t order() const override { return n_; }
  std::int64_t rank_bound() const override { return n_; }
  std::string description() const override { return "the second difference"; }
  double relative_error() const override { return 2 * 0x1p-53; }
  double flops() const override { return 4.0 * static_cast<double>(n_); }
  void apply(MatrixView<const double> x, MatrixView<double> y) const override {
    for (std::int64_t j = 0; j < x.cols; ++j)
      for (std::int64_t i = 0; i < n_; ++i)
        y(i, j) = 2 * x(i, j) - (i > 0 ? x(i - 1, j) : 0.0) - (i + 1 < n_ ? x(i + 1, j) : 0.0);
  }
  double eigenvalue(std::int64_t mode) const {  ///< 1-based, descending
    return 2 +
           2 * std::cos(static_cast<double>(mode) * std::numbers::pi / static_cast<double>(n_ + 1));
  }

 private:
  std::int64_t n_;
};

/// Another operator with its product spoilt.
class SpoiltOperator : public LinearOperator {
 public:
  using Spoil = std::function<void(MatrixView<const double> x, MatrixView<double> y)>;
  SpoiltOperator(const LinearOperator& inner, Spoil spoil)
      : inner_(inner), spoil_(std::move(spoil)) {}
  std::int64_t order() const override { return inner_.order(); }
  std::int64_t rank_bound() const override { return inner_.rank_bound(); }
  std::string description() const override { return inner_.description() + ", spoilt"; }
  double relative_error() const override { return inner_.relative_error(); }
  double flops() const override { return inner_.flops(); }
  void apply(MatrixView<const double> x, MatrixView<double> y) const override {
    inner_.apply(x, y);
    spoil_(x, y);
  }

 private:
  const LinearOperator& inner_;
  Spoil spoil_;
};

inline SpoiltOperator with_a_nan(const LinearOperator& a) {
  return {a, [](MatrixView<const double>, MatrixView<double> y) {
            y(y.rows / 2, y.cols - 1) = std::numeric_limits<double>::quiet_NaN();
          }};
}

/// Adds s·x_last to the first entry of the product, and nothing to the last one.
inline SpoiltOperator lopsided(const LinearOperator& a, double s) {
  return {a, [s](MatrixView<const double> x, MatrixView<double> y) {
            for (std::int64_t j = 0; j < x.cols; ++j)
              y(0, j) += s * x(x.rows - 1, j);
          }};
}

inline std::vector<double> power_law_spectrum(std::int64_t n, double alpha) {
  std::vector<double> lambda;
  for (std::int64_t j = 1; j <= n; ++j)
    lambda.push_back(std::pow(static_cast<double>(j), -alpha));
  return lambda;
}

}  // namespace fathom::testing_eigen
