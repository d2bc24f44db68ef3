#include "gram/data_rows.hpp"

#include "kernels/data.hpp"
#include "kernels/power_law.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace fathom {
namespace {

constexpr double normal_seconds = 2.7e-9;  // measured, one rank a core

/// i.i.d. normals, coordinate j times a factor of its own: what fill_power_law gives, the factors
/// kept and each column scaled while it is in cache.
class NormalRows : public DataRows {
 public:
  NormalRows(std::int64_t count, std::vector<double> factor, std::int64_t dim, RandomKey key,
             std::string description)
      : count_(count),
        dim_(dim),
        factor_(std::move(factor)),
        key_(key),
        description_(std::move(description)) {}

  std::int64_t count() const override { return count_; }
  std::int64_t dim() const override { return dim_; }
  std::string description() const override { return description_; }
  double seconds_per_value() const override { return normal_seconds; }

  void make(std::span<const std::int64_t> items, std::int64_t first,
            MatrixView<double> out) const override {
    for (std::int64_t q = 0; q < out.cols; ++q) {
      fill_normal(key_, items.subspan(static_cast<std::size_t>(q), 1), first,
                  out.block(0, q, out.rows, 1));
      if (factor_.empty()) continue;
      const double* factor = factor_.data() + first;
      double* column = out.col(q);
      for (std::int64_t k = 0; k < out.rows; ++k)
        column[k] *= factor[k];
    }
  }

 private:
  std::int64_t count_, dim_;
  std::vector<double> factor_;  // empty: 1
  RandomKey key_;
  std::string description_;
};

std::vector<double> square_root_law(std::int64_t dim, double alpha) {
  std::vector<double> factor(static_cast<std::size_t>(dim));
  fill_power_law_eigenvalues(1, 0.5 * alpha, factor);
  return factor;
}

class SphereRows : public DataRows {
 public:
  SphereRows(std::int64_t n, std::int64_t dim, RandomKey key) : n_(n), dim_(dim), key_(key) {}

  std::int64_t count() const override { return n_; }
  std::int64_t dim() const override { return dim_; }
  std::string description() const override {
    return fmt::format("uniform on the sphere in {} dimensions", dim_);
  }
  double seconds_per_value() const override { return 2 * normal_seconds; }

  void make(std::span<const std::int64_t> items, std::int64_t first,
            MatrixView<double> out) const override {
    if (first == 0 && out.rows == dim_) {
      fill_sphere(key_, items, out);
      return;
    }
    // The norm needs the whole row.
    std::vector<double> row(static_cast<std::size_t>(dim_));
    for (std::int64_t q = 0; q < out.cols; ++q) {
      fill_sphere(key_, items.subspan(static_cast<std::size_t>(q), 1), {row.data(), dim_, 1, dim_});
      std::copy_n(row.data() + first, out.rows, out.col(q));
    }
  }

 private:
  std::int64_t n_, dim_;
  RandomKey key_;
};

class CircleRows : public DataRows {
 public:
  CircleRows(std::int64_t n, CircleSpacing spacing, RandomKey key)
      : circle_(n, spacing, key), spacing_(spacing) {}

  std::int64_t count() const override { return circle_.size(); }
  std::int64_t dim() const override { return 2; }
  std::string description() const override {
    return spacing_ == CircleSpacing::equispaced ? "equispaced on the unit circle"
                                                 : "uniform on the unit circle";
  }
  double seconds_per_value() const override { return 20e-9; }
  bool knows_chords() const override { return true; }
  const Circle* circle() const override { return &circle_; }

  void fill_squared_chords(std::span<const std::int64_t> rows, std::span<const std::int64_t> cols,
                           MatrixView<double> out) const override {
    circle_.fill_squared_chords(rows, cols, out);
  }

  void make(std::span<const std::int64_t> items, std::int64_t first,
            MatrixView<double> out) const override {
    std::vector<double> points(2 * items.size());
    const MatrixView<double> whole{points.data(), 2, std::ssize(items), 2};
    circle_.fill(items, whole);
    for (std::int64_t q = 0; q < out.cols; ++q)
      std::copy_n(whole.col(q) + first, out.rows, out.col(q));
  }

 private:
  Circle circle_;
  CircleSpacing spacing_;
};

/// Rows of a matrix that another one holds.
class GivenRows : public DataRows {
 public:
  GivenRows(const DistMatrix& x, double input_epsilon, std::string description)
      : x_(x), input_epsilon_(input_epsilon), description_(std::move(description)) {}

  std::int64_t count() const override { return x_.rows(); }
  std::int64_t dim() const override { return x_.cols(); }
  std::string description() const override { return description_; }
  double seconds_per_value() const override { return 0.5e-9; }
  double input_epsilon() const override { return input_epsilon_; }
  const DistMatrix* held() const override { return &x_; }
  void make(std::span<const std::int64_t>, std::int64_t, MatrixView<double>) const override {
    FATHOM_ASSERT(false, "rows of {} are held, not made", description_);
  }

 private:
  const DistMatrix& x_;
  double input_epsilon_;
  std::string description_;
};

}  // namespace

void DataRows::fill_squared_chords(std::span<const std::int64_t>, std::span<const std::int64_t>,
                                   MatrixView<double>) const {
  FATHOM_ASSERT(false, "no chords of {}", description());
}

std::unique_ptr<DataRows> power_law_rows(std::int64_t n, std::int64_t dim, double alpha,
                                         std::uint64_t seed) {
  return std::make_unique<NormalRows>(n, square_root_law(dim, alpha), dim,
                                      RandomKey{seed, Stream::data},
                                      fmt::format("power-law data, alpha = {}", alpha));
}

std::unique_ptr<DataRows> sphere_rows(std::int64_t n, std::int64_t dim, std::uint64_t seed) {
  return std::make_unique<SphereRows>(n, dim, RandomKey{seed, Stream::data});
}

std::unique_ptr<DataRows> circle_rows(std::int64_t n, CircleSpacing spacing, std::uint64_t seed) {
  return std::make_unique<CircleRows>(n, spacing, RandomKey{seed, Stream::data});
}

std::unique_ptr<DataRows> given_rows(const DistMatrix& x, double input_epsilon,
                                     std::string description) {
  return std::make_unique<GivenRows>(x, input_epsilon, std::move(description));
}

std::unique_ptr<DataRows> normal_weights(std::int64_t features, std::int64_t dim,
                                         std::uint64_t seed) {
  return std::make_unique<NormalRows>(features, std::vector<double>{}, dim,
                                      RandomKey{seed, Stream::weights}, "normal weights");
}

std::unique_ptr<DataRows> power_law_weights(std::int64_t features, std::int64_t dim, double alpha,
                                            std::uint64_t seed) {
  return std::make_unique<NormalRows>(features, square_root_law(dim, alpha), dim,
                                      RandomKey{seed, Stream::weights},
                                      fmt::format("power-law weights, alpha = {}", alpha));
}

}  // namespace fathom
