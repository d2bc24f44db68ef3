#pragma once

// How far the tangent kernel of a network of finite width, at its initial parameters, is from the
// closed form of infinite width (Jacot et al. 2018; THEORY.md 1.2): ‖K − Θ ⊗ 1‖_F / ‖Θ ⊗ 1‖_F over
// points of the sphere, and the slope of that distance against width. A mean over `width` neurons
// scatters like width^-½.

#include "gram/empirical_ntk.hpp"
#include "gram/mlp_gram.hpp"
#include "networks/mlp.hpp"

#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace fathom::test {

/// A network that grows in width. Its kernel's limit has the same variances.
struct LimitCase {
  ActivationKind activation = ActivationKind::relu;
  int depth = 2;  ///< hidden layers
  double bias_variance = 0.0;
  std::int64_t outputs = 1;
  double weight_variance = 2.0;

  MlpKernelOptions limit() const {
    return {.kind = MlpKernelKind::ntk,
            .activation = activation,
            .depth = depth,
            .weight_variance = weight_variance,
            .bias_variance = bias_variance};
  }
  MlpShape shape(std::int64_t input, std::int64_t width) const {
    return {.input = input,
            .hidden = std::vector<std::int64_t>(static_cast<std::size_t>(depth), width),
            .classes = outputs,
            .activation = activation,
            .biases = bias_variance > 0,
            .parametrisation = Parametrisation::ntk,
            .weight_variance = weight_variance,
            .bias_variance = bias_variance};
  }
  std::string text() const {
    return fmt::format("{}, {} hidden layers, bias variance {}, {} output{}", name(activation),
                       depth, bias_variance, outputs, outputs == 1 ? "" : "s");
  }
};

/// Points of the sphere, and kernels on them over one grid: block (i, j) of a kernel of several
/// outputs lies where entry (i, j) of the closed form lies.
class LimitPoints {
 public:
  LimitPoints(const Communicator& comm, std::int64_t n, std::int64_t dim)
      : grid_(comm, choose_grid(comm.size(), n, block)), rows_(sphere_rows(n, dim, 7)) {}

  const Communicator& comm() const { return grid_.parent(); }

  /// Collective.
  DistMatrix limit(const MlpKernelOptions& kernel) const {
    return assemble_mlp_kernel(grid_, block, kernel, *rows_).symmetric.matrix;
  }

  /// Of the network with these initial parameters; row c + outputs·i. Collective.
  DistMatrix kernel(const LimitCase& c, std::int64_t width, std::uint64_t seed) const {
    const auto network = make_mlp<double>(c.shape(rows_->dim(), width));
    const std::vector<double> parameters = initial_parameters(*network, seed);
    const auto samples = made_samples(*rows_);
    const EmpiricalNtk ntk{*network, parameters, *samples, every_output(*network),
                           NtkKind::all_outputs};
    return assemble_empirical_ntk(grid_, block * c.outputs, ntk).symmetric.matrix;
  }

  /// ‖K − Θ ⊗ 1‖_F / ‖Θ ⊗ 1‖_F. Collective.
  double distance(const DistMatrix& k, const DistMatrix& limit, std::int64_t outputs) const {
    FATHOM_ASSERT(k.local_rows() == outputs * limit.local_rows() &&
                      k.local_cols() == outputs * limit.local_cols(),
                  "{} x {} and {} x {} entries here", k.local_rows(), k.local_cols(),
                  limit.local_rows(), limit.local_cols());
    std::vector<double> squares(2, 0.0);
    for (std::int64_t j = 0; j < k.local_cols(); ++j)
      for (std::int64_t i = 0; i < k.local_rows(); ++i) {
        const bool same_output = i % outputs == j % outputs;
        const double wanted = same_output ? limit.local()(i / outputs, j / outputs) : 0.0;
        squares[0] += (k.local()(i, j) - wanted) * (k.local()(i, j) - wanted);
        squares[1] += wanted * wanted;
      }
    comm().sum(std::span<double>(squares));
    return std::sqrt(squares[0] / squares[1]);
  }

 private:
  static constexpr std::int64_t block = 8;
  ProcessGrid grid_;
  std::unique_ptr<DataRows> rows_;
};

/// Distances at one width, over independent networks.
struct WidthDistance {
  std::int64_t width = 0;
  double mean = 0, standard_error = 0;
};

/// Seeds 1 … seeds of every width, independent between widths. Collective.
inline std::vector<WidthDistance> distances(const LimitPoints& points, const LimitCase& c,
                                            const DistMatrix& limit,
                                            const std::vector<std::int64_t>& widths, int seeds) {
  std::vector<WidthDistance> all;
  for (const std::int64_t width : widths) {
    double sum = 0, squares = 0;
    for (int seed = 1; seed <= seeds; ++seed) {
      const auto key = static_cast<std::uint64_t>(1000 * width + seed);
      const double d = points.distance(points.kernel(c, width, key), limit, c.outputs);
      sum += d;
      squares += d * d;
    }
    const double mean = sum / seeds;
    const double variance = (squares - seeds * mean * mean) / (seeds - 1);
    all.push_back({width, mean, std::sqrt(std::max(0.0, variance) / seeds)});
  }
  return all;
}

struct Slope {
  double value = 0;
  double standard_error = 0;  ///< from those of the distances
};

/// Of ln distance against ln width by least squares. @pre at least two widths
inline Slope slope_of(const std::vector<WidthDistance>& distance) {
  double centre = 0, spread = 0;
  for (const WidthDistance& d : distance)
    centre += std::log(static_cast<double>(d.width)) / static_cast<double>(distance.size());
  for (const WidthDistance& d : distance)
    spread += std::pow(std::log(static_cast<double>(d.width)) - centre, 2);
  Slope slope;
  double variance = 0;
  for (const WidthDistance& d : distance) {
    const double weight = (std::log(static_cast<double>(d.width)) - centre) / spread;
    slope.value += weight * std::log(d.mean);
    variance += std::pow(weight * d.standard_error / d.mean, 2);
  }
  slope.standard_error = std::sqrt(variance);
  return slope;
}

/// The claim: slope −½ to within the band. False for NaN.
inline bool falls_like_root_of_width(const Slope& slope, double band) {
  return std::abs(slope.value + 0.5) <= band;
}

}  // namespace fathom::test
