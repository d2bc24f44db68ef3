#pragma once

// Targets in the eigenbasis of a Gram matrix of samples.

#include "eigen/certified.hpp"
#include "store/run_file.hpp"
#include "studies/input_data.hpp"

namespace fathom {

/// coefficient(k, t) = u_kᵀ y_t for every mode k and target t, row-major modes × targets, on every
/// rank.
/// @pre vectors is n × modes, targets.n = n. Collective.
std::vector<double> target_coefficients(const DistMatrix& vectors, const Targets& targets);

/// POINT/targets: coefficient, power and cumulative power, depth within the trusted modes and the
/// power outside of them; and a sentence on how deep the power lies. Local.
/// @pre coefficient is over the modes of the spectrum
std::string write_targets(const RunGroup& point, const Targets& targets,
                          const std::vector<double>& coefficient,
                          const CertifiedSpectrum& spectrum);

}  // namespace fathom
