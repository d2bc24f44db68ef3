#pragma once

// Activations in the words of results.

#include "kernels/activation.hpp"

#include <string>

#include <fmt/format.h>

namespace fathom {

/// "relu", "monomial of degree 2": as texts of results name an activation. Pure.
inline std::string description(const Activation& activation) {
  if (activation.kind() == ActivationKind::monomial)
    return fmt::format("monomial of degree {}", activation.degree());
  return std::string(name(activation.kind()));
}

}  // namespace fathom
