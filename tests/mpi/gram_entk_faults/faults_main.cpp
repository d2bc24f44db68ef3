// Makes one thing of a tangent kernel while one fault is planted (FATHOM_FAULT) and compares what
// happens with the outcome given: an exit code, or "nan" for a result that shows a NaN. Further
// argument: in_place, made_once, factor, operator or statistics. Exits 0 where the outcome is the
// expected one on every rank.

#include "comm/session.hpp"
#include "dist/operations.hpp"
#include "entk_case.hpp"
#include "gram/gradient_statistics.hpp"

#include <cmath>
#include <cstdio>
#include <string>

using namespace fathom;

namespace {

/// Whether what was made is finite. Collective.
bool finite(const Communicator& world, const std::string& what, const EmpiricalNtk& ntk) {
  const ProcessGrid grid(world, {1, world.size()});
  if (const auto movement = parse_movement(what)) {
    const Assembly k = assemble_empirical_ntk(grid, 2, ntk, {*movement, 0, {}});
    return count_nonfinite(k.symmetric.matrix).count == 0;
  }
  if (what == "factor") {
    const auto factor = empirical_ntk_factor(ntk);
    DistMatrix f = DistMatrix::make(grid, factor->rows(), factor->cols(), 4, 2);
    factor->fill(f, 0);
    return count_nonfinite(f).count == 0;
  }
  const std::int64_t n = ntk.order();
  std::vector<double> x(static_cast<std::size_t>(n), 1.0), y(x.size());
  if (what == "operator") {
    empirical_ntk_operator(world, ntk)->apply({x.data(), n, 1, n}, {y.data(), n, 1, n});
    return std::isfinite(y[0]);
  }
  const auto ones = [](std::span<const std::int64_t>, MatrixView<const double>,
                       MatrixView<double> g) {
    for (std::int64_t q = 0; q < g.cols; ++q)
      for (std::int64_t o = 0; o < g.rows; ++o)
        g(o, q) = 1;
  };
  return std::isfinite(gradient_statistics(world, ntk, ones).chi_net);
}

std::string outcome_of(const Communicator& world, const std::string& what) {
  try {
    const EntkCase c = mlp_case("faults", {.input = 3, .hidden = {5}, .classes = 2}, 12);
    return finite(world, what, c.ntk(NtkKind::all_outputs)) ? "0" : "nan";
  } catch (const AgreedError& error) {
    if (world.root()) std::printf("%s\n", error.what());
    return std::to_string(static_cast<int>(error.code()));
  }
}

}  // namespace

int main(int argc, char** argv) {
  MpiSession session(&argc, &argv);
  const std::string expected = argc > 1 ? argv[1] : "0";
  const std::string seen = outcome_of(session.world(), argc > 2 ? argv[2] : "in_place");
  if (seen != expected)
    std::printf("[rank %d] expected %s, saw %s\n", session.world().rank(), expected.c_str(),
                seen.c_str());
  const double wrong = session.world().max(seen == expected ? 0.0 : 1.0);
  session.finish();
  return wrong > 0 ? 1 : 0;
}
