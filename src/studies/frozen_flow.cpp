#include "studies/frozen_flow.hpp"

#include "studies/targets.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace fathom {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

FrozenCurve begin_curve(const KernelMoment& from, std::span<const double> at,
                        std::span<const double> compute) {
  FATHOM_ASSERT(at.size() == compute.size() && std::is_sorted(at.begin(), at.end()),
                "{} times, {} of compute", at.size(), compute.size());
  FrozenCurve curve;
  curve.start = from.step;
  curve.loss.assign(at.size(), nan);
  for (const double spent : compute)
    curve.depth.push_back({.compute = spent, .depth = {}, .floor = from.position.trusted_floor});
  return curve;
}

/// y = V c on every rank. Collective.
std::vector<double> combined(const DistMatrix& vectors, std::span<const double> c) {
  std::vector<double> y(static_cast<std::size_t>(vectors.rows()), 0.0);
  const MatrixView<const double> local = vectors.local();
  for (std::int64_t j = 0; j < local.cols; ++j) {
    const double weight = c[static_cast<std::size_t>(vectors.global_col(LocalIndex(j)).value())];
    for (std::int64_t i = 0; i < local.rows; ++i)
      y[static_cast<std::size_t>(vectors.global_row(LocalIndex(i)).value())] +=
          weight * local(i, j);
  }
  vectors.grid().parent().sum(y);
  vectors.grid().parent().broadcast(y);
  return y;
}

/// The flow of a cross entropy in function space.
class ClassificationFlow {
 public:
  ClassificationFlow(const KernelMoment& from, const DistMatrix& vectors,
                     const FrozenClassification& task)
      : from_(from), vectors_(vectors), task_(task), f_(task.outputs.begin(), task.outputs.end()) {
    samples_ = from.samples;
    count_ = static_cast<double>(
        std::count_if(task.labels.begin(), task.labels.end(), [](auto l) { return l >= 0; }));
  }

  void advance(double time) {
    if (!(time > 0)) return;
    const double largest = std::max(from_.eigenvalue.front(), 0.0);
    const double limit = largest > 0 ? 2 * count_ / largest : time;
    const double steps = std::max(16.0, std::ceil(time / limit));
    const double h = time / steps;
    for (double step = 0; step < steps; ++step) {
      const std::vector<double> k1 = velocity(f_), k2 = velocity(moved(f_, h / 2, k1)),
                                k3 = velocity(moved(f_, h / 2, k2)),
                                k4 = velocity(moved(f_, h, k3));
      for (std::size_t i = 0; i < f_.size(); ++i)
        f_[i] += h / 6 * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]);
    }
  }

  double loss() { return gradient(f_); }
  /// u_k·g where the flow stands.
  std::vector<double> projection() {
    gradient(f_);
    return target_coefficients(vectors_, Targets{std::ssize(g_), 1, g_});
  }

 private:
  /// g_ ← ∇_f L; returns L.
  double gradient(const std::vector<double>& f) {
    g_.resize(f.size());
    const std::int64_t rows = std::ssize(f) / samples_;
    return loss_and_gradient<double>(LossKind::cross_entropy, {f.data(), rows, samples_, rows},
                                     task_.classes, {.values = {}, .labels = task_.labels}, count_,
                                     {g_.data(), rows, samples_, rows});
  }
  std::vector<double> velocity(const std::vector<double>& f) {
    gradient(f);
    std::vector<double> c = target_coefficients(vectors_, Targets{std::ssize(g_), 1, g_});
    for (std::size_t k = 0; k < c.size(); ++k)
      c[k] *= -std::max(from_.eigenvalue[k], 0.0);
    return combined(vectors_, c);
  }
  static std::vector<double> moved(std::vector<double> f, double h, const std::vector<double>& k) {
    for (std::size_t i = 0; i < f.size(); ++i)
      f[i] += h * k[i];
    return f;
  }

  const KernelMoment& from_;
  const DistMatrix& vectors_;
  const FrozenClassification& task_;
  std::vector<double> f_, g_;
  std::int64_t samples_ = 0;
  double count_ = 0;
};

}  // namespace

FrozenCurve frozen_squared_error(const KernelMoment& from, std::span<const double> at,
                                 std::span<const double> compute, double share) {
  FrozenCurve curve = begin_curve(from, at, compute);
  const auto n = static_cast<double>(from.samples);
  for (std::size_t s = 0; s < at.size(); ++s) {
    if (at[s] < from.time) continue;
    const std::vector<double> p = from.decayed(from.projection, at[s] - from.time);
    const double sum = std::inner_product(p.begin(), p.end(), p.begin(), 0.0);
    // g = r/n and L = ‖r‖²/(2n).
    curve.loss[s] = 0.5 * n * sum;
    curve.depth[s] = from.depth(p, compute[s], share);
  }
  return curve;
}

FrozenCurve frozen_cross_entropy(const KernelMoment& from, const DistMatrix& vectors,
                                 const FrozenClassification& task, std::span<const double> at,
                                 std::span<const double> compute, double share) {
  FrozenCurve curve = begin_curve(from, at, compute);
  ClassificationFlow flow(from, vectors, task);
  double time = from.time;
  for (std::size_t s = 0; s < at.size(); ++s) {
    if (at[s] < from.time) continue;
    flow.advance(at[s] - time);
    time = at[s];
    curve.loss[s] = flow.loss();
    curve.depth[s] = from.depth(flow.projection(), compute[s], share);
  }
  return curve;
}

}  // namespace fathom
