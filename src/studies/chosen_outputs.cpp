#include "studies/chosen_outputs.hpp"

#include "base/assert.hpp"
#include "base/error.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/ranges.h>

namespace fathom {
namespace {

/// 0 … count − 1 for "all", the last of them for "last", or the key's list from 0.
std::vector<std::int64_t> numbers(const Deck& deck, const char* key, std::int64_t first,
                                  std::int64_t count) {
  std::vector<std::int64_t> list;
  if (!deck.has(key) || deck.is_word(key)) {
    list.resize(static_cast<std::size_t>(count));
    std::iota(list.begin(), list.end(), 0);
    if (deck.has(key) && deck.text(key) == "last") list = {count - 1};
    return list;
  }
  for (const std::int64_t number : deck.integers(key)) {
    if (number - first >= count)
      throw Error(ExitCode::deck, "{} has {}, but the data have {} to {}", key, number, first,
                  first + count - 1);
    list.push_back(number - first);
  }
  std::sort(list.begin(), list.end());
  return list;
}

class LabelsAtPositions final : public SampleSource<double> {
 public:
  LabelsAtPositions(const SampleSource<double>& source, const ChosenOutputs& outputs)
      : source_(source), counted_(static_cast<std::size_t>(outputs.all_positions), false) {
    for (const std::int64_t t : outputs.positions)
      counted_[static_cast<std::size_t>(t)] = true;
  }

  std::int64_t samples() const override { return source_.samples(); }

  void fill(std::span<const std::int64_t> index, SampleBatch<double>& batch) const override {
    source_.fill(index, batch);
    for (std::size_t i = 0; i < batch.labels.size(); ++i)
      if (!counted_[i % counted_.size()]) batch.labels[i] = -1;
  }

 private:
  const SampleSource<double>& source_;
  std::vector<bool> counted_;
};

}  // namespace

std::vector<OutputChoice> ChosenOutputs::choices() const {
  std::vector<OutputChoice> list;
  for (const std::int64_t t : positions)
    for (const std::int64_t c : classes)
      list.push_back({t, c});
  return list;
}

std::string ChosenOutputs::text() const {
  std::vector<std::int64_t> counted = positions;
  for (std::int64_t& t : counted)
    ++t;
  const std::string where =
      every_position() ? "every position"
                       : fmt::format("positions {} of {}", fmt::join(counted, ", "), all_positions);
  const std::string which =
      every_class() ? "every class"
                    : fmt::format("classes {} of {}", fmt::join(classes, ", "), all_classes);
  return all_positions == 1 ? which : where + ", " + which;
}

ChosenOutputs chosen_outputs(const Deck& deck, const Network<double>& network) {
  return {.positions = numbers(deck, "study.positions", 1, network.positions()),
          .classes = numbers(deck, "study.classes", 0, network.classes()),
          .all_positions = network.positions(),
          .all_classes = network.classes()};
}

std::vector<double> chosen_rows(const ChosenOutputs& outputs, std::span<const double> whole) {
  const std::int64_t each = outputs.all_positions * outputs.all_classes;
  FATHOM_ASSERT(std::ssize(whole) % each == 0, "{} numbers for samples of {} outputs", whole.size(),
                each);
  std::vector<double> rows;
  for (std::int64_t first = 0; first < std::ssize(whole); first += each)
    for (const std::int64_t t : outputs.positions)
      for (const std::int64_t c : outputs.classes)
        rows.push_back(whole[static_cast<std::size_t>(first + t * outputs.all_classes + c)]);
  return rows;
}

double loss_of_outputs(const ChosenOutputs& outputs, LossKind kind, const FunctionGradient& whole,
                       std::span<const double> g, std::int64_t samples) {
  if (kind == LossKind::cross_entropy || outputs.every_output()) return whole.loss;
  // g = (f − y)/n.
  return 0.5 * static_cast<double>(samples) *
         std::inner_product(g.begin(), g.end(), g.begin(), 0.0);
}

std::unique_ptr<SampleSource<double>> at_positions(const SampleSource<double>& source,
                                                   const ChosenOutputs& outputs) {
  return std::make_unique<LabelsAtPositions>(source, outputs);
}

}  // namespace fathom
