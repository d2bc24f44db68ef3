#include "base/random.hpp"
#include "networks/network.hpp"

#include <algorithm>

namespace fathom {

template <class T>
std::vector<T> initial_parameters(const Network<T>& network, std::uint64_t seed) {
  std::vector<T> parameters(static_cast<std::size_t>(network.parameters()));
  std::vector<double> entry;
  std::int64_t index = 0;
  for (const ParameterTensor& tensor : network.tensors()) {
    entry.resize(static_cast<std::size_t>(tensor.size()));
    fill_normal({seed, Stream::parameters}, {&index, 1}, 0,
                {entry.data(), tensor.size(), 1, std::max<std::int64_t>(1, tensor.size())});
    for (std::int64_t k = 0; k < tensor.size(); ++k)
      parameters[static_cast<std::size_t>(tensor.offset + k)] = static_cast<T>(
          tensor.initial_mean + tensor.initial_deviation * entry[static_cast<std::size_t>(k)]);
    ++index;
  }
  return parameters;
}

template std::vector<double> initial_parameters(const Network<double>&, std::uint64_t);
template std::vector<float> initial_parameters(const Network<float>&, std::uint64_t);

}  // namespace fathom
