#include "studies/studies.hpp"

namespace fathom {

StudyOutcome run_study(const StudyContext& context) {
  const std::string& kind = context.deck.text("study.kind");
  if (kind == "spectrum") return run_spectrum_study(context);
  if (kind == "random_features") return run_random_features_study(context);
  if (kind == "density") return run_density_study(context);
  if (kind == "spectral_reach") return run_spectral_reach_study(context);
  throw Error(ExitCode::internal, "the deck allows study.kind = \"{}\", which is not built", kind);
}

}  // namespace fathom
