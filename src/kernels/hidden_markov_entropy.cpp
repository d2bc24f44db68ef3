#include "kernels/hidden_markov_entropy.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace fathom {
namespace {

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

double sum_of(std::span<const double> weights) {
  double sum = 0.0;
  for (const double w : weights)
    sum += w;
  return sum;
}

/// Beliefs are told apart by the cells of a grid of width 2^exponent in every entry. At the finest
/// the beliefs of a cell differ by rounding alone; at the coarsest there is one cell. Cells of one
/// width are unions of those of half of it; the offset keeps their borders off simple fractions,
/// where beliefs like to lie.
constexpr int finest_cell = -44, coarsest_cell = 1;
constexpr double grid_offset = 0.4472135954999579;

/// Pasts less likely than this are left out: their weights are near the end of the range.
constexpr double least_probability = 0x1p-900;

/// Beliefs with the probability of the pasts that lead to them, as weights over states.
class BeliefSet {
 public:
  explicit BeliefSet(std::int64_t states) : states_(states) {}

  std::int64_t size() const { return std::ssize(weights_) / states_; }
  std::span<const double> weights(std::int64_t k) const {
    return std::span(weights_).subspan(at(k * states_), at(states_));
  }
  void add(std::span<const double> weights) {
    weights_.insert(weights_.end(), weights.begin(), weights.end());
  }

  /// Adds up the beliefs of a cell, in the finest cells of which there are at most `most`. Returns
  /// the information on the hidden state that is lost, in nats.
  double merge(std::int64_t most);

 private:
  /// The beliefs ordered by cell: those from group[g] to group[g + 1] share one.
  struct Groups {
    std::vector<std::int64_t> order;
    std::vector<std::size_t> group;
    std::int64_t count() const { return std::ssize(group) - 1; }
  };
  Groups by_cell(int exponent) const;
  Groups finest_groups(std::int64_t most) const;

  std::int64_t states_;
  std::vector<double> weights_;
};

BeliefSet::Groups BeliefSet::by_cell(int exponent) const {
  std::vector<std::int64_t> cells(weights_.size());
  for (std::int64_t k = 0; k < size(); ++k) {
    const double mass = sum_of(weights(k));
    for (std::int64_t i = 0; i < states_; ++i) {
      const double belief = weights_[at(k * states_ + i)] / mass;
      cells[at(k * states_ + i)] =
          static_cast<std::int64_t>(std::ldexp(belief + grid_offset, -exponent));
    }
  }
  const auto cell = [&](std::int64_t k) {
    return std::span<const std::int64_t>(cells).subspan(at(k * states_), at(states_));
  };
  Groups groups;
  groups.order.resize(at(size()));
  std::iota(groups.order.begin(), groups.order.end(), std::int64_t{0});
  std::sort(groups.order.begin(), groups.order.end(), [&](std::int64_t a, std::int64_t b) {
    const auto [p, q] = std::mismatch(cell(a).begin(), cell(a).end(), cell(b).begin());
    return p == cell(a).end() ? a < b : *p < *q;
  });
  for (std::size_t k = 0; k < groups.order.size(); ++k)
    if (k == 0 || !std::ranges::equal(cell(groups.order[k - 1]), cell(groups.order[k])))
      groups.group.push_back(k);
  groups.group.push_back(groups.order.size());
  return groups;
}

BeliefSet::Groups BeliefSet::finest_groups(std::int64_t most) const {
  Groups groups = by_cell(finest_cell);
  if (groups.count() <= most) return groups;
  int too_fine = finest_cell, enough = coarsest_cell;
  while (enough - too_fine > 1) {
    const int middle = std::midpoint(too_fine, enough);
    (by_cell(middle).count() <= most ? enough : too_fine) = middle;
  }
  return by_cell(enough);
}

/// |α| KL(α/|α| ‖ merged/|merged|) as a sum of terms that are never negative:
/// q((1 + r) ln(1 + r) − r), 1 + r = p/q.
double information_lost(std::span<const double> part, std::span<const double> merged,
                        double merged_mass) {
  const double mass = sum_of(part);
  double lost = 0.0;
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (merged[i] == 0.0) continue;
    const double q = merged[i] / merged_mass;
    const double r = part[i] / mass / q - 1.0;
    const double entropy = part[i] > 0.0 ? (1.0 + r) * std::log1p(r) : 0.0;
    lost += q * std::max(0.0, entropy - r);
  }
  return mass * lost;
}

double BeliefSet::merge(std::int64_t most) {
  const Groups groups = finest_groups(most);
  BeliefSet merged(states_);
  double lost = 0.0;
  std::vector<double> sum(at(states_));
  for (std::int64_t g = 0; g < groups.count(); ++g) {
    const std::size_t first = groups.group[at(g)];
    const auto members = std::span(groups.order).subspan(first, groups.group[at(g + 1)] - first);
    std::fill(sum.begin(), sum.end(), 0.0);
    for (const std::int64_t k : members)
      for (std::size_t i = 0; i < sum.size(); ++i)
        sum[i] += weights(k)[i];
    const double mass = sum_of(sum);
    if (members.size() > 1)
      for (const std::int64_t k : members)
        lost += information_lost(weights(k), sum, mass);
    merged.add(sum);
  }
  weights_ = std::move(merged.weights_);
  return lost;
}

/// One symbol on: the entropy of that symbol, and the beliefs after it.
std::pair<double, BeliefSet> step(const HiddenMarkov& source, const BeliefSet& beliefs) {
  BeliefSet next(source.states());
  std::vector<double> weights(at(source.states()));
  long double entropy = 0.0L;
  for (std::int64_t k = 0; k < beliefs.size(); ++k) {
    const double mass = sum_of(beliefs.weights(k));
    for (std::int64_t s = 0; s < source.symbols(); ++s) {
      source.advance(beliefs.weights(k), s, weights);
      const double joint = sum_of(weights);
      if (joint < least_probability) continue;
      entropy -= joint * std::log(joint / mass);
      next.add(weights);
    }
  }
  return {static_cast<double>(entropy), std::move(next)};
}

ConditionalEntropies walk(const HiddenMarkov& source, BeliefSet beliefs, std::int64_t length,
                          std::int64_t most_beliefs) {
  FATHOM_ASSERT(length >= 1 && most_beliefs >= 1, "length {}, at most {} beliefs", length,
                most_beliefs);
  // Weights of t steps carry a relative error of at most t·(states + 1) roundings, a normalised
  // entropy term a few more.
  const double rounding = 4.0 * std::numeric_limits<double>::epsilon() *
                          static_cast<double>(source.states() + source.symbols());
  ConditionalEntropies result;
  double lost = 0.0;
  for (std::int64_t t = 1; t <= length; ++t) {
    auto [entropy, next] = step(source, beliefs);
    result.value.push_back(entropy);
    result.error_bound.push_back(lost + rounding * static_cast<double>(t));
    if (t == length) break;
    lost += next.merge(most_beliefs);
    beliefs = std::move(next);
  }
  return result;
}

}  // namespace

ConditionalEntropies conditional_entropies(const HiddenMarkov& source, std::int64_t length,
                                           std::int64_t most_beliefs) {
  BeliefSet start(source.states());
  start.add(source.stationary());
  return walk(source, std::move(start), length, most_beliefs);
}

EntropyRate entropy_rate(const HiddenMarkov& source, std::int64_t length,
                         std::int64_t most_beliefs) {
  BeliefSet known(source.states());
  std::vector<double> weights(at(source.states()));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (source.stationary()[i] == 0.0) continue;
    std::fill(weights.begin(), weights.end(), 0.0);
    weights[i] = source.stationary()[i];
    known.add(weights);
  }
  const ConditionalEntropies below = walk(source, std::move(known), length, most_beliefs);
  const ConditionalEntropies above = conditional_entropies(source, length, most_beliefs);
  return {std::max(0.0, below.value.back() - below.error_bound.back()),
          above.value.back() + above.error_bound.back()};
}

BayesLoss bayes_loss(const HiddenMarkov& source, std::int64_t context, std::int64_t most_beliefs) {
  FATHOM_ASSERT(context >= 1, "context {}", context);
  const ConditionalEntropies h = conditional_entropies(source, context + 1, most_beliefs);
  BayesLoss loss;
  const auto count = static_cast<double>(context);
  for (std::size_t t = 1; t < h.value.size(); ++t) {
    loss.position.push_back(h.value[t]);
    loss.mean += h.value[t] / count;
    loss.error_bound += h.error_bound[t] / count;
  }
  return loss;
}

}  // namespace fathom
