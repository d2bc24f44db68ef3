#pragma once

// Multiplier, initial deviation and learning-rate factors of weights and biases. Local and pure.
//
// W (fan_out × fan_in) and b as they are stored: z = m·W·a + m_b·b, entries of deviation s.
//
//   weights                m              s                        sgd_rate   adam_rate
//     standard             1              σ_w/√fan_in              1          1
//     ntk                  σ_w/√fan_in    1                        1          1
//     maximal_update
//       input              √fan_out       σ_w/√(fan_in·fan_out)    1          1/√fan_out
//       hidden             1              σ_w/√fan_in              1          1/fan_in
//       output             1/√fan_in      σ_w/√fan_in              1          1/√fan_in
//   biases
//     standard             1              σ_b                      1          1
//     ntk                  σ_b            1                        1          1
//     maximal_update
//       input, hidden      √fan_out       σ_b/√fan_out             1          1/√fan_out
//       output             1              σ_b                      1          1
//
// Maximal update: the abc-parametrisation of Yang & Hu 2021 (2011.14522), definition 5.1, a = (−½,
// 0, …, 0, ½), b = ½, c = 0, with the dimensions of inputs and outputs, which do not grow, kept as
// 1/√fan_in alone. Adam's rates from table 3 of Yang et al. 2022 (2203.03466), the same dynamics
// with multipliers 1: a multiplier m moved out of a weight divides its Adam rate by m and its SGD
// rate by m².

#include "networks/network.hpp"

#include <cstdint>
#include <string_view>

namespace fathom {

std::string_view name(Parametrisation parametrisation);

/// Where a layer stands: which of its dimensions grow with the width. Input: fan_out alone; hidden:
/// both; output: fan_in alone.
enum class LayerPlace { input, hidden, output };

/// A weight matrix fan_out × fan_in from `offset` on. @pre fan_in, fan_out ≥ 1, variance ≥ 0
ParameterTensor weight_tensor(std::string name, Parametrisation parametrisation, LayerPlace place,
                              std::int64_t fan_in, std::int64_t fan_out, double weight_variance,
                              std::int64_t offset);

/// Its bias, fan_out × 1. @pre fan_out ≥ 1, variance ≥ 0
ParameterTensor bias_tensor(std::string name, Parametrisation parametrisation, LayerPlace place,
                            std::int64_t fan_out, double bias_variance, std::int64_t offset);

}  // namespace fathom
