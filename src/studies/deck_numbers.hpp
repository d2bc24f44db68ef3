#pragma once

// Options of the lower rooms as a deck states them. Pure.

#include "deck/deck.hpp"
#include "eigen/plan.hpp"
#include "eigen/verify.hpp"
#include "gram/assembly.hpp"
#include "gram/empirical_ntk.hpp"
#include "gram/factor.hpp"
#include "gram/gram_side.hpp"
#include "gram/population.hpp"

#include <cstdint>

namespace fathom {

/// [kernel] activation and degree.
Activation activation_of(const Deck& deck);
/// kernel.assembly and kernel.chunk, where the kernel has them.
AssemblyOptions assembly_options(const Deck& deck);
/// The population covariance of random features.
PopulationSpec population_spec(const Deck& deck);
FactorOptions factor_options(const Deck& deck);
/// kernel.side; targets live on the samples, so their eigenbasis is that of the Gram matrix.
GramSide wished_side(const Deck& deck, bool targets);
/// solver.grid and solver.block.
LayoutWish layout_wish(const Deck& deck);
/// [verify] and the seed of its probes.
VerifyOptions verify_options(const Deck& deck);
/// kernel.outputs; all of them where a network is trained.
NtkKind ntk_kind(const Deck& deck);
/// Whether a network is trained to predict classes.
bool cross_entropy(const Deck& deck);
/// How many snapshots training.steps and study.snapshots give.
std::int64_t snapshot_count(const Deck& deck);

}  // namespace fathom
