#include "studies/targets.hpp"

#include "spectral/measures.hpp"
#include "studies/spectrum_output.hpp"

namespace fathom {

std::vector<double> target_coefficients(const DistMatrix& vectors, const Targets& targets) {
  const auto count = static_cast<std::size_t>(targets.count);
  std::vector<double> coefficient(static_cast<std::size_t>(vectors.cols()) * count, 0.0);
  const MatrixView<const double> local = vectors.local();
  for (std::int64_t j = 0; j < local.cols; ++j) {
    double* out =
        &coefficient[static_cast<std::size_t>(vectors.global_col(LocalIndex(j)).value()) * count];
    for (std::int64_t i = 0; i < local.rows; ++i) {
      const std::int64_t row = vectors.global_row(LocalIndex(i)).value();
      for (std::int64_t t = 0; t < targets.count; ++t)
        out[t] += local(i, j) * targets(row, t);
    }
  }
  vectors.grid().parent().sum(coefficient);
  return coefficient;
}

std::string write_targets(const RunGroup& point, const Targets& targets,
                          const std::vector<double>& coefficient,
                          const CertifiedSpectrum& spectrum) {
  const auto count = static_cast<std::size_t>(targets.count);
  const std::size_t modes = coefficient.size() / count;
  std::vector<double> power(coefficient.size()), cumulative(coefficient.size());
  const std::vector<double> trusted = trusted_eigenvalues(spectrum);
  std::vector<TargetDepth> depths;
  for (std::size_t t = 0; t < count; ++t) {
    std::vector<double> column(modes);
    for (std::size_t k = 0; k < modes; ++k)
      column[k] = coefficient[k * count + t];
    double total = 0;
    for (std::int64_t i = 0; i < targets.n; ++i)
      total += targets(i, static_cast<std::int64_t>(t)) * targets(i, static_cast<std::int64_t>(t));
    const TargetPower of_target = target_power(column, total);
    for (std::size_t k = 0; k < modes; ++k) {
      power[k * count + t] = of_target.power[k];
      cumulative[k * count + t] = of_target.cumulative[k];
    }
    depths.push_back(target_depth(of_target, trusted, 0.9));
  }
  const RunGroup group = point.group("targets");
  group.counting_scale("mode", static_cast<std::int64_t>(modes));
  group.counting_scale("target", targets.count);
  group.variable("coefficient", std::span<const double>(coefficient), {"mode", "target"});
  group.variable("power", std::span<const double>(power), {"mode", "target"});
  group.variable("cumulative_power", std::span<const double>(cumulative), {"mode", "target"});
  std::vector<std::int64_t> depth90;
  std::vector<double> untrusted, unresolved;
  for (const TargetDepth& depth : depths) {
    depth90.push_back(depth.depth);
    untrusted.push_back(depth.untrusted);
    unresolved.push_back(depth.unresolved);
  }
  group.variable("depth90", std::span<const std::int64_t>(depth90), {"target"});
  group.variable("untrusted_power", std::span<const double>(untrusted), {"target"});
  group.variable("unresolved_power", std::span<const double>(unresolved), {"target"});
  group.attribute_of("coefficient", "long_name",
                     "coefficient of the target along the eigenvector; within a group of modes "
                     "closer than their error bounds the single coefficients are arbitrary");
  group.attribute_of("power", "long_name",
                     "share of the target's squared norm in the mode; within a group of modes "
                     "closer than their error bounds only the power of the group is defined");
  group.attribute_of("cumulative_power", "long_name",
                     "share of the target's squared norm in the modes up to this one");
  group.attribute_of(
      "depth90", "long_name",
      "first mode at which the power in the trusted modes up to it reaches 90 %, 0 where they do "
      "not hold as much; defined up to a group of modes closer than their error bounds");
  group.attribute_of("untrusted_power", "long_name",
                     "share of the target's squared norm in modes computed but not trusted (null "
                     "by rank included)");
  group.attribute_of("unresolved_power", "long_name",
                     "share of the target's squared norm outside the modes computed");
  return depth_sentence(depths, 0.9);
}

}  // namespace fathom
