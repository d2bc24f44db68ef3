#include "eigen/matrix_free.hpp"

#include "dist/operations.hpp"
#include "eigen/matrix_operator.hpp"
#include "known_operators.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include <gtest/gtest.h>

using namespace fathom;
using namespace fathom::testing_eigen;

namespace {

class Lines : public Progress {
 public:
  void note(const std::string& line) override { said += line + "\n"; }
  void warn(const std::string& line) override { said += line + "\n"; }
  void begin(const std::string&) override {}
  void end(const std::string&, double) override {}
  std::string said;
};

CertifiedSpectrum solve(const LinearOperator& a, std::int64_t count, bool vectors = false,
                        std::string* said = nullptr) {
  Lines lines;
  CertifiedSpectrum spectrum =
      solve_matrix_free(Communicator::world(), a, {.count = count, .vectors = vectors}, {}, lines);
  if (said) *said = lines.said;
  return spectrum;
}

struct Failure {
  ExitCode code = ExitCode::ok;
  std::string what;
};
Failure failure_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const AgreedError& error) {
    return {error.code(), error.what()};
  }
  return {};
}

#ifdef FATHOM_HAVE_SLEPC

void expect_inside(const CertifiedSpectrum& spectrum, const std::vector<double>& exact) {
  for (std::size_t k = 0; k < spectrum.result.eigenvalue.size(); ++k)
    EXPECT_LE(std::abs(spectrum.result.eigenvalue[k] - exact[k]),
              spectrum.error_bound[k] + 1e-15 * exact[0])
        << "mode " << k + 1;
}

#endif

}  // namespace

#ifdef FATHOM_HAVE_SLEPC

TEST(MatrixFree, LargestOfASecondDifferenceAreInsideTheirBounds) {
  const SecondDifference a(150);
  std::string said;
  const CertifiedSpectrum spectrum = solve(a, 8, false, &said);
  std::vector<double> exact;
  for (std::int64_t k = 1; k <= 8; ++k)
    exact.push_back(a.eigenvalue(k));
  ASSERT_EQ(spectrum.result.eigenvalue.size(), 8u);
  expect_inside(spectrum, exact);
  EXPECT_EQ(spectrum.trusted, 8);
  EXPECT_LT(spectrum.largest_bound(), 1e-11);
  EXPECT_FALSE(spectrum.result.vectors);
  EXPECT_FALSE(spectrum.complete);
  EXPECT_NE(spectrum.certificate.verdict(), Verdict::fail);
  EXPECT_NE(said.find("multiple eigenvalue"), std::string::npos) << said;
  EXPECT_EQ(spectrum.certificate.residual_ratio.size(), 8u);
}

TEST(MatrixFree, SmallValuesAreUntrustedAndNullModesCounted) {
  class LowRank : public DiagonalOperator {
   public:
    using DiagonalOperator::DiagonalOperator;
    std::int64_t rank_bound() const override { return 3; }
  };
  std::vector<double> lambda(60, 0.0);
  lambda[5] = 2, lambda[9] = 1, lambda[50] = 1e-17;
  const CertifiedSpectrum spectrum = solve(LowRank(lambda), 5);
  EXPECT_EQ(spectrum.trusted, 2);
  EXPECT_EQ(spectrum.null_by_rank, 2);
  EXPECT_EQ(spectrum.state[2], ModeState::untrusted);
}

TEST(MatrixFree, MultipleEigenvaluesAreAllFound) {
  std::vector<double> lambda = power_law_spectrum(80, 1.0);
  lambda[1] = lambda[2] = lambda[0];
  const CertifiedSpectrum spectrum = solve(DiagonalOperator(lambda), 6);
  std::sort(lambda.begin(), lambda.end(), std::greater<>());
  expect_inside(spectrum, lambda);
}

TEST(MatrixFree, VectorsComeInBlocksAndSolveTheProblem) {
  const std::int64_t n = 90;
  const SecondDifference a(n);
  const CertifiedSpectrum spectrum = solve(a, 4, true);
  ASSERT_TRUE(spectrum.result.vectors);
  const DistMatrix& z = *spectrum.result.vectors;
  EXPECT_EQ(z.rows(), n);
  EXPECT_EQ(z.cols(), 4);
  const Communicator comm = Communicator::world();
  std::vector<double> whole(static_cast<std::size_t>(4 * n), 0.0), product(whole.size());
  for (std::int64_t j = 0; j < z.local_cols(); ++j)
    for (std::int64_t i = 0; i < z.local_rows(); ++i)
      whole[static_cast<std::size_t>(z.global_row(LocalIndex(i)).value() +
                                     n * z.global_col(LocalIndex(j)).value())] = z.local()(i, j);
  comm.sum(whole);
  a.apply({whole.data(), n, 4, n}, {product.data(), n, 4, n});
  for (std::int64_t j = 0; j < 4; ++j)
    for (std::int64_t i = 0; i < n; ++i)
      EXPECT_NEAR(product[static_cast<std::size_t>(i + n * j)],
                  spectrum.result.eigenvalue[static_cast<std::size_t>(j)] *
                      whole[static_cast<std::size_t>(i + n * j)],
                  1e-11);
}

TEST(MatrixFree, AgreesWithTheDenseSolve) {
  const Communicator comm = Communicator::world();
  const std::int64_t n = 70;
  const auto make = [n](const ProcessGrid& grid, std::int64_t block) {
    DistMatrix a = DistMatrix::make(grid, n, n, block, block);
    a.fill_from(
        [](std::int64_t i, std::int64_t j) { return static_cast<double>(std::min(i, j) + 1); });
    return SymmetricMatrix{std::move(a), SymmetricFill::full, 0.0, 0x1p-53};
  };
  Lines lines;
  SpectrumProblem problem;
  problem.source = make;
  problem.n = n;
  const CertifiedSpectrum dense = solve_certified(comm, problem, lines);
  const ProcessGrid grid(comm, choose_grid(comm.size(), n, 8));
  const SymmetricMatrix held = make(grid, 8);
  const CertifiedSpectrum krylov = solve(MatrixOperator(held.matrix, held.fill), 10);
  for (std::size_t k = 0; k < 10; ++k)
    EXPECT_NEAR(krylov.result.eigenvalue[k], dense.result.eigenvalue[k],
                krylov.error_bound[k] + dense.error_bound[k]);
}

TEST(MatrixFree, PlantedFaultsAreRefused) {
  const SecondDifference a(60);
  EXPECT_EQ(failure_of([&] { solve(with_a_nan(a), 3); }).code, ExitCode::numeric);
  const Failure skewed = failure_of([&] { solve(lopsided(a, 1e-3), 3); });
  EXPECT_EQ(skewed.code, ExitCode::numeric);
  EXPECT_NE(skewed.what.find("not symmetric"), std::string::npos) << skewed.what;
  const Failure negative = failure_of([&] { solve(DiagonalOperator({1, 2, 3, -1, 5, 6}), 2); });
  EXPECT_EQ(negative.code, ExitCode::numeric);
  EXPECT_NE(negative.what.find("not positive semi-definite"), std::string::npos) << negative.what;
}

/// An operator that changes between the facts and the residuals cannot pass.
TEST(MatrixFree, AProductThatChangesFailsTheCertificate) {
  const DiagonalOperator a(power_law_spectrum(60, 0.5));
  int products = 0;
  const SpoiltOperator changing(a, [&](MatrixView<const double>, MatrixView<double> y) {
    const double factor = ++products > 8 ? 1 + 1e-6 : 1.0;
    for (std::int64_t j = 0; j < y.cols; ++j)
      for (std::int64_t i = 0; i < y.rows; ++i)
        y(i, j) *= factor;
  });
  EXPECT_EQ(failure_of([&] { solve(changing, 3); }).code, ExitCode::certificate);
}

#else

TEST(MatrixFree, SaysThatThisBuildHasNoSlepc) {
  EXPECT_EQ(failure_of([&] { solve(SecondDifference(20), 3); }).code, ExitCode::deck);
}

#endif

TEST(MatrixFree, RefusesAllEigenvaluesAndMoreThanThereAre) {
  const SecondDifference a(20);
  for (const std::int64_t count : {0, 20, 21})
    EXPECT_EQ(failure_of([&] { solve(a, count); }).code, ExitCode::deck) << count;
}
