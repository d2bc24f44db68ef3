#include "kernels/hidden_markov_entropy.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
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
/// the beliefs of a cell differ by rounding alone; at the coarsest there is one cell. The offset
/// keeps borders off simple fractions, where beliefs like to lie.
constexpr int finest_cell = -44, coarsest_cell = 1;
constexpr double grid_offset = 0.4472135954999579;

/// Pasts less likely than this are left out: their weights are near the end of the range.
constexpr int least_exponent = -900;
constexpr double least_probability = 0x1p-900;

/// Merging loses information in proportion to probability × width², so a past of probability p has
/// cells of width 2^level/√p, within the limits above: at the finest level all at the finest.
constexpr int finest_level = finest_cell + least_exponent / 2, coarsest_level = coarsest_cell;

int cell_exponent(int level, double probability) {
  return std::clamp(level - std::ilogb(probability) / 2, finest_cell, coarsest_cell);
}

/// The finaliser of MurmurHash3 over a state and a word.
std::uint64_t hash(std::uint64_t state, std::uint64_t word) {
  state ^= word;
  state = (state ^ (state >> 33)) * 0xff51afd7ed558ccdu;
  state = (state ^ (state >> 33)) * 0xc4ceb9fe1a85ec53u;
  return state ^ (state >> 33);
}

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

  /// Adds up the beliefs of a cell, at the finest level from `level` on (which is moved there) that
  /// has at most `most` cells. Returns the information on the hidden state that is lost, in nats.
  double merge(std::int64_t most, int& level);

 private:
  /// The beliefs ordered by cell: those from group[g] to group[g + 1] share one.
  struct Groups {
    std::vector<std::int64_t> order;
    std::vector<std::size_t> group;
    std::int64_t count() const { return std::ssize(group) - 1; }
  };
  Groups by_cell(int level) const;
  Groups finest_groups(std::int64_t most, int& level) const;

  std::int64_t states_;
  std::vector<double> weights_;
};

BeliefSet::Groups BeliefSet::by_cell(int level) const {
  // Cells by their hash: were two ever to share one, that merger would be counted as any other.
  std::vector<std::pair<std::uint64_t, std::int64_t>> cells;
  cells.reserve(at(size()));
  for (std::int64_t k = 0; k < size(); ++k) {
    const double mass = sum_of(weights(k));
    const int exponent = cell_exponent(level, mass);
    std::uint64_t cell = hash(0, static_cast<std::uint64_t>(exponent - finest_cell + 1));
    for (const double w : weights(k))
      cell = hash(cell, static_cast<std::uint64_t>(std::ldexp(w / mass + grid_offset, -exponent)));
    cells.emplace_back(cell, k);
  }
  std::sort(cells.begin(), cells.end());
  Groups groups;
  for (std::size_t k = 0; k < cells.size(); ++k) {
    if (k == 0 || cells[k - 1].first != cells[k].first) groups.group.push_back(k);
    groups.order.push_back(cells[k].second);
  }
  groups.group.push_back(cells.size());
  return groups;
}

BeliefSet::Groups BeliefSet::finest_groups(std::int64_t most, int& level) const {
  Groups groups = by_cell(level);
  if (groups.count() <= most || level == coarsest_level) return groups;
  int too_fine = level, enough = coarsest_level;
  for (int stride = 1; level + stride < coarsest_level; stride *= 2) {
    if (by_cell(level + stride).count() <= most) {
      enough = level + stride;
      break;
    }
    too_fine = level + stride;
  }
  while (enough - too_fine > 1) {
    const int middle = std::midpoint(too_fine, enough);
    (by_cell(middle).count() <= most ? enough : too_fine) = middle;
  }
  level = enough;
  return by_cell(level);
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

double BeliefSet::merge(std::int64_t most, int& level) {
  const Groups groups = finest_groups(most, level);
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

/// Entropies of a walk through coarsened pasts: value − lost ≤ h ≤ value, both to `rounding`. It
/// ends early where a step changes the entropy by less than its merging may have.
struct Walk {
  std::vector<double> value, lost, rounding;
};

Walk walk(const HiddenMarkov& source, BeliefSet beliefs, std::int64_t length,
          std::int64_t most_beliefs) {
  FATHOM_ASSERT(length >= 1 && most_beliefs >= 1, "length {}, at most {} beliefs", length,
                most_beliefs);
  // Weights of t steps carry a relative error of at most t·(states + 1) roundings, a normalised
  // entropy term a few more.
  const double rounding = 4.0 * std::numeric_limits<double>::epsilon() *
                          static_cast<double>(source.states() + source.symbols());
  Walk result;
  double lost = 0.0, lost_in_step = 0.0;
  int level = finest_level;
  for (std::int64_t t = 1; t <= length; ++t) {
    auto [entropy, next] = step(source, beliefs);
    result.value.push_back(entropy);
    result.lost.push_back(lost);
    result.rounding.push_back(rounding * static_cast<double>(t));
    const bool settled = t > 1 && std::fabs(entropy - result.value[at(t - 2)]) < lost_in_step;
    if (t == length || settled) break;
    const double lost_now = next.merge(most_beliefs, level);
    lost += lost_now;
    lost_in_step = lost_now > rounding ? lost_now : 0.0;
    beliefs = std::move(next);
  }
  return result;
}

Walk walk_from_stationary(const HiddenMarkov& source, std::int64_t length,
                          std::int64_t most_beliefs) {
  BeliefSet start(source.states());
  start.add(source.stationary());
  return walk(source, std::move(start), length, most_beliefs);
}

/// A lower bound of the entropy rate and so of every h_L: H(X_L | X_1 … X_{L−1}, first state)
/// rises to the rate; the best up to the length.
double rate_from_below(const HiddenMarkov& source, std::int64_t length, std::int64_t most_beliefs) {
  BeliefSet known(source.states());
  std::vector<double> weights(at(source.states()));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (source.stationary()[i] < least_probability) continue;
    std::fill(weights.begin(), weights.end(), 0.0);
    weights[i] = source.stationary()[i];
    known.add(weights);
  }
  const Walk below = walk(source, std::move(known), length, most_beliefs);
  double best = 0.0;
  for (std::size_t t = 0; t < below.value.size(); ++t)
    best = std::max(best, below.value[t] - below.lost[t] - below.rounding[t]);
  return best;
}

}  // namespace

ConditionalEntropies conditional_entropies(const HiddenMarkov& source, std::int64_t length,
                                           std::int64_t most_beliefs) {
  const Walk above = walk_from_stationary(source, length, most_beliefs);
  const bool coarse = above.lost.back() > above.rounding.back();
  const double rate = coarse ? rate_from_below(source, length, most_beliefs) : 0.0;
  ConditionalEntropies result;
  double least = above.value.front();
  for (std::size_t t = 0; t < at(length); ++t) {
    // h_L never rises with L, though that given ever coarser pasts may.
    const bool walked = t < above.value.size();
    if (walked) least = std::min(least, above.value[t]);
    const double lower = walked ? std::max(above.value[t] - above.lost[t], rate) : rate;
    const double rounding = walked ? above.rounding[t] : above.rounding.back();
    result.value.push_back(least);
    result.error_bound.push_back(std::max(0.0, least - lower) + rounding);
  }
  return result;
}

EntropyRate entropy_rate(const HiddenMarkov& source, std::int64_t length,
                         std::int64_t most_beliefs) {
  const Walk above = walk_from_stationary(source, length, most_beliefs);
  const double upper = *std::min_element(above.value.begin(), above.value.end());
  return {rate_from_below(source, length, most_beliefs), upper + above.rounding.back()};
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
