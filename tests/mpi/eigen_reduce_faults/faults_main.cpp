// Reduces a graded factor and solves it while one fault is planted (FATHOM_FAULT), and compares
// what happens with the outcome given: an exit code, or "corrected" for right singular values after
// a correction that was told. Exits 0 where the outcome is the expected one on every rank.

#include "comm/session.hpp"
#include "eigen/factor_svd.hpp"
#include "eigen/streaming_qr.hpp"
#include "matrix_factor.hpp"
#include "oracle.hpp"
#include "silent.hpp"

#include <cmath>
#include <cstdio>
#include <string>

using namespace fathom;
using namespace fathom::test;

namespace {

std::string outcome_of(const Communicator& world) {
  const std::int64_t p = 60, n = 16;
  const auto element = [](std::int64_t i, std::int64_t j) {
    return std::pow(10.0, -double(i) / 4) * value(i, j);
  };
  const MatrixFactor factor(p, n, element, {.graded = true});
  const ProcessGrid grid(world, {1, world.size() > 2 ? 2 : 1});  // with an idle rank
  Silent log;
  try {
    ReducedFactor reduced = reduce_factor(grid, 4, factor, {.chunk = 9, .check_rows = true}, log);
    const auto exact = singular_values<Quad>(p, n, element);
    const double off = between(singular_values<Quad>(gathered(reduced.a)), exact).relative;
    if (!(off <= reduced.relative_error && reduced.relative_error < 1e-9))
      return fmt::format("values off by {:.1e}, bound {:.1e}", off, reduced.relative_error);
    const FactorSvd svd = factor_svd(reduced.a, true, true, FactorSvdMethod::scalapack);
    for (std::size_t k = 0; k < exact.size(); ++k)
      if (!(std::abs(svd.singular_value[k] - double(exact[k])) <= 1e-14))
        return "wrong singular values that were not noticed";
    return log.warnings.empty() ? "0" : "corrected";
  } catch (const AgreedError& error) {
    if (world.root()) std::printf("%s\n", error.what());
    return std::to_string(static_cast<int>(error.code()));
  }
}

}  // namespace

int main(int argc, char** argv) {
  MpiSession session(&argc, &argv);
  const std::string expected = argc > 1 ? argv[1] : "0", seen = outcome_of(session.world());
  if (seen != expected)
    std::printf("[rank %d] expected %s, saw %s\n", session.world().rank(), expected.c_str(),
                seen.c_str());
  const double wrong = session.world().max(seen == expected ? 0.0 : 1.0);
  session.finish();
  return wrong > 0 ? 1 : 0;
}
