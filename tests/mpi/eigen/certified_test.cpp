#include "eigen/certified.hpp"

#include "known_spectra.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fathom;
using namespace fathom::testing_eigen;

namespace {

const Communicator& world() {
  static Communicator comm = Communicator::world();
  return comm;
}

struct EndSolvers : testing::Environment {
  void TearDown() override { finalize_solvers(); }
};
const auto* const environment = testing::AddGlobalTestEnvironment(new EndSolvers);

CertifiedSpectrum certify(const KnownMatrix& matrix, EigenRequest request = {},
                          SymmetricFill fill = SymmetricFill::full) {
  Recorder log;
  SpectrumProblem problem;
  problem.source = source_of(matrix, fill);
  problem.n = matrix.n;
  problem.request = request;
  return solve_certified(world(), problem, log);
}

ExitCode code_of(const SpectrumProblem& problem, std::string* message = nullptr) {
  Recorder log;
  try {
    solve_certified(world(), problem, log);
  } catch (const Error& error) {
    if (message) *message = error.what();
    return error.code();
  }
  return ExitCode::ok;
}

double median(std::vector<double> x) {
  std::nth_element(x.begin(), x.begin() + x.size() / 2, x.end());
  return x[x.size() / 2];
}

/// Returns the ratio of the median bound to the median error.
double expect_bounds_hold(const KnownMatrix& matrix, const CertifiedSpectrum& spectrum,
                          std::int64_t count) {
  EXPECT_EQ(static_cast<std::int64_t>(spectrum.result.eigenvalue.size()), count);
  EXPECT_NE(spectrum.certificate.verdict(), Verdict::fail);
  EXPECT_FALSE(spectrum.fell_back) << matrix.name << ": " << spectrum.fallback_reason;
  std::vector<double> errors;
  for (std::int64_t k = 0; k < count; ++k) {
    const double error = std::abs(spectrum.result.eigenvalue[k] - matrix.eigenvalue[k]);
    EXPECT_LE(error, spectrum.error_bound[k]) << matrix.name << " mode " << k + 1;
    errors.push_back(error);
  }
  const double typical = median(errors), bound = median(spectrum.error_bound);
  const double worst = *std::max_element(errors.begin(), errors.end());
  if (world().root())
    std::printf("  %-18s %-9s largest error %6.2f eps lambda_1, bound/median error %7.1f, %s\n",
                matrix.name.c_str(), name(spectrum.result.backend),
                worst / (unit_roundoff * matrix.eigenvalue.front()), bound / typical,
                spectrum.certificate.summary().c_str());
  return bound / typical;
}

}  // namespace

class KnownSpectra : public testing::TestWithParam<Backend> {};

TEST_P(KnownSpectra, EveryErrorIsWithinItsBound) {
  std::vector<double> widths;
  for (const KnownMatrix& matrix : all_known(161)) {
    const auto spectrum = certify(matrix, {.backend = GetParam()});
    widths.push_back(expect_bounds_hold(matrix, spectrum, 161));
  }
  EXPECT_LT(median(widths), 3000) << "the bounds are needlessly wide";
}

TEST_P(KnownSpectra, EveryErrorIsWithinItsBoundWithVectors) {
  for (const KnownMatrix& matrix : all_known(97)) {
    const auto spectrum = certify(matrix, {.vectors = true, .backend = GetParam()});
    expect_bounds_hold(matrix, spectrum, 97);
    ASSERT_TRUE(spectrum.result.vectors.has_value());
    EXPECT_EQ(spectrum.result.vectors->cols(), 97);
    EXPECT_EQ(spectrum.certificate.residual_ratio.size(), 97u);
  }
}

TEST_P(KnownSpectra, ExactlyDependentColumnsCostNoAccuracy) {
  for (const std::int64_t n : {80, 128, 150, 257})
    for (const std::int64_t block : {16, 48}) {
      KnownMatrix constant{"ones + I", n, std::vector<double>(static_cast<std::size_t>(n), 1.0),
                           [](auto i, auto j) { return i == j ? 2.0 : 1.0; }, 0};
      constant.eigenvalue[0] = static_cast<double>(n + 1);
      // 2^-|i-j| (Kac, Murdock, Szego): held against LAPACK, to its error.
      KnownMatrix markov{
          "2^-|i-j|",
          n,
          {},
          [](auto i, auto j) { return std::ldexp(1.0, -static_cast<int>(std::abs(i - j))); },
          0};
      markov.eigenvalue = lapack_spectrum(markov);
      markov.representation = 8 * unit_roundoff * markov.eigenvalue.front();
      for (const KnownMatrix& matrix : {minij(n), constant, markov}) {
        Recorder log;
        SpectrumProblem problem;
        problem.source = source_of(matrix);
        problem.n = n;
        problem.request.backend = GetParam();
        problem.layout.block = block;
        const auto spectrum = solve_certified(world(), problem, log);
        double worst = 0;
        for (std::size_t k = 0; k < matrix.eigenvalue.size(); ++k)
          worst = std::max(worst, std::abs(spectrum.result.eigenvalue[k] - matrix.eigenvalue[k]) /
                                      spectrum.error_bound[k]);
        const std::string what =
            fmt::format("{} n {} nb {}: {}", matrix.name, n, block, spectrum.certificate.summary());
        EXPECT_LE(worst, 1.0) << what;
        EXPECT_FALSE(spectrum.fell_back) << what << spectrum.fallback_reason;
      }
    }
}

TEST_P(KnownSpectra, LowerTriangleIsEnough) {
  const auto matrix = prescribed("power_law", power_law(130, 2));
  for (const bool vectors : {false, true})
    expect_bounds_hold(
        matrix, certify(matrix, {.vectors = vectors, .backend = GetParam()}, SymmetricFill::lower),
        130);
}

TEST_P(KnownSpectra, LargestFew) {
  const auto matrix = prescribed("power_law", power_law(150, 1.5));
  for (const bool vectors : {false, true})
    for (const std::int64_t count : {1, 7, 149}) {
      const auto spectrum =
          certify(matrix, {.count = count, .vectors = vectors, .backend = GetParam()});
      expect_bounds_hold(matrix, spectrum, count);
      EXPECT_EQ(spectrum.result.vectors.has_value(), vectors);
      if (vectors) {
        EXPECT_EQ(spectrum.result.vectors->cols(), count);
      }
    }
}

INSTANTIATE_TEST_SUITE_P(Backends, KnownSpectra,
                         testing::Values(Backend::elpa2, Backend::elpa1, Backend::scalapack,
                                         Backend::lapack),
                         [](const auto& backend) { return std::string(name(backend.param)); });

TEST(Slepc, LargestFewOfTheAssembledMatrix) {
  if (!capabilities(Backend::slepc).available) GTEST_SKIP() << capabilities(Backend::slepc).limits;
  for (const KnownMatrix& matrix : {prescribed("power_law", power_law(200, 1.5)), minij(181)})
    for (const std::int64_t count : {1, 10})
      for (const bool vectors : {false, true}) {
        const auto spectrum =
            certify(matrix, {.count = count, .vectors = vectors, .backend = Backend::slepc});
        expect_bounds_hold(matrix, spectrum, count);
        EXPECT_EQ(spectrum.result.backend, Backend::slepc);
        EXPECT_FALSE(std::isnan(spectrum.certificate.residual_ratio[0]));
        EXPECT_EQ(spectrum.result.vectors.has_value(), vectors);
      }
}

TEST(Slepc, AllEigenvaluesAreRefusedBeforeAnyWork) {
  SpectrumProblem problem;
  problem.n = 50;
  problem.source = [](const ProcessGrid&, std::int64_t) -> SymmetricMatrix {
    throw Error(ExitCode::internal, "the matrix was made");
  };
  problem.request.backend = Backend::slepc;
  EXPECT_EQ(code_of(problem), ExitCode::deck);
}

TEST(States, RankAndFloorAreTold) {
  std::vector<double> value = power_law(120, 1.0);
  std::fill(value.begin() + 80, value.end(), 0.0);
  const auto matrix = prescribed("rank 80", value);
  Recorder log;
  SpectrumProblem problem;
  problem.source = source_of(matrix);
  problem.n = 120;
  problem.rank_bound = 80;

  const auto spectrum = solve_certified(world(), problem, log);

  EXPECT_EQ(spectrum.trusted, 80);
  EXPECT_EQ(spectrum.null_by_rank, 40);
  EXPECT_EQ(spectrum.state[79], ModeState::trusted);
  EXPECT_EQ(spectrum.state[80], ModeState::null_by_rank);
  EXPECT_EQ(spectrum.negative_beyond_bound, 0);
  EXPECT_NEAR(spectrum.trace, matrix.eigenvalue[0] * 4.965479278945517, 1e-12);
}

TEST(States, ZeroModesWithoutAKnownRankAreUntrusted) {
  std::vector<double> value = power_law(90, 1.0);
  std::fill(value.begin() + 60, value.end(), 0.0);
  const auto spectrum = certify(prescribed("rank 60", value));
  EXPECT_EQ(spectrum.trusted, 60);
  EXPECT_EQ(spectrum.state[60], ModeState::untrusted);
}

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
