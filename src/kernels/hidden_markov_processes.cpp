// The named sources.

#include "base/error.hpp"
#include "kernels/hidden_markov.hpp"

#include <array>

namespace fathom {
namespace {

/// A source given by its transitions of positive probability.
struct Transition {
  std::size_t from;
  std::size_t symbol;
  std::size_t to;
  double probability;
};

HiddenMarkov from_transitions(const char* name, std::size_t states, std::size_t symbols,
                              std::span<const Transition> transitions) {
  std::vector<double> tensors(symbols * states * states);
  for (const Transition& t : transitions)
    tensors[(t.symbol * states + t.from) * states + t.to] = t.probability;
  return {name, static_cast<std::int64_t>(states), static_cast<std::int64_t>(symbols),
          std::move(tensors)};
}

constexpr std::array<std::string_view, 3> process_names = {"mess3", "rrxor", "z1r"};

}  // namespace

HiddenMarkov mess3(double alpha, double x) {
  if (!(alpha >= 0.0 && alpha <= 1.0) || !(x > 0.0 && x <= 0.5))
    throw Error(ExitCode::deck, "mess3: alpha = {}, x = {}; 0 <= alpha <= 1 and 0 < x <= 1/2",
                alpha, x);
  const double beta = 0.5 * (1.0 - alpha);
  std::vector<double> tensors;
  for (int s = 0; s < 3; ++s)
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 3; ++j)
        tensors.push_back((j == s ? alpha : beta) * (i == j ? 1.0 - 2.0 * x : x));
  return {fmt::format("mess3({}, {})", alpha, x), 3, 3, std::move(tensors)};
}

HiddenMarkov rrxor() {
  enum : std::size_t { start, zero, one, even, odd };
  constexpr Transition transitions[] = {{start, 0, zero, 0.5}, {start, 1, one, 0.5},   // first bit
                                        {zero, 0, even, 0.5},  {zero, 1, odd, 0.5},    // second bit
                                        {one, 0, odd, 0.5},    {one, 1, even, 0.5},    //
                                        {even, 0, start, 1.0}, {odd, 1, start, 1.0}};  // parity
  return from_transitions("rrxor", 5, 2, transitions);
}

HiddenMarkov z1r() {
  constexpr Transition transitions[] = {
      {0, 0, 1, 1.0}, {1, 1, 2, 1.0}, {2, 0, 0, 0.5}, {2, 1, 0, 0.5}};
  return from_transitions("z1r", 3, 2, transitions);
}

std::span<const std::string_view> hidden_markov_names() {
  return process_names;
}

HiddenMarkov hidden_markov_by_name(std::string_view name, std::span<const double> parameters) {
  const std::size_t wanted = name == "mess3" ? 2 : 0;
  const bool known = name == "mess3" || name == "rrxor" || name == "z1r";
  if (!known)
    throw Error(ExitCode::deck, "unknown hidden Markov source \"{}\"; there are {}", name,
                fmt::join(process_names, ", "));
  if (parameters.size() != wanted)
    throw Error(ExitCode::deck, "{} parameters for the hidden Markov source {}, which takes {}",
                parameters.size(), name, wanted == 2 ? "two: alpha, x" : "none");
  if (name == "mess3") return mess3(parameters[0], parameters[1]);
  return name == "rrxor" ? rrxor() : z1r();
}

}  // namespace fathom
