// Applies the operator of one kind of factor while one fault is planted (FATHOM_FAULT) and compares
// what happens with the outcome given: an exit code, or "nan" for a product that shows the NaN of
// its factor. Further argument: features, held, khatri_rao, coordinates or samples.
// Exits 0 where the outcome is the expected one on every rank.

#include "comm/session.hpp"
#include "gram/factor.hpp"
#include "gram/factor_operator.hpp"

#include <cmath>
#include <cstdio>
#include <string>

using namespace fathom;

namespace {

std::shared_ptr<const FactorSource> factor_of(const Communicator& world, const std::string& kind,
                                              const DataRows& data, const DataRows& held) {
  if (kind == "coordinates") return given_factor(data, GramSide::gram);
  if (kind == "samples") return given_factor(data, GramSide::covariance);
  if (kind == "khatri_rao") {
    PopulationSpec spec;
    spec.features = 6;
    spec.dim = 9;
    spec.activation = Activation(ActivationKind::monomial, 2);
    return population_factor(world, spec).source;
  }
  RandomFeatureSpec spec;
  spec.features = 6;
  spec.side = GramSide::covariance;
  return random_feature_factor(world, spec, kind == "held" ? held : data);
}

std::string outcome_of(const Communicator& world, const std::string& kind) {
  try {
    const auto data = power_law_rows(20, 9, 1.2, 3);
    DistMatrix x = DistMatrix::make(ProcessGrid(world, {world.size(), 1}), 20, 9, 2, 9);
    x.fill_from([](std::int64_t i, std::int64_t j) { return static_cast<double>(i - j); });
    const auto held = given_rows(x, 0x1p-53, "held");
    const auto a =
        factor_operator(world, factor_of(world, kind, *data, *held), {.chunk = 2, .hold = false});
    const std::int64_t n = a->order();
    std::vector<double> one(static_cast<std::size_t>(n), 1.0), y(one.size());
    a->apply({one.data(), n, 1, n}, {y.data(), n, 1, n});
    for (const double v : y)
      if (std::isnan(v)) return "nan";
    return "0";
  } catch (const AgreedError& error) {
    if (world.root()) std::printf("%s\n", error.what());
    return std::to_string(static_cast<int>(error.code()));
  }
}

}  // namespace

int main(int argc, char** argv) {
  MpiSession session(&argc, &argv);
  const std::string expected = argc > 1 ? argv[1] : "0";
  const std::string seen = outcome_of(session.world(), argc > 2 ? argv[2] : "features");
  if (seen != expected)
    std::printf("[rank %d] expected %s, saw %s\n", session.world().rank(), expected.c_str(),
                seen.c_str());
  const double wrong = session.world().max(seen == expected ? 0.0 : 1.0);
  session.finish();
  return wrong > 0 ? 1 : 0;
}
