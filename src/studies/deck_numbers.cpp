#include "studies/deck_numbers.hpp"

#include "training/trainer.hpp"

namespace fathom {

Activation activation_of(const Deck& deck) {
  return Activation(
      parse_activation(deck.text("kernel.activation")),
      deck.has("kernel.degree") ? static_cast<int>(deck.integer("kernel.degree")) : 1);
}

AssemblyOptions assembly_options(const Deck& deck) {
  AssemblyOptions options;
  if (deck.has("kernel.assembly"))
    options.movement = parse_movement(deck.text("kernel.assembly")).value();
  if (deck.has("kernel.chunk") && !deck.is_word("kernel.chunk"))
    options.chunk = deck.integer("kernel.chunk");
  return options;
}

PopulationSpec population_spec(const Deck& deck) {
  PopulationSpec spec{.features = deck.integer("kernel.features"),
                      .dim = deck.integer("data.dim"),
                      .alpha = deck.real("data.alpha"),
                      .seed = static_cast<std::uint64_t>(deck.integer("run.seed")),
                      .activation = activation_of(deck)};
  if (deck.has("kernel.hermite_terms"))
    spec.hermite_terms = static_cast<int>(deck.integer("kernel.hermite_terms"));
  return spec;
}

FactorOptions factor_options(const Deck& deck) {
  FactorOptions options;
  if (deck.has("kernel.truncation") && !deck.is_word("kernel.truncation"))
    options.tolerance = deck.real("kernel.truncation");
  return options;
}

GramSide wished_side(const Deck& deck, bool targets) {
  return targets || !deck.has("kernel.side") ? GramSide::gram
                                             : parse_gram_side(deck.text("kernel.side")).value();
}

LayoutWish layout_wish(const Deck& deck) {
  LayoutWish wish;
  if (!deck.is_word("solver.grid"))
    wish.grid = GridShape{static_cast<int>(deck.integers("solver.grid")[0]),
                          static_cast<int>(deck.integers("solver.grid")[1])};
  if (!deck.is_word("solver.block")) wish.block = deck.integer("solver.block");
  return wish;
}

VerifyOptions verify_options(const Deck& deck) {
  VerifyOptions verify;
  verify.probes = static_cast<int>(deck.integer("verify.probes"));
  verify.warn = deck.real("verify.warn");
  verify.fail = deck.real("verify.fail");
  verify.full = deck.text("verify.level") == "full";
  verify.seed = static_cast<std::uint64_t>(deck.integer("run.seed"));
  return verify;
}

NtkKind ntk_kind(const Deck& deck) {
  const std::string word = deck.has("kernel.outputs") ? deck.text("kernel.outputs") : "all";
  return word == "trace" ? NtkKind::trace_kernel
         : word == "sum" ? NtkKind::sum_of_outputs
                         : NtkKind::all_outputs;
}

bool cross_entropy(const Deck& deck) {
  return deck.has("training.loss") && deck.text("training.loss") == "cross_entropy";
}

std::int64_t snapshot_count(const Deck& deck) {
  return std::ssize(log_spaced_steps(deck.integer("training.steps"),
                                     static_cast<int>(deck.integer("study.snapshots"))));
}

}  // namespace fathom
