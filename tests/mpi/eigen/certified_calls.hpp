#pragma once

// solve_certified as its tests call it.

#include "eigen/certified.hpp"
#include "known_spectra.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace fathom::testing_eigen {

inline const Communicator& world() {
  static Communicator comm = Communicator::world();
  return comm;
}

inline CertifiedSpectrum certify(const KnownMatrix& matrix, EigenRequest request = {},
                                 SymmetricFill fill = SymmetricFill::full) {
  Recorder log;
  SpectrumProblem problem;
  problem.source = source_of(matrix, fill);
  problem.n = matrix.n;
  problem.request = request;
  return solve_certified(world(), problem, log);
}

inline ExitCode code_of(const SpectrumProblem& problem, std::string* message = nullptr) {
  Recorder log;
  try {
    solve_certified(world(), problem, log);
  } catch (const Error& error) {
    if (message) *message = error.what();
    return error.code();
  }
  return ExitCode::ok;
}

inline double median(std::vector<double> x) {
  std::nth_element(x.begin(), x.begin() + x.size() / 2, x.end());
  return x[x.size() / 2];
}

/// Returns the ratio of the median bound to the median error.
inline double expect_bounds_hold(const KnownMatrix& matrix, const CertifiedSpectrum& spectrum,
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

}  // namespace fathom::testing_eigen
