#include "spectral/chaos.hpp"

#include "base/assert.hpp"

#include <cmath>
#include <queue>
#include <utility>

namespace fathom {

namespace {

/// A multiset of eigenvalues of H: 0-based indices in falling order, trailing zeros left out.
/// Its children raise the last nonzero index, or the first zero one, by one; its only parent lowers
/// the last nonzero index. So each multiset is reached once, from one that is not smaller.
struct Candidate {
  double value;
  std::uint32_t term;
  std::vector<std::uint32_t> index;

  bool operator<(const Candidate& other) const { return value < other.value; }
};

/// Multiplied in one fixed order of positions, so that rounding keeps parent ≥ child.
double product(const ChaosTerm& term, std::span<const double> spectrum,
               std::span<const std::uint32_t> index) {
  double value = term.weight;
  for (int position = 0; position < term.order; ++position)
    value *= spectrum[static_cast<std::size_t>(position) < index.size() ? index[position] : 0];
  return value;
}

/// tr H = Σ_{j≤v} j^-alpha, from the smallest term.
double trace_of_power_law(std::int64_t dim, double alpha) {
  double sum = 0.0;
  for (std::int64_t j = dim; j >= 1; --j)
    sum += std::pow(static_cast<double>(j), -alpha);
  return sum;
}

}  // namespace

std::vector<ChaosTerm> monomial_chaos(int degree, double trace) {
  FATHOM_ASSERT(degree >= 1 && degree <= 16 && trace > 0.0, "degree = {}, trace = {}", degree,
                trace);
  std::vector<ChaosTerm> terms;
  for (int order = degree; order >= 0; order -= 2) {
    const int pairs = (degree - order) / 2;
    const double root = std::tgamma(degree + 1.0) / (std::tgamma(pairs + 1.0) * std::exp2(pairs));
    terms.push_back({order, root * root * std::pow(trace, degree - order)});
  }
  return terms;
}

std::vector<double> chaos_comparator(std::span<const ChaosTerm> terms,
                                     std::span<const double> spectrum, std::int64_t count) {
  std::priority_queue<Candidate> heap;
  const auto offer = [&](std::uint32_t term, std::vector<std::uint32_t> index) {
    const double value = product(terms[term], spectrum, index);
    FATHOM_ASSERT(value >= 0.0, "a chaos eigenvalue of order {} is {}", terms[term].order, value);
    if (value > 0.0) heap.push({value, term, std::move(index)});
  };
  for (std::uint32_t term = 0; term < terms.size(); ++term)
    if (terms[term].order == 0 || !spectrum.empty()) offer(term, {});

  std::vector<double> result(static_cast<std::size_t>(count), 0.0);
  for (double& value : result) {
    if (heap.empty()) break;
    Candidate top = heap.top();
    heap.pop();
    value = top.value;
    const std::size_t length = top.index.size();
    if (length < static_cast<std::size_t>(terms[top.term].order) && spectrum.size() > 1) {
      std::vector<std::uint32_t> longer = top.index;
      longer.push_back(1);
      offer(top.term, std::move(longer));
    }
    if (length == 0) continue;
    const std::uint32_t raised = top.index.back() + 1;
    if (raised < spectrum.size() && (length == 1 || raised <= top.index[length - 2])) {
      top.index.back() = raised;
      offer(top.term, std::move(top.index));
    }
  }
  return result;
}

std::vector<double> chaos_comparator(int degree, double alpha, std::int64_t dim,
                                     std::int64_t count) {
  std::vector<double> spectrum(static_cast<std::size_t>(dim));
  for (std::int64_t j = 1; j <= dim; ++j)
    spectrum[j - 1] = std::pow(static_cast<double>(j), -alpha);
  return chaos_comparator(monomial_chaos(degree, trace_of_power_law(dim, alpha)), spectrum, count);
}

}  // namespace fathom
