#pragma once

// A network with its kernel frozen: the exact linearisation f(θ₀) + J(θ₀)(θ − θ₀), as a network of
// its own, whose parameters θ are those of the original. Its tangent kernel is J(θ₀)J(θ₀)ᵀ at every
// θ. J is never formed: one forward and one tangent pass of the original a batch. Local.

#include "networks/network.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fathom {

template <class T>
class LinearisedNetwork : public Network<T> {
 public:
  /// Refers to the network; `parameters` are θ₀. @pre parameters.size() == network.parameters()
  LinearisedNetwork(const Network<T>& network, std::vector<T> parameters);

  std::string description() const override;
  const std::vector<ParameterTensor>& tensors() const override { return network_.tensors(); }
  std::int64_t parameters() const override { return network_.parameters(); }
  std::int64_t positions() const override { return network_.positions(); }
  std::int64_t classes() const override { return network_.classes(); }
  /// A tangent pass is counted as two forward passes.
  double forward_flops() const override { return 3 * network_.forward_flops(); }
  double signal_flops() const override { return network_.signal_flops(); }
  std::unique_ptr<ForwardPass<T>> forward(std::span<const T> parameters,
                                          const Batch<T>& batch) const override;

 private:
  const Network<T>& network_;
  std::vector<T> origin_;
};

}  // namespace fathom
