#include "kernels/extended_products.hpp"

#include <algorithm>
#include <cmath>

namespace fathom {
namespace {

constexpr std::int64_t lanes = 16;

/// Sums of neighbouring items.
struct Sums {
  alignas(64) double hi[lanes];
  alignas(64) double lo[lanes];
};

/// sums += Σ_k z_k y_k; z_k(l) = high[k·stride + l] (+ low[…]).
template <bool weighted>
void accumulate(Sums& sums, const double* high, const double* low, std::int64_t stride,
                const double* y, std::int64_t count) {
  Sums local = sums;
  for (std::int64_t k = 0; k < count; ++k) {
    const double factor = y[k];
    const double* z = high + k * stride;
    const double* z_low = weighted ? low + k * stride : nullptr;
#pragma omp simd
    for (std::int64_t l = 0; l < lanes; ++l) {
      const double p = z[l] * factor;
      double e = std::fma(z[l], factor, -p);
      if constexpr (weighted) e = std::fma(z_low[l], factor, e);
      // The sum of two double-doubles with the relative error of libqd's ieee_add.
      const double hi = local.hi[l], lo = local.lo[l];
      const double s = hi + p, hi_part = s - p, p_part = s - hi_part;
      const double s_error = (hi - hi_part) + (p - p_part);
      const double t = lo + e, lo_part = t - e, e_part = t - lo_part;
      const double t_error = (lo - lo_part) + (e - e_part);
      const double c = s_error + t, v = s + c;
      const double w = t_error + (c - (v - s));
      const double sum = v + w;
      local.hi[l] = sum;
      local.lo[l] = w - (sum - v);
    }
  }
  sums = local;
}

}  // namespace

ExtendedPanel::ExtendedPanel(MatrixView<const double> x, std::span<const DoubleDouble> weight)
    : count_(x.rows), items_(x.cols), stride_((x.cols + lanes - 1) / lanes * lanes) {
  FATHOM_ASSERT(weight.empty() || std::ssize(weight) == count_, "{} weights for {} terms",
                weight.size(), count_);
  const auto at = [&](std::int64_t k, std::int64_t i) {
    return static_cast<std::size_t>(k * stride_ + i);
  };
  high_.assign(static_cast<std::size_t>(count_ * stride_), 0.0);
  if (!weight.empty()) low_.assign(high_.size(), 0.0);
  for (std::int64_t i = 0; i < items_; ++i)
    for (std::int64_t k = 0; k < count_; ++k) {
      if (weight.empty()) {
        high_[at(k, i)] = x(k, i);
        continue;
      }
      const DoubleDouble z = weight[static_cast<std::size_t>(k)] * x(k, i);
      high_[at(k, i)] = z.x[0];
      low_[at(k, i)] = z.x[1];
    }
}

void ExtendedPanel::add_products(const double* y, std::int64_t first, std::span<double> hi,
                                 std::span<double> lo) const {
  FATHOM_ASSERT(hi.size() == lo.size() && first >= 0 && first + std::ssize(hi) <= items_,
                "{} and {} sums from item {} of {}", hi.size(), lo.size(), first, items_);
  const std::int64_t last = first + std::ssize(hi);
  for (std::int64_t begin = first / lanes * lanes; begin < last; begin += lanes) {
    const std::int64_t from = std::max(begin, first), to = std::min(begin + lanes, last);
    Sums sums{};
    std::copy(hi.data() + (from - first), hi.data() + (to - first), sums.hi + (from - begin));
    std::copy(lo.data() + (from - first), lo.data() + (to - first), sums.lo + (from - begin));
    if (low_.empty())
      accumulate<false>(sums, high_.data() + begin, nullptr, stride_, y, count_);
    else
      accumulate<true>(sums, high_.data() + begin, low_.data() + begin, stride_, y, count_);
    std::copy(sums.hi + (from - begin), sums.hi + (to - begin), hi.data() + (from - first));
    std::copy(sums.lo + (from - begin), sums.lo + (to - begin), lo.data() + (from - first));
  }
}

}  // namespace fathom
