#include "spectral/student.hpp"

#include "base/assert.hpp"
#include "spectral/compensated_sum.hpp"

#include <cmath>
#include <limits>

#include <boost/math/distributions/students_t.hpp>

namespace fathom {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

double student_quantile(double confidence, double freedom) {
  FATHOM_ASSERT(confidence > 0.0 && confidence < 1.0 && freedom > 0.0,
                "confidence = {}, freedom = {}", confidence, freedom);
  return boost::math::quantile(boost::math::students_t(freedom), 0.5 + 0.5 * confidence);
}

MeanSpread mean_spread(std::span<const double> value) {
  MeanSpread result{nan, nan, 0};
  CompensatedSum sum;
  for (const double v : value) {
    if (!std::isfinite(v)) continue;
    sum.add(v);
    ++result.count;
  }
  if (result.count == 0) return result;
  result.mean = sum.value() / result.count;
  if (result.count < 2) return result;
  CompensatedSum squares;
  for (const double v : value)
    if (std::isfinite(v)) squares.add((v - result.mean) * (v - result.mean));
  result.deviation = std::sqrt(squares.value() / (result.count - 1));
  return result;
}

MeanInterval mean_interval(std::span<const double> value, double confidence) {
  const MeanSpread spread = mean_spread(value);
  MeanInterval result{spread.mean, nan, nan, spread.count};
  if (spread.count < 2) return result;
  const double half = student_quantile(confidence, spread.count - 1) * spread.deviation /
                      std::sqrt(static_cast<double>(spread.count));
  result.low = spread.mean - half;
  result.high = spread.mean + half;
  return result;
}

}  // namespace fathom
