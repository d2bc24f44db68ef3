// What the certified solve refuses, and what it does at the edges: tiny, huge, singular, spoilt.

#include "certified_calls.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fathom;
using namespace fathom::testing_eigen;

TEST(Edges, OneByOne) {
  const auto spectrum = certify(prescribed("one", {3.5}), {.vectors = true});
  EXPECT_EQ(spectrum.result.eigenvalue, std::vector<double>{3.5});
  EXPECT_EQ(spectrum.trusted, 1);
}

TEST(Edges, ZeroMatrix) {
  for (const std::int64_t n : {1, 100}) {
    KnownMatrix zero{"zero", n, std::vector<double>(static_cast<std::size_t>(n), 0.0),
                     [](auto, auto) { return 0.0; }, 0};
    for (const bool vectors : {false, true}) {
      const auto spectrum = certify(zero, {.vectors = vectors});
      EXPECT_EQ(spectrum.result.eigenvalue, zero.eigenvalue);
      EXPECT_EQ(spectrum.certificate.verdict(), Verdict::pass) << spectrum.certificate.summary();
      EXPECT_EQ(spectrum.trusted, 0);
    }
  }
}

TEST(Edges, Identity) {
  KnownMatrix identity{"identity", 100, std::vector<double>(100, 1.0),
                       [](auto i, auto j) { return i == j ? 1.0 : 0.0; }, 0};
  for (const bool vectors : {false, true})
    expect_bounds_hold(identity, certify(identity, {.vectors = vectors}), 100);
}

TEST(Edges, TinyAndHugeScales) {
  for (const double scale : {1e-300, 1e300}) {
    auto value = power_law(100, 1.0);
    for (double& x : value)
      x *= scale;
    const auto unscaled = prescribed("scaled", power_law(100, 1.0));
    KnownMatrix matrix = unscaled;
    matrix.eigenvalue = value;
    matrix.representation *= 2 * scale;
    matrix.entry = [scale, entry = unscaled.entry](auto i, auto j) { return scale * entry(i, j); };
    for (const bool vectors : {false, true}) {
      const auto spectrum = certify(matrix, {.vectors = vectors});
      expect_bounds_hold(matrix, spectrum, 100);
      EXPECT_EQ(spectrum.trusted, 100);
      EXPECT_NEAR(spectrum.frobenius / scale, 1.278664889713052, 1e-6);
    }
  }
}

TEST(Edges, NotANumberIsRefusedWithItsPlace) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    auto matrix = second_difference(90);
    SpectrumProblem problem;
    problem.n = 90;
    problem.source = source_of(matrix, SymmetricFill::full, [bad](DistMatrix& a) {
      a.fill_from([bad](auto i, auto j) { return i == 70 && j == 3 ? bad : (i == j ? 1.0 : 0.0); });
    });
    std::string message;
    EXPECT_EQ(code_of(problem, &message), ExitCode::numeric);
    EXPECT_THAT(message, testing::HasSubstr("row 70, column 3"));
  }
}

TEST(Edges, IndefiniteIsRefusedUnlessAllowed) {
  auto matrix = second_difference(80);
  const auto entry = matrix.entry;
  matrix.entry = [entry](auto i, auto j) { return -entry(i, j); };
  SpectrumProblem problem;
  problem.source = source_of(matrix);
  problem.n = 80;
  std::string message;
  EXPECT_EQ(code_of(problem, &message), ExitCode::numeric);
  EXPECT_THAT(message, testing::HasSubstr("not positive semi-definite"));
  problem.positive_semidefinite = false;
  EXPECT_EQ(code_of(problem), ExitCode::ok);
}

TEST(Edges, SingleNoiseOfASinglePrecisionInputIsAccepted) {
  auto value = power_law(100, 2.0);
  value.back() = -3e-6;  // λ₁ = 1: within 10 n 2⁻²⁴, far beyond 10 n 2⁻⁵³
  const auto matrix = prescribed("noisy", value);
  SpectrumProblem problem;
  problem.n = 100;
  problem.source = source_of(matrix);
  EXPECT_EQ(code_of(problem), ExitCode::numeric);
  problem.source = [inner = source_of(matrix)](const ProcessGrid& grid, std::int64_t block) {
    SymmetricMatrix made = inner(grid, block);
    made.input_epsilon = 0x1p-24;
    return made;
  };
  EXPECT_EQ(code_of(problem), ExitCode::ok);
}

TEST(Edges, IndefiniteIsRefusedWhereOnlyAFewAreAskedFor) {
  auto value = power_law(100, 1.0);
  value.back() = -0.05;
  SpectrumProblem problem;
  problem.source = source_of(prescribed("indefinite", value));
  problem.n = 100;
  problem.request.count = 3;
  std::vector<Backend> backends{Backend::elpa1, Backend::scalapack};
  if (capabilities(Backend::slepc).available) backends.push_back(Backend::slepc);
  for (const Backend backend : backends)
    for (const bool vectors : {false, true}) {
      problem.request.backend = backend;
      problem.request.vectors = vectors;
      problem.positive_semidefinite = true;
      std::string message;
      EXPECT_EQ(code_of(problem, &message), ExitCode::numeric) << name(backend);
      EXPECT_THAT(message, testing::HasSubstr("positive semi-definite"));
      problem.positive_semidefinite = false;
      EXPECT_EQ(code_of(problem), ExitCode::ok) << name(backend);
    }
}

TEST(Edges, AFewValuesAreTheFirstOfAll) {
  const auto matrix = prescribed("power_law", power_law(150, 1.0));
  const auto all = certify(matrix), few = certify(matrix, {.count = 7});
  EXPECT_TRUE(std::equal(few.result.eigenvalue.begin(), few.result.eigenvalue.end(),
                         all.result.eigenvalue.begin()));
  ASSERT_EQ(few.result.eigenvalue.size(), 7u);
  EXPECT_EQ(few.error_bound.size(), 7u);
  EXPECT_EQ(few.state.size(), 7u);
  EXPECT_EQ(few.certificate.residual_ratio.size(), 7u);
  EXPECT_EQ(few.trusted, 7);
  EXPECT_THAT(few.certificate.summary(), testing::HasSubstr("trace"));
}

TEST(Representation, NoiseOfSinglePrecisionIsNeverTrusted) {
  auto rank_40 = power_law(120, 1.0), geometric = rank_40;
  std::fill(rank_40.begin() + 40, rank_40.end(), 0.0);
  for (std::size_t j = 0; j < geometric.size(); ++j)
    geometric[j] = std::pow(0.8, static_cast<double>(j));
  for (const auto& exact : {rank_40, geometric})
    for (const std::int64_t count : {0, 60}) {
      auto matrix = prescribed("single", exact);
      matrix.entry = [entry = matrix.entry](auto i, auto j) {
        return static_cast<double>(static_cast<float>(entry(i, j)));
      };
      Recorder log;
      SpectrumProblem problem;
      problem.n = 120;
      problem.request.count = count;
      problem.source = [inner = source_of(matrix)](const ProcessGrid& grid, std::int64_t block) {
        SymmetricMatrix made = inner(grid, block);
        made.input_epsilon = 0x1p-24;
        return made;
      };
      const auto spectrum = solve_certified(world(), problem, log);
      for (std::size_t k = 0; k < spectrum.state.size(); ++k) {
        const double lambda = spectrum.result.eigenvalue[k];
        if (spectrum.state[k] != ModeState::trusted) continue;
        EXPECT_LE(std::abs(lambda - exact[k]), 0.1 * lambda) << k;
        EXPECT_GE(lambda, spectrum.floor()) << k;
      }
      if (exact[40] == 0) {
        EXPECT_EQ(spectrum.trusted, 40);
        EXPECT_EQ(spectrum.state[40], ModeState::untrusted);
      }
      EXPECT_GT(spectrum.trusted, 30);
      EXPECT_LT(spectrum.error_bound[0], 1e-12) << "relative to the matrix in memory";
      EXPECT_GT(spectrum.negative_beyond_bound, 0);
      EXPECT_EQ(log.warnings.size(), 1u);
    }
}

TEST(Representation, NegativeEigenvaluesBeyondTheirBoundAreEvidence) {
  // In double precision and inside of what is allowed (10 n eps lambda_1), but beyond the bound.
  auto value = power_law(120, 1.0);
  for (std::size_t j = 60; j < value.size(); ++j)
    value[j] = j % 2 ? 6e-14 : -6e-14;
  const auto spectrum = certify(prescribed("noise", value));
  EXPECT_GT(spectrum.negative_beyond_bound, 20);
  EXPECT_NEAR(spectrum.representation_error, 6e-14, 1e-14);
  EXPECT_GT(spectrum.floor(), 6e-13);
  EXPECT_EQ(spectrum.trusted, 60);
}

TEST(PlantedFaults, AsymmetricAssemblyFailsTheCertificate) {
  const auto matrix = second_difference(100);
  int made = 0;
  SpectrumProblem problem;
  problem.n = 100;
  problem.source = source_of(matrix, SymmetricFill::full, [&](DistMatrix& a) {
    ++made;
    a.fill_from(
        [&](auto i, auto j) { return matrix.entry(i, j) + (i == 80 && j == 20 ? 1e-9 : 0.0); });
  });
  std::string message;
  EXPECT_EQ(code_of(problem, &message), ExitCode::certificate);
  EXPECT_THAT(message, testing::HasSubstr("asymmetry"));
  EXPECT_EQ(made, 2);
}

TEST(PlantedFaults, FirstMatrixAsymmetricTheSecondGoodFallsBackLoudly) {
  const auto matrix = second_difference(100);
  int made = 0;
  Recorder log;
  SpectrumProblem problem;
  problem.n = 100;
  problem.source = source_of(matrix, SymmetricFill::full, [&](DistMatrix& a) {
    if (++made == 1)
      a.fill_from(
          [&](auto i, auto j) { return matrix.entry(i, j) + (i == 80 && j == 20 ? 1e-9 : 0.0); });
  });
  const auto spectrum = solve_certified(world(), problem, log);
  EXPECT_TRUE(spectrum.fell_back);
  EXPECT_EQ(spectrum.result.backend, Backend::scalapack);
  EXPECT_GE(log.warnings.size(), 2u);
  EXPECT_THAT(spectrum.fallback_reason, testing::HasSubstr("asymmetry"));
  for (std::size_t k = 0; k < 100; ++k)
    EXPECT_NEAR(spectrum.result.eigenvalue[k], matrix.eigenvalue[k], spectrum.error_bound[k]);
}

TEST(Determinism, SameLayoutSameBits) {
  const auto matrix = minij(140);
  const auto first = certify(matrix), second = certify(matrix);
  EXPECT_EQ(first.result.eigenvalue, second.result.eigenvalue);
}
