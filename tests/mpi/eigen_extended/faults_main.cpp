// Solves a known problem while one fault is planted (FATHOM_FAULT) and compares what happens with
// the outcome given: an exit code, or "fallback" for a right spectrum with eigenvectors of the
// second solver. Exits 0 where the outcome is the expected one on every rank.

#include "comm/session.hpp"
#include "eigen/eigensolver.hpp"
#include "eigen/extended_cascade.hpp"
#include "quadruple.hpp"

#include <cstdio>
#include <string>

using namespace fathom;
using namespace fathom::testing_eigen;

namespace {

std::string outcome_of(const Communicator& world) {
  const std::int64_t n = 40;
  std::vector<Quadruple> value;
  for (std::int64_t j = 0; j < n; ++j)
    value.push_back(power(5, -static_cast<int>(j)));
  const ExtendedCase one = with_spectrum("geometric", value, n);
  const std::vector<qd_real> exact = exact_spectrum(one.matrix, nullptr);
  Recorder log;
  LayoutWish wish;
  wish.grid = GridShape{1, world.size()};
  wish.block = 4;
  try {
    const auto spectrum = solve_extended(world, source_of(one), n, wish, VerifyOptions{}, log);
    for (std::size_t k = 0; k < exact.size(); ++k) {
      const qd_real found(DoubleDouble(spectrum.eigenvalue[k], spectrum.eigenvalue_lo[k]));
      if (!(std::abs(to_double(found - exact[k])) <= spectrum.error_bound[k]))
        return "a wrong spectrum that was certified";
    }
    bool fell_back = false;
    for (const ExtendedLevel& level : spectrum.levels)
      fell_back |= level.fell_back;
    if (fell_back == log.warnings.empty()) return "a silent fallback";
    return fell_back ? "fallback" : "0";
  } catch (const AgreedError& error) {
    if (world.root()) std::printf("%s\n", error.what());
    return std::to_string(static_cast<int>(error.code()));
  }
}

}  // namespace

int main(int argc, char** argv) {
  MpiSession session(&argc, &argv);
  const std::string expected = argc > 1 ? argv[1] : "0";
  const std::string seen = outcome_of(session.world());
  if (seen != expected)
    std::printf("[rank %d] expected %s, saw %s\n", session.world().rank(), expected.c_str(),
                seen.c_str());
  const double wrong = session.world().max(seen == expected ? 0.0 : 1.0);
  finalize_solvers();
  session.finish();
  return wrong > 0 ? 1 : 0;
}
