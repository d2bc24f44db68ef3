#pragma once

// One function a study; run_study (context.hpp) picks by study.kind. A new study is one file and
// one line there.

#include "studies/context.hpp"

namespace fathom {

/// A certified spectrum of any kernel; targets in its eigenbasis; the data's covariance before the
/// layer. Collective.
StudyOutcome run_spectrum_study(const StudyContext& context);

/// The power law of random features (Paquette, Xiao & Zhu, arXiv 2603.14578), over a sweep.
/// Collective.
StudyOutcome run_random_features_study(const StudyContext& context);

/// Counts, trace and effective dimension of a spectrum that is not computed, each with its error.
/// Collective.
StudyOutcome run_density_study(const StudyContext& context);

/// Spectral position and reach of a model in training (Nikolaou et al., arXiv 2605.31244).
/// Collective.
StudyOutcome run_spectral_reach_study(const StudyContext& context);

}  // namespace fathom
