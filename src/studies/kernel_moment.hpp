#pragma once

// One moment of a training: the tangent kernel there, diagonalised and certified, the gradient of
// the loss in its eigenbasis, and the same read off without the kernel (THEORY: spectral position,
// Nikolaou et al., arXiv 2605.31244).

#include "dist/dist_matrix.hpp"
#include "spectral/position.hpp"
#include "spectral/reach.hpp"
#include "studies/solve.hpp"
#include "studies/trained_model.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace fathom {

struct KernelMoment {
  std::int64_t step = 0;
  double time = 0;                        ///< Σ learning rates
  double compute = 0;                     ///< flops of training, 6·N·D
  double loss = 0;                        ///< mean over the samples and positions of the kernel
  std::int64_t samples = 0, outputs = 0;  ///< N_out = outputs, the rows of the kernel
  std::vector<double> eigenvalue, error_bound;
  std::vector<int> state;
  double trace = 0;
  double floor = 0;                ///< smallest value that can be trusted
  std::vector<double> projection;  ///< u_k·g
  double gradient_squared = 0;     ///< ‖g‖²
  SpectralPosition position;

  // Without the kernel; NaN where it was not asked for.
  double lanczos = std::numeric_limits<double>::quiet_NaN();
  double gradients = std::numeric_limits<double>::quiet_NaN();
  double gradients_error = std::numeric_limits<double>::quiet_NaN();  ///< standard; 0: exact

  // Of the current decrease, where the label noise is known; NaN elsewhere. With the cross term
  // they sum to one.
  double signal_share = std::numeric_limits<double>::quiet_NaN();
  double noise_share = std::numeric_limits<double>::quiet_NaN();

  /// What a step on the samples of one group takes off the loss of another: δL(A, B) = g_AᵀΘg_B,
  /// groups × groups; negative: they interfere. Σ over all pairs is the decrease.
  std::vector<double> cross_decrease;

  /// u_k·g after gradient flow on squared error with this kernel for a time: mode by mode
  /// e^{−λ_k t/n}; computed eigenvalues below 0 stand still. Pure.
  std::vector<double> decayed(std::span<const double> projections, double flow_time) const;
  /// Beyond which mode a share of the decrease lies for gradients with these projections. Pure.
  DepthSnapshot depth(std::span<const double> projections, double spent, double share) const;
};

/// A kernel that stays: the moments of gradient flow on ‖f − y‖²/(2n) from one spectrum.
class FixedKernel {
 public:
  /// `parts` at time 0: g = r/n, and where the noise is known its signal and noise parts, which
  /// decay each for itself. Collective.
  FixedKernel(const CertifiedSpectrum& spectrum, std::span<const std::vector<double>> parts,
              std::int64_t samples);
  /// Local.
  KernelMoment moment(double time) const;

 private:
  KernelMoment start_;
  std::vector<std::vector<double>> projections_;
};

/// The kernel of a network at `parameters`, on the samples of its set, by every route that the deck
/// asks for. `vectors` receives the eigenvectors. Error(certificate) where the routes disagree.
/// Collective.
KernelMoment network_moment(const StudyContext& context, const Deck& deck,
                            const TrainedModel& model, std::span<const double> parameters,
                            StudyOutcome& outcome, const std::string& label,
                            std::optional<DistMatrix>& vectors);

}  // namespace fathom
