#include "gram/khatri_rao_rows.hpp"

#include "gram/khatri_rao.hpp"

#include <algorithm>
#include <cmath>

namespace fathom {
namespace {

std::size_t size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

double odd_factorial(int n) {
  double product = 1;
  for (; n > 1; n -= 2)
    product *= n;
  return product;
}

double binomial(int n, int k) {
  double value = 1;
  for (int i = 1; i <= k; ++i)
    value = value * (n - k + i) / i;
  return std::round(value);
}

/// Runs over every multiset with coordinates ≥ least and a product ≤ limit·rest: visits the first
/// p − 1 of them, rising, with the number of choices of the last one.
template <class Visit>
bool visit_prefixes(std::int64_t dim, int degree, std::int64_t least, double rest,
                    std::vector<std::int32_t>& prefix, const Visit& visit) {
  // Coordinates rise: all that are left are at least `least`.
  if (degree == 1) {
    const auto last = static_cast<std::int64_t>(std::min(static_cast<double>(dim), rest));
    return last < least || visit(least, last);
  }
  for (std::int64_t j = least; j <= dim; ++j) {
    if (std::pow(static_cast<double>(j), degree) > rest * (1 + 1e-12)) break;
    prefix.push_back(static_cast<std::int32_t>(j));
    const bool go_on = visit_prefixes(dim, degree - 1, j,
                                      rest / static_cast<double>(j) * (1 + 1e-15), prefix, visit);
    prefix.pop_back();
    if (!go_on) return false;
  }
  return true;
}

/// θ at which the tail is bounded: h^{1−θ} = j^−β for these β.
std::vector<double> tail_exponents(double alpha) {
  std::vector<double> betas;
  for (const double beta :
       {0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.15, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0, 12.0})
    if (beta < alpha) betas.push_back(beta);
  return betas;
}

double tail_factor(int degree, double product, double alpha, double beta) {
  return odd_factorial(2 * degree - 1) * std::pow(product, -(alpha - beta));
}

}  // namespace

double multiset_count(std::int64_t dim, int degree) {
  double count = 1;
  for (int k = 1; k <= degree; ++k)
    count *= static_cast<double>(dim + k - 1) / k;
  return std::round(count);
}

std::int64_t count_multisets(std::int64_t dim, int degree, double product, std::int64_t limit) {
  std::int64_t count = 0;
  std::vector<std::int32_t> prefix;
  visit_prefixes(dim, degree, 1, product, prefix, [&](std::int64_t first, std::int64_t last) {
    count += last - first + 1;
    return count <= limit;
  });
  return count;
}

MultisetList list_multisets(std::int64_t dim, int degree, double product, double alpha) {
  MultisetList rising{degree, {}};
  std::vector<std::int32_t> prefix;
  visit_prefixes(dim, degree, 1, product, prefix, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t j = last; j >= first; --j) {
      rising.index.push_back(static_cast<std::int32_t>(j));
      rising.index.insert(rising.index.end(), prefix.rbegin(), prefix.rend());
    }
    return true;
  });
  struct Key {
    double size;
    std::int64_t row;
  };
  std::vector<Key> keys;
  for (std::int64_t r = 0; r < rising.size(); ++r) {
    double logarithm = 0;
    for (const std::int32_t j : rising[r])
      logarithm += std::log(static_cast<double>(j));
    keys.push_back({std::log(KhatriRaoMap::weight(rising[r])) - alpha * logarithm, r});
  }
  std::stable_sort(keys.begin(), keys.end(),
                   [](const Key& a, const Key& b) { return a.size > b.size; });
  MultisetList sorted{degree, {}};
  sorted.index.reserve(rising.index.size());
  for (const Key& key : keys) {
    const auto m = rising[key.row];
    sorted.index.insert(sorted.index.end(), m.begin(), m.end());
  }
  return sorted;
}

ExpectedTail::ExpectedTail(std::int64_t dim, int degree, double alpha)
    : degree_(degree), alpha_(alpha), beta_(tail_exponents(alpha)) {
  for (const double beta : beta_) {
    // From the cumulants of Σ_j j^−β χ²_1: 2^{k−1} (k−1)! Σ_j j^{−kβ}.
    std::vector<double> cumulant(size(degree + 1), 0.0), moment(size(degree + 1), 0.0);
    for (std::int64_t j = dim; j >= 1; --j) {
      const double h = std::pow(static_cast<double>(j), -beta);
      double power = h;
      for (int k = 1; k <= degree; ++k, power *= h)
        cumulant[size(k)] += power;
    }
    moment[0] = 1;
    for (int k = 1; k <= degree; ++k)
      for (int i = 1; i <= k; ++i)
        moment[size(k)] += binomial(k - 1, i - 1) * std::ldexp(std::tgamma(i), i - 1) *
                           cumulant[size(i)] * moment[size(k - i)];
    moment_.push_back(moment[size(degree)]);
  }
}

double ExpectedTail::at(std::size_t b, double product) const {
  return tail_factor(degree_, product, alpha_, beta_[b]) * moment_[b];
}

std::size_t ExpectedTail::best(double product) const {
  std::size_t best = 0;
  for (std::size_t b = 1; b < beta_.size(); ++b)
    if (at(b, product) < at(best, product)) best = b;
  return best;
}

double ExpectedTail::operator()(double product) const {
  return beta_.empty() ? HUGE_VAL : at(best(product), product);
}

TailBound::TailBound(std::int64_t dim, int degree, double product, double alpha) : degree_(degree) {
  // Of all θ the one that is best on average, and its neighbours.
  const ExpectedTail expected(dim, degree, alpha);
  const std::vector<double> betas = tail_exponents(alpha);
  const auto best = static_cast<std::int64_t>(expected.best(product));
  for (std::int64_t b = std::max<std::int64_t>(0, best - 1);
       b <= std::min(best + 1, std::ssize(betas) - 1); ++b) {
    factor_.push_back(tail_factor(degree, product, alpha, betas[size(b)]));
    for (std::int64_t j = 1; j <= dim; ++j)
      power_.push_back(std::pow(static_cast<double>(j), alpha - betas[size(b)]));
  }
}

double TailBound::column(std::span<const double> g) const {
  constexpr double rounding = 1 + 1e-9;
  double least = HUGE_VAL;
  const double* power = power_.data();
  for (const double factor : factor_) {
    double sum = 0;
    for (std::size_t j = g.size(); j-- > 0;)
      sum += power[j] * g[j] * g[j];
    power += g.size();
    least = std::min(least, factor * std::pow(sum, degree_));
  }
  return least * rounding;
}

}  // namespace fathom
