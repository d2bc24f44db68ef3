#include "studies/machine_model.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fathom {
namespace {

constexpr double default_power = 0.9;  // of the ranks, in the rate of a solve

/// Seconds a cubed order on one rank of 4e10 flop/s, with the n² of ten times as much a thousandth:
/// round numbers of the two machines that were measured.
double default_cubic(Backend backend, bool vectors) {
  switch (backend) {
    case Backend::elpa2:
      return vectors ? 5.0e-10 : 0.8e-10;
    case Backend::elpa1:
      return vectors ? 1.9e-10 : 1.6e-10;
    case Backend::scalapack:
      return vectors ? 2.3e-10 : 1.9e-10;
    default:
      return vectors ? 2.4e-10 : 0.9e-10;
  }
}

double default_seconds(const MachineModel& model, Backend backend, bool vectors, std::int64_t n,
                       int ranks) {
  const auto order = static_cast<double>(n);
  const double one =
      default_cubic(backend, vectors) * (4e10 / model.dgemm) * order * order * (order + 300);
  return one / std::pow(ranks, default_power);
}

}  // namespace

double SolverTiming::seconds(std::int64_t n) const {
  const auto order = static_cast<double>(n), small = static_cast<double>(small_order),
             large = static_cast<double>(large_order);
  // t = n² (a + b n)
  const double at_small = small_seconds / (small * small),
               at_large = large_seconds / (large * large);
  double b = (at_large - at_small) / (large - small);
  double a = at_large - b * large;
  if (b < 0) b = 0, a = at_large;
  if (a < 0) a = 0, b = at_large / large;
  return order * order * (a + b * order);
}

double MachineModel::dgemm_on(int count) const {
  if (ranks <= 1 || count >= ranks) return dgemm;
  const double part = std::log(static_cast<double>(count)) / std::log(static_cast<double>(ranks));
  return std::exp((1 - part) * std::log(dgemm_alone) + part * std::log(dgemm));
}

double MachineModel::solve_seconds(Backend backend, bool vectors, std::int64_t n, int count) const {
  const SolverTiming *one = nullptr, *all = nullptr;
  for (const SolverTiming& t : solvers) {
    if (t.backend != backend || t.vectors != vectors) continue;
    (t.ranks == 1 ? one : all) = &t;
  }
  if (backend == Backend::lapack && one) return one->seconds(n);
  if (!one && !all) return default_seconds(*this, backend, vectors, n, count);
  if (!one || !all) {
    const SolverTiming& only = one ? *one : *all;
    return only.seconds(n) * std::pow(static_cast<double>(only.ranks) / count, default_power);
  }
  const double first = one->seconds(n), last = all->seconds(n);
  const double power = std::log(first / last) / std::log(static_cast<double>(all->ranks));
  return first * std::pow(count, -std::clamp(power, 0.0, 1.1));
}

}  // namespace fathom
