// Solves a known problem while one fault is planted (FATHOM_FAULT) and compares what happens with
// the outcome given: an exit code, or "fallback" for a right spectrum that ScaLAPACK delivered.
// Further arguments: the number of eigenvalues (0: all), "vectors" or "values", the backend.
// Exits 0 where the outcome is the expected one on every rank.

#include "comm/session.hpp"
#include "eigen/certified.hpp"
#include "known_spectra.hpp"

#include <cmath>
#include <cstdio>
#include <string>

using namespace fathom;
using namespace fathom::testing_eigen;

namespace {

std::string outcome_of(const Communicator& world, const EigenRequest& request) {
  const KnownMatrix matrix = prescribed("power_law", power_law(150, 1.0));
  Recorder log;
  SpectrumProblem problem;
  problem.n = matrix.n;
  problem.source = source_of(matrix);
  problem.request = request;
  try {
    const auto spectrum = solve_certified(world, problem, log);
    for (std::size_t k = 0; k < spectrum.result.eigenvalue.size(); ++k)
      if (!(std::abs(spectrum.result.eigenvalue[k] - matrix.eigenvalue[k]) <=
            spectrum.error_bound[k]))
        return "a wrong spectrum that was certified";
    if (!spectrum.fell_back) return "0";
    if (spectrum.result.backend != Backend::scalapack || log.warnings.empty())
      return "a silent fallback";
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
  EigenRequest request;
  request.count = argc > 2 ? std::stoll(argv[2]) : 0;
  request.vectors = argc <= 3 || std::string(argv[3]) == "vectors";
  if (argc > 4) request.backend = parse_backend(argv[4]);
  const std::string seen = outcome_of(session.world(), request);
  if (seen != expected)
    std::printf("[rank %d] expected %s, saw %s\n", session.world().rank(), expected.c_str(),
                seen.c_str());
  const double wrong = session.world().max(seen == expected ? 0.0 : 1.0);
  finalize_solvers();
  session.finish();
  return wrong > 0 ? 1 : 0;
}
