#include "networks/parametrisation.hpp"

#include "base/assert.hpp"

#include <cmath>
#include <utility>

namespace fathom {
namespace {

void maximal_update_weight(ParameterTensor& tensor, LayerPlace place, double sigma) {
  const double in = static_cast<double>(tensor.cols), out = static_cast<double>(tensor.rows);
  tensor.initial_deviation = sigma / std::sqrt(in);
  switch (place) {
    case LayerPlace::input:
      tensor.multiplier = std::sqrt(out);
      tensor.initial_deviation /= std::sqrt(out);
      tensor.adam_rate = 1.0 / std::sqrt(out);
      break;
    case LayerPlace::hidden:
      tensor.adam_rate = 1.0 / in;
      break;
    case LayerPlace::output:
      tensor.multiplier = 1.0 / std::sqrt(in);
      tensor.adam_rate = 1.0 / std::sqrt(in);
      break;
  }
}

}  // namespace

std::string_view name(Parametrisation parametrisation) {
  switch (parametrisation) {
    case Parametrisation::standard:
      return "standard";
    case Parametrisation::ntk:
      return "ntk";
    case Parametrisation::maximal_update:
      return "maximal_update";
  }
  FATHOM_ASSERT(false, "parametrisation {}", static_cast<int>(parametrisation));
}

ParameterTensor weight_tensor(std::string name, Parametrisation parametrisation, LayerPlace place,
                              std::int64_t fan_in, std::int64_t fan_out, double weight_variance,
                              std::int64_t offset) {
  FATHOM_ASSERT(fan_in >= 1 && fan_out >= 1 && weight_variance >= 0, "{}: {} x {}, variance {}",
                name, fan_out, fan_in, weight_variance);
  const double sigma = std::sqrt(weight_variance);
  const double root_in = std::sqrt(static_cast<double>(fan_in));
  ParameterTensor tensor;
  tensor.name = std::move(name);
  tensor.rows = fan_out;
  tensor.cols = fan_in;
  tensor.offset = offset;
  switch (parametrisation) {
    case Parametrisation::standard:
      tensor.initial_deviation = sigma / root_in;
      break;
    case Parametrisation::ntk:
      tensor.multiplier = sigma / root_in;
      tensor.initial_deviation = 1.0;
      break;
    case Parametrisation::maximal_update:
      maximal_update_weight(tensor, place, sigma);
      break;
  }
  return tensor;
}

ParameterTensor bias_tensor(std::string name, Parametrisation parametrisation, LayerPlace place,
                            std::int64_t fan_out, double bias_variance, std::int64_t offset) {
  FATHOM_ASSERT(fan_out >= 1 && bias_variance >= 0, "{}: {} entries, variance {}", name, fan_out,
                bias_variance);
  ParameterTensor tensor;
  tensor.name = std::move(name);
  tensor.rows = fan_out;
  tensor.offset = offset;
  tensor.initial_deviation = std::sqrt(bias_variance);
  if (parametrisation == Parametrisation::ntk)
    std::swap(tensor.multiplier, tensor.initial_deviation);
  if (parametrisation == Parametrisation::maximal_update && place != LayerPlace::output) {
    const double root = std::sqrt(static_cast<double>(fan_out));
    tensor.multiplier = root;
    tensor.initial_deviation /= root;
    tensor.adam_rate = 1.0 / root;
  }
  return tensor;
}

}  // namespace fathom
