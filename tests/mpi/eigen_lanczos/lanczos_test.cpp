#include "eigen/lanczos.hpp"

#include "bindings/blas.hpp"
#include "eigen/lanczos_quadrature.hpp"
#include "eigen/matrix_operator.hpp"
#include "known_operators.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include <gtest/gtest.h>

using namespace fathom;
using namespace fathom::testing_eigen;

namespace {

LanczosResult run(const LinearOperator& a, std::int64_t m, int steps, std::uint64_t seed = 1) {
  const Communicator comm = Communicator::world();
  const std::vector<double> start = gaussian_starts(a.order(), m, seed);
  return lanczos(comm, a, {start.data(), a.order(), m, std::max<std::int64_t>(1, a.order())},
                 {.steps = steps});
}

double moment(const GaussQuadrature& q, int power) {
  double sum = 0;
  for (std::size_t l = 0; l < q.node.size(); ++l)
    sum += q.weight[l] * std::pow(q.node[l], power);
  return sum;
}

/// Σ_k λ_k^power (u_k·v)² of a diagonal.
double diagonal_moment(const std::vector<double>& lambda, const double* v, int power) {
  double sum = 0;
  for (std::size_t k = 0; k < lambda.size(); ++k)
    sum += std::pow(lambda[k], power) * v[k] * v[k];
  return sum;
}

double mass_above(const GaussQuadrature& q, double t) {
  double sum = 0;
  for (std::size_t l = 0; l < q.node.size() && q.node[l] > t; ++l)
    sum += q.weight[l];
  return sum;
}

ExitCode code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const AgreedError& error) {
    return error.code();
  }
  return ExitCode::ok;
}

}  // namespace

TEST(Lanczos, GaussIsExactToDegree2kMinus1AndNotBeyond) {
  const std::vector<double> lambda = power_law_spectrum(60, 0.5);
  const std::vector<double> start = gaussian_starts(60, 3, 1);
  const LanczosResult result = run(DiagonalOperator(lambda), 3, 4);
  for (std::int64_t p = 0; p < 3; ++p) {
    const GaussQuadrature q = gauss_quadrature(result.probe[static_cast<std::size_t>(p)]);
    ASSERT_EQ(q.node.size(), 4u);
    EXPECT_TRUE(std::is_sorted(q.node.rbegin(), q.node.rend()));
    for (int power = 0; power <= 7; ++power) {
      const double exact = diagonal_moment(lambda, start.data() + 60 * p, power);
      EXPECT_NEAR(moment(q, power), exact, 1e-13 * exact) << "probe " << p << ", power " << power;
    }
    const double eighth = diagonal_moment(lambda, start.data() + 60 * p, 8);
    EXPECT_GT(std::abs(moment(q, 8) - eighth), 1e-9 * eighth);
  }
  EXPECT_EQ(result.products, 4);
}

TEST(Lanczos, TellsOfEveryProduct) {
  const SecondDifference a(12);
  const std::vector<double> start = gaussian_starts(12, 2, 1);
  LanczosOptions options{.steps = 5};
  std::vector<std::int64_t> done;
  options.after_step = [&](std::int64_t step) { done.push_back(step); };
  lanczos(Communicator::world(), a, {start.data(), 12, 2, 12}, options);
  EXPECT_EQ(done, (std::vector<std::int64_t>{1, 2, 3, 4, 5}));
}

TEST(Lanczos, RadauHasItsNodeIsExactToDegree2kMinus2AndBracketsTheMass) {
  const std::vector<double> lambda = power_law_spectrum(60, 1.0);
  const std::vector<double> start = gaussian_starts(60, 1, 1);
  const LanczosResult result = run(DiagonalOperator(lambda), 1, 5);
  for (const double t : {0.0, 0.02, 0.1, 0.4}) {
    const GaussQuadrature q = radau_quadrature(result.probe[0], t);
    const auto at = std::find(q.node.begin(), q.node.end(), t);
    ASSERT_NE(at, q.node.end()) << t;
    for (int power = 0; power <= 8; ++power)
      EXPECT_NEAR(moment(q, power), diagonal_moment(lambda, start.data(), power),
                  1e-12 * diagonal_moment(lambda, start.data(), power))
          << "t " << t << ", power " << power;
    double mass = 0;
    for (std::size_t k = 0; k < lambda.size(); ++k)
      if (lambda[k] > t) mass += start[k] * start[k];
    const double own = q.weight[static_cast<std::size_t>(at - q.node.begin())];
    EXPECT_GE(mass, mass_above(q, t) - 1e-12) << t;
    EXPECT_LE(mass, mass_above(q, t) + own + 1e-12) << t;
  }
}

TEST(Lanczos, NStepsGiveTheSpectralMeasureOfAFixedVector) {
  const std::vector<double> lambda{0.1, 3.0, 2.0, 0.5, 1.0};
  const std::vector<double> g{1.0, -2.0, 0.5, 3.0, 0.25};
  const LanczosResult result =
      lanczos(Communicator::world(), DiagonalOperator(lambda), {g.data(), 5, 1, 5}, {.steps = 40});
  const GaussQuadrature q = gauss_quadrature(result.probe[0]);
  const std::vector<double> node{3.0, 2.0, 1.0, 0.5, 0.1}, weight{4.0, 0.25, 0.0625, 9.0, 1.0};
  ASSERT_EQ(q.node.size(), 5u);
  EXPECT_TRUE(result.probe[0].exhausted);
  for (std::size_t l = 0; l < 5; ++l) {
    EXPECT_NEAR(q.node[l], node[l], 1e-13);
    EXPECT_NEAR(q.weight[l], weight[l], 1e-12);
  }
  // χ_pos · tr Θ is the first coefficient of the start vector g.
  EXPECT_NEAR(result.probe[0].alpha[0],
              diagonal_moment(lambda, g.data(), 1) / diagonal_moment(lambda, g.data(), 0), 1e-14);
  EXPECT_TRUE(result.resolved.empty()) << "one start vector tells nothing of multiplicities";
}

TEST(Lanczos, AMatrixAndItsOperatorAgreeOnAnyGrid) {
  const Communicator comm = Communicator::world();
  const std::int64_t n = 37;
  const ProcessGrid grid(comm, choose_grid(comm.size(), n, 4));
  DistMatrix a = DistMatrix::make(grid, n, n, 4, 4);
  a.fill_from([](std::int64_t i, std::int64_t j) {
    return i == j ? 2.0 : (std::abs(i - j) == 1 ? -1.0 : 0.0);
  });
  const LanczosResult held = run(MatrixOperator(a, SymmetricFill::full), 4, 10);
  const LanczosResult made = run(SecondDifference(n), 4, 10);
  for (std::size_t p = 0; p < 4; ++p)
    for (std::size_t j = 0; j < 10; ++j) {
      EXPECT_NEAR(held.probe[p].alpha[j], made.probe[p].alpha[j], 1e-11);
      EXPECT_NEAR(held.probe[p].beta[j], made.probe[p].beta[j], 1e-11);
    }
  EXPECT_LT(held.asymmetry, 1e-13);
}

TEST(Lanczos, AllRanksHaveTheSameBits) {
  const Communicator comm = Communicator::world();
  const LanczosResult result = run(DiagonalOperator(power_law_spectrum(50, 1.5)), 3, 20);
  std::vector<double> mine;
  for (const Tridiagonal& t : result.probe) {
    mine.insert(mine.end(), t.alpha.begin(), t.alpha.end());
    mine.insert(mine.end(), t.beta.begin(), t.beta.end());
  }
  mine.insert(mine.end(), result.resolved.begin(), result.resolved.end());
  std::vector<double> root = mine;
  comm.broadcast(root);
  EXPECT_EQ(std::memcmp(mine.data(), root.data(), mine.size() * sizeof(double)), 0);
  EXPECT_GT(result.resolved.size(), 3u);
}

TEST(Lanczos, ProbesDoNotDependOnEachOther) {
  const DiagonalOperator a(power_law_spectrum(50, 1.5));
  const LanczosResult few = run(a, 2, 12), many = run(a, 5, 12);
  for (std::size_t j = 0; j < 12; ++j)
    EXPECT_NEAR(few.probe[1].alpha[j], many.probe[1].alpha[j], 1e-13);
}

TEST(Lanczos, LowRankEndsEarlyAndIsThenExact) {
  std::vector<double> lambda(40, 0.0);
  lambda[7] = 5, lambda[11] = 3, lambda[30] = 1e-3;
  const DiagonalOperator a(lambda);
  const LanczosResult result = run(a, 4, 30);
  EXPECT_EQ(result.products, 4);
  for (std::size_t p = 0; p < 4; ++p) {
    EXPECT_TRUE(result.probe[p].exhausted);
    const GaussQuadrature q = gauss_quadrature(result.probe[p]);
    ASSERT_EQ(q.node.size(), 4u);
    EXPECT_NEAR(q.node[0], 5, 1e-13);
    EXPECT_NEAR(q.node[1], 3, 1e-13);
    EXPECT_NEAR(q.node[2], 1e-3, 1e-13);
    EXPECT_NEAR(q.node[3], 0, 1e-13);
    EXPECT_EQ(radau_quadrature(result.probe[p], 2.0).node, q.node);
  }
  ASSERT_EQ(result.resolved.size(), 3u);
  EXPECT_NEAR(result.resolved[2], 1e-3, 1e-13);
}

TEST(Lanczos, ZeroOperatorAndZeroStart) {
  const LanczosResult zero = run(DiagonalOperator(std::vector<double>(9, 0.0)), 2, 5);
  EXPECT_EQ(zero.products, 1);
  EXPECT_NEAR(moment(gauss_quadrature(zero.probe[1]), 0), std::pow(zero.probe[1].start_norm, 2),
              1e-12);
  EXPECT_TRUE(zero.resolved.empty());
  const std::vector<double> start(6, 0.0);
  const LanczosResult nothing =
      lanczos(Communicator::world(), SecondDifference(6), {start.data(), 6, 1, 6}, {.steps = 3});
  EXPECT_EQ(nothing.products, 0);
  EXPECT_TRUE(gauss_quadrature(nothing.probe[0]).node.empty());
  EXPECT_TRUE(radau_quadrature(nothing.probe[0], 1.0).node.empty());
}

TEST(Lanczos, OrderOne) {
  const LanczosResult result = run(DiagonalOperator({2.5}), 2, 40);
  EXPECT_EQ(gauss_quadrature(result.probe[0]).node, std::vector<double>{2.5});
}

TEST(Lanczos, ResolvedEigenvaluesCarryTheirMultiplicity) {
  std::vector<double> lambda = power_law_spectrum(200, 2.0);
  lambda[1] = lambda[0];  // 1, 1
  lambda[4] = lambda[3];  // 1/16 twice
  lambda[2] = 0.3;
  const LanczosResult result = run(DiagonalOperator(lambda), 6, 30);
  ASSERT_GE(result.resolved.size(), 5u);
  const double expected[] = {1, 1, 0.3, 1.0 / 16, 1.0 / 16};
  for (std::size_t k = 0; k < 5; ++k)
    EXPECT_NEAR(result.resolved[k], expected[k], 1e-10) << k;
  for (std::size_t k = 5; k < result.resolved.size(); ++k)
    EXPECT_NEAR(result.resolved[k], lambda[k], 1e-6 * lambda[k]) << k;
}

TEST(Lanczos, ResolvedStopsWhereTheProbesCannotTellTheMultiplicity) {
  std::vector<double> lambda = power_law_spectrum(100, 2.0);
  std::fill(lambda.begin() + 2, lambda.begin() + 7, 0.2);  // five times, with four probes
  const LanczosResult result = run(DiagonalOperator(lambda), 4, 25);
  EXPECT_EQ(result.resolved.size(), 2u);
  EXPECT_TRUE(run(DiagonalOperator(std::vector<double>(50, 3.0)), 4, 10).resolved.empty());
}

TEST(Lanczos, NothingIsResolvedInABulk) {
  EXPECT_TRUE(run(SecondDifference(400), 4, 20).resolved.empty());
}

TEST(Lanczos, PlantedFaultsAreRefused) {
  const SecondDifference a(30);
  EXPECT_EQ(code_of([&] { run(with_a_nan(a), 3, 5); }), ExitCode::numeric);
  EXPECT_EQ(code_of([&] { run(lopsided(a, 1e-3), 3, 5); }), ExitCode::numeric);
  EXPECT_EQ(code_of([&] { run(lopsided(a, 0.0), 3, 5); }), ExitCode::ok);
  std::vector<double> start(30, 1.0);
  start[3] = std::nan("");
  EXPECT_EQ(code_of([&] {
              lanczos(Communicator::world(), a, {start.data(), 30, 1, 30}, {.steps = 3});
            }),
            ExitCode::numeric);
}
