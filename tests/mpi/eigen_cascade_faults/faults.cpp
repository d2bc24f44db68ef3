// Solves a known factor while one fault is planted (FATHOM_FAULT) and compares what happens with
// the outcome given: an exit code, or "fallback" for a right spectrum that the other route
// delivered. Second argument: the route; third: "vectors" or "values".

#include "comm/session.hpp"
#include "eigen/eigensolver.hpp"
#include "eigen/factor_spectrum.hpp"
#include "known_factors.hpp"
#include "matrix_factor.hpp"
#include "silent_progress.hpp"

#include <cmath>
#include <cstdio>
#include <string>

using namespace fathom;
using namespace fathom::testing_cascade;

namespace {

std::string outcome_of(const Communicator& world, TailMethod method, bool vectors) {
  const std::vector<double> sigma = power_law(90, 6);
  const Plain f = generic(110, 90, sigma, 3);
  const test::MatrixFactor source(110, 90, [&](std::int64_t i, std::int64_t j) { return f(i, j); });
  SilentProgress log;
  try {
    const FactorSpectrum s = solve_factor(world, source, method, vectors, {.block = 8}, {}, log);
    for (std::size_t j = 0; j < sigma.size(); ++j)
      if (!(std::abs(s.eigenvalue[j] - sigma[j] * sigma[j]) <=
            s.error_bound[j] + 200 * unit_roundoff * sigma[j]))
        return "a wrong spectrum that was certified";
    if (!s.fell_back) return "0";
    if (s.method == method || log.warnings.size() < 2) return "a silent fallback";
    return "fallback";
  } catch (const AgreedError& error) {
    if (world.root()) std::printf("%s\n", error.what());
    return std::to_string(static_cast<int>(error.code()));
  }
}

}  // namespace

int main(int argc, char** argv) {
  MpiSession session(&argc, &argv);
  const std::string expected = argc > 1 ? argv[1] : "0";
  const TailMethod method = parse_tail_method(argc > 2 ? argv[2] : "cascade");
  const bool vectors = argc <= 3 || std::string(argv[3]) == "vectors";
  const std::string seen = outcome_of(session.world(), method, vectors);
  if (seen != expected)
    std::printf("[rank %d] expected %s, saw %s\n", session.world().rank(), expected.c_str(),
                seen.c_str());
  const double wrong = session.world().max(seen == expected ? 0.0 : 1.0);
  finalize_solvers();
  session.finish();
  return wrong > 0 ? 1 : 0;
}
