#include "kernels/teacher.hpp"

#include "base/error.hpp"
#include "base/random.hpp"
#include "kernels/power_law.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fathom {
namespace {

/// Coordinates of an item made at a time.
constexpr std::int64_t chunk_size = 2048;

void check(const TeacherParameters& p) {
  if (p.dim < 1) throw Error(ExitCode::deck, "teacher of dimension {}; at least 1", p.dim);
  if (!std::isfinite(p.beta)) throw Error(ExitCode::deck, "teacher with beta = {}", p.beta);
  if (!(p.second_order_share >= 0.0 && p.second_order_share <= 1.0))
    throw Error(ExitCode::deck, "teacher with second-order share {}; 0 to 1", p.second_order_share);
  if (!(p.noise_deviation >= 0.0 && std::isfinite(p.noise_deviation)))
    throw Error(ExitCode::deck, "label noise of deviation {}; finite, not negative",
                p.noise_deviation);
}

}  // namespace

Teacher::Teacher(const TeacherParameters& parameters, std::uint64_t seed)
    : parameters_(parameters), seed_(seed) {
  check(parameters);
  coefficient_.resize(static_cast<std::size_t>(parameters.dim));
  fill_power_law_eigenvalues(1, parameters.beta, coefficient_);
  const double square = power_law_trace(parameters.dim, 2.0 * parameters.beta);
  if (!std::isfinite(square))
    throw Error(ExitCode::deck,
                "the coefficients of a teacher with beta = {}, dimension {} overflow",
                parameters.beta, parameters.dim);
  const double scale = parameters.unit_variance ? 1.0 / std::sqrt(square) : 1.0;
  norm_ = parameters.unit_variance ? 1.0 : std::sqrt(square);
  std::vector<double> sign(coefficient_.size(), 1.0);
  if (parameters.signs == CoefficientSigns::random) {
    const std::int64_t item = 0;
    fill_uniform({seed, Stream::targets}, std::span(&item, 1), 0,
                 {sign.data(), parameters.dim, 1, parameters.dim});
    for (double& s : sign)
      s = s < 0.5 ? -1.0 : 1.0;
  }
  for (std::size_t j = 0; j < coefficient_.size(); ++j)
    coefficient_[j] *= sign[j] * scale;
}

double Teacher::signal(std::int64_t item, std::span<double> chunk) const {
  double linear = 0.0;
  for (std::int64_t first = 0; first < parameters_.dim; first += chunk_size) {
    const std::int64_t count = std::min(chunk_size, parameters_.dim - first);
    fill_normal({seed_, Stream::data}, std::span(&item, 1), first, {chunk.data(), count, 1, count});
    const double* b = coefficient_.data() + first;
    double part = 0.0;
    for (std::int64_t k = 0; k < count; ++k)
      part += b[k] * chunk[static_cast<std::size_t>(k)];
    linear += part;
  }
  const double share = parameters_.second_order_share;
  if (share == 0.0) return linear;
  const double u = linear / norm_;
  return std::sqrt(1.0 - share) * linear +
         norm_ * std::sqrt(share) * (u * u - 1.0) / std::numbers::sqrt2;
}

TeacherTargets Teacher::targets(std::span<const std::int64_t> items) const {
  TeacherTargets targets;
  targets.signal.reserve(items.size());
  std::vector<double> chunk(static_cast<std::size_t>(std::min(chunk_size, parameters_.dim)));
  for (const std::int64_t item : items)
    targets.signal.push_back(signal(item, chunk));
  targets.noise.assign(items.size(), 0.0);
  if (parameters_.noise_deviation > 0.0 && !items.empty())
    fill_normal({seed_, Stream::noise}, items, 0, {targets.noise.data(), 1, std::ssize(items), 1});
  for (double& value : targets.noise)
    value *= parameters_.noise_deviation;
  return targets;
}

}  // namespace fathom
