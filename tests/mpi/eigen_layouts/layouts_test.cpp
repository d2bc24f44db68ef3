// The same spectrum, to 60 n ε λ₁, whatever the grid, the block size and the solver.
//
// FATHOM_LAYOUTS=full in the environment takes every case, n = 1000 included; otherwise a seeded
// sample of them.

#include "eigen/certified.hpp"
#include "known_spectra.hpp"

#include <cmath>
#include <cstdlib>
#include <map>
#include <random>

#include <gtest/gtest.h>

using namespace fathom;
using namespace fathom::testing_eigen;

namespace {

struct EndSolvers : testing::Environment {
  void TearDown() override { finalize_solvers(); }
};
const auto* const environment = testing::AddGlobalTestEnvironment(new EndSolvers);

struct Case {
  std::int64_t n = 0, block = 0;
  GridShape grid;
  Backend backend = Backend::elpa2;
  bool vectors = false;
};

std::vector<Case> all_cases(int ranks, bool full) {
  std::vector<Case> cases;
  for (const std::int64_t block : {1, 3, 16, 64}) {
    std::vector<std::int64_t> orders{1, 2, block - 1, block + 1, 257};
    if (full) orders.push_back(1000);
    for (const std::int64_t n : orders) {
      if (n < 1) continue;
      for (int nprow = 1; nprow <= ranks; ++nprow)
        for (int npcol = 1; nprow * npcol <= ranks; ++npcol) {
          if (full && n == 1000 && nprow * npcol < ranks)
            continue;  // long; idle ranks are had below
          for (const Backend backend : {Backend::elpa2, Backend::elpa1, Backend::scalapack})
            for (const bool vectors : {false, true})
              cases.push_back({n, block, {nprow, npcol}, backend, vectors});
        }
    }
  }
  return cases;
}

/// A dense matrix of any order: a power law under three reflectors.
const KnownMatrix& matrix_of(std::int64_t n) {
  static std::map<std::int64_t, KnownMatrix> made;
  if (!made.contains(n)) made[n] = prescribed("power_law", power_law(n, 1.2));
  return made[n];
}

}  // namespace

TEST(Layouts, SameSpectrumOnEveryGridAndBlockSize) {
  const Communicator world = Communicator::world();
  const char* wanted = std::getenv("FATHOM_LAYOUTS");
  const bool full = wanted && std::string(wanted) == "full";
  std::vector<Case> cases = all_cases(world.size(), full);
  if (!full) {
    std::shuffle(cases.begin(), cases.end(), std::mt19937_64(20));
    cases.resize(std::min<std::size_t>(cases.size(), 40));
  }
  std::map<std::int64_t, std::vector<double>> reference;
  double worst = 0;
  for (const Case& c : cases) {
    const KnownMatrix& matrix = matrix_of(c.n);
    if (!reference.contains(c.n)) reference[c.n] = lapack_spectrum(matrix);
    Recorder log;
    SpectrumProblem problem;
    problem.source = source_of(matrix);
    problem.n = c.n;
    problem.request = {0, c.vectors, c.backend};
    problem.layout = {c.grid, c.block};
    const auto spectrum = solve_certified(world, problem, log);

    const std::string what =
        fmt::format("n {} nb {} grid {} x {} {}{}", c.n, c.block, c.grid.nprow, c.grid.npcol,
                    name(c.backend), c.vectors ? " with vectors" : "");
    EXPECT_FALSE(spectrum.fell_back) << what << ": " << spectrum.fallback_reason;
    EXPECT_EQ(spectrum.certificate.verdict(), Verdict::pass)
        << what << ": " << spectrum.certificate.summary();
    ASSERT_EQ(spectrum.result.eigenvalue.size(), static_cast<std::size_t>(c.n)) << what;
    const double unit = static_cast<double>(c.n) * unit_roundoff * matrix.eigenvalue.front();
    for (std::size_t k = 0; k < spectrum.result.eigenvalue.size(); ++k) {
      const double off = std::abs(spectrum.result.eigenvalue[k] - reference[c.n][k]) / unit;
      EXPECT_LE(off, 60) << what << " mode " << k + 1;
      worst = std::max(worst, off);
    }
  }
  if (world.root())
    std::printf("  %zu layouts, largest difference from LAPACK %.2f n eps lambda_1\n", cases.size(),
                worst);
}
