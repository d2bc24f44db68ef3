// Trainings continued with a frozen kernel, against the explicit matrix stepped finely by other
// methods: the midpoint rule, and for squared error a power series of the matrix exponential.

#include "studies/frozen_flow.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

using Vector = std::vector<double>;

constexpr std::int64_t samples = 5, positions = 2, classes = 3,
                       order = samples * positions * classes;

/// Falling as k^-2 from 40: with N = 9 labels the fast modes are done when the slow ones begin.
Vector falling_eigenvalues() {
  Vector lambda;
  for (std::int64_t k = 1; k <= order; ++k)
    lambda.push_back(40 / static_cast<double>(k * k));
  return lambda;
}

/// An entry of I − 2wwᵀ/‖w‖²: symmetric and orthogonal, no entry 0.
double vector_entry(std::int64_t i, std::int64_t k) {
  const auto w = [](std::int64_t j) { return 1 + 0.5 * std::sin(3.0 * static_cast<double>(j)); };
  double norm = 0;
  for (std::int64_t j = 0; j < order; ++j)
    norm += w(j) * w(j);
  return (i == k ? 1.0 : 0.0) - 2 * w(i) * w(k) / norm;
}

/// Σ_k λ_k u_k u_kᵀ, row by row; eigenvalues below 0 count as 0.
Vector explicit_matrix(const Vector& lambda) {
  Vector matrix(order * order, 0.0);
  for (std::int64_t i = 0; i < order; ++i)
    for (std::int64_t j = 0; j < order; ++j)
      for (std::int64_t k = 0; k < order; ++k)
        matrix[static_cast<std::size_t>(i * order + j)] +=
            std::max(0.0, lambda[static_cast<std::size_t>(k)]) * vector_entry(i, k) *
            vector_entry(j, k);
  return matrix;
}

Vector product(const Vector& matrix, const Vector& x) {
  Vector y(order, 0.0);
  for (std::size_t i = 0; i < order; ++i)
    y[i] =
        std::inner_product(x.begin(), x.end(), matrix.begin() + static_cast<long>(i * order), 0.0);
  return y;
}

DistMatrix eigenvectors(std::int64_t block) {
  const Communicator world = Communicator::world();
  const ProcessGrid grid(world, choose_grid(world.size(), order, block));
  DistMatrix vectors = DistMatrix::make(grid, order, order, block, block);
  vectors.fill_from(vector_entry);
  return vectors;
}

KernelMoment moment_of(const Vector& lambda, const Vector& gradient, double time) {
  KernelMoment moment;
  moment.step = 7;
  moment.time = time;
  moment.samples = samples;
  moment.outputs = order;
  moment.eigenvalue = lambda;
  moment.error_bound.assign(lambda.size(), 0.0);
  for (const double value : lambda)
    moment.state.push_back(value > 0 ? 1 : 0);
  moment.trace = std::accumulate(lambda.begin(), lambda.end(), 0.0);
  for (std::int64_t k = 0; k < order; ++k) {
    double p = 0;
    for (std::int64_t i = 0; i < order; ++i)
      p += vector_entry(i, k) * gradient[static_cast<std::size_t>(i)];
    moment.projection.push_back(p);
  }
  moment.gradient_squared =
      std::inner_product(gradient.begin(), gradient.end(), gradient.begin(), 0.0);
  moment.position.trusted_floor = 0.25;
  return moment;
}

Vector some_outputs() {
  Vector f;
  for (std::int64_t i = 0; i < order; ++i)
    f.push_back(std::cos(2.5 * static_cast<double>(i)));
  return f;
}

/// A class a position, sample by sample; one position is not counted.
std::vector<std::int32_t> some_labels() {
  return {0, 2, 1, 1, -1, 0, 2, 2, 0, 1};
}

struct LossAndGradient {
  double loss = 0;
  Vector gradient;
};

/// −Σ ln softmax / N with its gradient, written out.
LossAndGradient cross_entropy(const Vector& f, const std::vector<std::int32_t>& labels) {
  LossAndGradient at{0, Vector(f.size(), 0.0)};
  const auto count = static_cast<double>(
      std::count_if(labels.begin(), labels.end(), [](int l) { return l >= 0; }));
  for (std::size_t place = 0; place < labels.size(); ++place) {
    if (labels[place] < 0) continue;
    const std::size_t first = place * classes,
                      target = first + static_cast<std::size_t>(labels[place]);
    double sum = 0;
    for (std::size_t c = first; c < first + classes; ++c)
      sum += std::exp(f[c]);
    at.loss += (std::log(sum) - f[target]) / count;
    for (std::size_t c = first; c < first + classes; ++c)
      at.gradient[c] = (std::exp(f[c]) / sum - (c == target ? 1 : 0)) / count;
  }
  return at;
}

/// The flow by the midpoint rule, its step a 400th of what is stable.
class ExplicitFlow {
 public:
  explicit ExplicitFlow(const Vector& lambda) : matrix_(explicit_matrix(lambda)) {}

  void advance(double time) {
    const auto steps = static_cast<int>(std::ceil(time * 40 / (2 * 9) * 200)) + 1;
    const double h = time / steps;
    for (int step = 0; step < steps; ++step)
      f_ = moved(f_, h, moved(f_, h / 2, f_));
  }
  LossAndGradient now() const { return cross_entropy(f_, some_labels()); }

 private:
  Vector moved(Vector from, double h, const Vector& at) const {
    const Vector v = product(matrix_, cross_entropy(at, some_labels()).gradient);
    for (std::size_t i = 0; i < from.size(); ++i)
      from[i] -= h * v[i];
    return from;
  }
  Vector matrix_, f_ = some_outputs();
};

struct ClassificationCase {
  Vector lambda = falling_eigenvalues();
  Vector outputs = some_outputs();
  std::vector<std::int32_t> labels = some_labels();
  double start = 0;

  FrozenCurve curve(const Vector& times, std::int64_t block = 4) const {
    const KernelMoment moment = moment_of(lambda, cross_entropy(outputs, labels).gradient, start);
    return frozen_cross_entropy(moment, eigenvectors(block),
                                {.outputs = outputs, .labels = labels, .classes = classes}, times,
                                times, 0.1);
  }
};

double largest_difference(const Vector& a, const Vector& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    most = std::max(most, std::abs(a[i] / b[i] - 1));
  return most;
}

Vector explicit_losses(const Vector& lambda, const Vector& times) {
  ExplicitFlow flow(lambda);
  Vector losses;
  double time = 0;
  for (const double t : times) {
    flow.advance(t - time);
    time = t;
    losses.push_back(flow.now().loss);
  }
  return losses;
}

const Vector log_spaced{0, 0.1, 0.3, 1, 3, 10, 30, 100};

TEST(FrozenCrossEntropy, is_the_flow_of_the_explicit_matrix) {
  const ClassificationCase task;
  const Vector expected = explicit_losses(task.lambda, log_spaced);
  for (const std::int64_t block : {1, 4, 30}) {
    const Vector loss = task.curve(log_spaced, block).loss;
    EXPECT_NEAR(loss.front(), cross_entropy(task.outputs, task.labels).loss, 1e-14);
    EXPECT_LT(largest_difference(loss, expected), 5e-8) << "blocks of " << block;
  }
}

TEST(FrozenCrossEntropy, converges_between_close_times) {
  const ClassificationCase task;
  Vector times;
  for (int s = 0; s <= 40; ++s)
    times.push_back(0.05 * s);
  EXPECT_LT(largest_difference(task.curve(times).loss, explicit_losses(task.lambda, times)), 5e-8);
}

TEST(FrozenCrossEntropy, the_check_sees_one_eigenvalue_off_by_a_hundredth) {
  ClassificationCase task;
  const Vector expected = explicit_losses(task.lambda, log_spaced);
  task.lambda.front() *= 1.01;
  EXPECT_GT(largest_difference(task.curve(log_spaced).loss, expected), 5e-5);
}

TEST(FrozenCrossEntropy, depth_is_that_of_the_gradient_where_it_stands) {
  const ClassificationCase task;
  const Vector times{0, 2, 20};
  const FrozenCurve curve = task.curve(times);
  ExplicitFlow flow(task.lambda);
  double time = 0;
  for (std::size_t s = 0; s < times.size(); ++s) {
    flow.advance(times[s] - time);
    time = times[s];
    const Vector p = moment_of(task.lambda, flow.now().gradient, 0).projection;
    double total = 0, sum = 0;
    for (std::size_t k = 0; k < p.size(); ++k)
      total += task.lambda[k] * p[k] * p[k];
    std::int64_t mode = 0;
    while (sum < 0.9 * total) {
      const auto k = static_cast<std::size_t>(mode++);
      sum += task.lambda[k] * p[k] * p[k];
    }
    EXPECT_EQ(curve.depth[s].depth.mode(), mode);
    EXPECT_EQ(curve.depth[s].compute, times[s]);
    EXPECT_NEAR(curve.depth[s].floor, 1.0 / (order * order), 1e-17);
  }
  EXPECT_GT(curve.depth[2].depth.mode(), curve.depth[0].depth.mode());
}

TEST(FrozenCrossEntropy, begins_at_its_moment_and_falls_for_ever) {
  ClassificationCase task;
  task.start = 3;
  const Vector times{0, 1, 3, 3, 100, 2000};
  const FrozenCurve curve = task.curve(times);
  EXPECT_EQ(curve.start, 7);
  EXPECT_TRUE(std::isnan(curve.loss[0]) && std::isnan(curve.loss[1]));
  EXPECT_FALSE(curve.depth[1].depth.found());
  EXPECT_EQ(curve.depth[1].floor, 0.25);
  EXPECT_NEAR(curve.loss[2], cross_entropy(task.outputs, task.labels).loss, 1e-14);
  EXPECT_EQ(curve.loss[2], curve.loss[3]);
  EXPECT_LT(curve.loss[4], curve.loss[3]);
  EXPECT_LT(curve.loss[5], curve.loss[4]);
  EXPECT_GT(curve.loss[5], 0);
  task.start = 0;
  const Vector from_zero = task.curve({0, 7}).loss;
  task.start = 3;
  EXPECT_NEAR(task.curve({3, 10}).loss[1], from_zero[1], 1e-12);
}

TEST(FrozenCrossEntropy, modes_below_zero_and_a_kernel_of_zero_stand_still) {
  ClassificationCase task;
  Vector cut = task.lambda;
  cut.back() = 0;
  task.lambda.back() = -5;
  EXPECT_LT(largest_difference(task.curve(log_spaced).loss, explicit_losses(cut, log_spaced)),
            1e-4);
  task.lambda.assign(order, 0.0);
  const FrozenCurve still = task.curve({0, 100});
  EXPECT_EQ(still.loss[0], still.loss[1]);
  EXPECT_FALSE(still.depth[1].depth.found());
}

/// e^{−Θt/n} r by its series, the time halved until the series is short.
Vector exponential_flow(const Vector& lambda, Vector r, double time) {
  const Vector matrix = explicit_matrix(lambda);
  const auto parts = static_cast<int>(std::ceil(4 * time * lambda.front() / samples)) + 1;
  for (int part = 0; part < parts; ++part) {
    Vector term = r;
    for (int k = 1; k < 20; ++k) {
      term = product(matrix, term);
      for (std::size_t i = 0; i < r.size(); ++i) {
        term[i] *= -time / parts / samples / k;
        r[i] += term[i];
      }
    }
  }
  return r;
}

double half_mean_square(const Vector& r) {
  return std::inner_product(r.begin(), r.end(), r.begin(), 0.0) / (2 * samples);
}

TEST(FrozenSquaredError, is_the_exponential_of_the_explicit_matrix) {
  const Vector lambda = falling_eigenvalues(), residual = some_outputs();
  Vector gradient = residual;
  for (double& g : gradient)
    g /= samples;
  const Vector times{0, 2, 2.1, 2.5, 4, 8, 20};
  const FrozenCurve curve = frozen_squared_error(moment_of(lambda, gradient, 2), times, times, 0.1);
  EXPECT_TRUE(std::isnan(curve.loss[0]));
  EXPECT_FALSE(curve.depth[0].depth.found());
  EXPECT_NEAR(curve.loss[1], half_mean_square(residual), 1e-14);
  for (std::size_t s = 1; s < times.size(); ++s) {
    const double expected = half_mean_square(exponential_flow(lambda, residual, times[s] - 2));
    EXPECT_NEAR(curve.loss[s], expected, 1e-11 * expected) << "time " << times[s];
    EXPECT_GE(curve.depth[s].depth.mode(), curve.depth[s - 1].depth.mode());
  }
  Vector other = lambda;
  other.back() *= 1.01;
  const double off = half_mean_square(exponential_flow(other, residual, 18));
  EXPECT_GT(std::abs(curve.loss.back() - off), 1e-6 * off);
}

TEST(FrozenSquaredError, what_the_kernel_does_not_hold_stays) {
  Vector lambda(order, 0.0);
  lambda[0] = 3;
  lambda[order - 1] = -1;
  Vector gradient = some_outputs();
  const KernelMoment moment = moment_of(lambda, gradient, 0);
  const Vector times{0, 1e6};
  const FrozenCurve curve = frozen_squared_error(moment, times, times, 0.1);
  const double rest = moment.gradient_squared - moment.projection[0] * moment.projection[0];
  EXPECT_NEAR(curve.loss[1], 0.5 * samples * rest, 1e-12 * rest);
}

}  // namespace
}  // namespace fathom
