#include "gram/khatri_rao.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace fathom {
namespace {

constexpr int most_states = 5;  // ⌊8/2⌋ + 1

std::size_t size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

long double double_factorial(int n) {
  long double product = 1;
  for (; n > 1; n -= 2)
    product *= n;
  return product;
}

long double binomial(int n, int k) {
  long double value = 1;
  for (int i = 1; i <= k; ++i)
    value = value * (n - k + i) / i;
  return value;
}

/// Π_{t<count} (first + 2t)
long double rising_by_two(long double first, int count) {
  long double product = 1;
  for (int t = 0; t < count; ++t)
    product *= first + 2 * t;
  return product;
}

/// The Gaussian moments of A_j q, q homogeneous of degree `below` over coordinates under j, j ≥ 1.
struct StepMoments {
  int m, below;
  long double j;
  std::array<long double, most_states> beta{};  // A_j = Σ_l beta_l z^{m−2l} r_j^{2l}
  long double leading = 0;                      // coefficient of z^m over (z, r_{j−1})

  StepMoments(int m_, int below_, std::int64_t j_)
      : m(m_), below(below_), j(static_cast<long double>(j_)) {
    const long double lambda = below + j / 2;
    for (int l = 0; 2 * l <= m; ++l) {
      long double b = l % 2 == 0 ? 1 : -1;
      for (int t = 0; t < m - l; ++t)
        b *= lambda + t;
      for (int t = 1; t <= l; ++t)
        b /= t;
      for (int t = 1; t <= m - 2 * l; ++t)
        b *= 2.0L / t;
      beta[size(l)] = b;
      leading += b;
    }
  }
  /// E[A q φ z^{m+2c}] / E[qφ] for φ of degree below − 2c.
  long double moment(int c) const {
    long double sum = 0;
    for (int l = 0; 2 * l <= m; ++l)
      sum += beta[size(l)] * double_factorial(2 * m + 2 * c - 2 * l - 1) *
             rising_by_two(2 * m + 2 * below - 2 * l + j, l);
    return sum;
  }
  /// √(E[(Aq)²]/E[q²])
  long double norm() const { return std::sqrt(leading * moment(0)); }

  /// τ(s, s') of the normalised A_j.
  long double tau(int s, int s_out) const {
    const int n = m + below, k = m + 2 * (s_out - s);
    if (k < 0 || k > n - 2 * s) return 0;
    long double sum = 0;
    for (int a = std::max(0, s - s_out); a <= s; ++a) {
      const int c = s_out - s + a;
      const long double radial = rising_by_two(2 * below - 2 * c + j - 1, c);
      if (radial > 0) sum += binomial(s, a) * moment(c) / radial;
    }
    return binomial(n - 2 * s, k) * sum / norm();
  }
};

int states(int n) {
  return n / 2 + 1;
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
  return static_cast<double>(double_factorial(2 * degree - 1)) * std::pow(product, -(alpha - beta));
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

KhatriRaoMap::KhatriRaoMap(std::int64_t dim, int degree, std::int64_t largest_index)
    : dim_(dim), largest_(largest_index), degree_(degree) {
  FATHOM_ASSERT(degree >= 1 && degree <= 8 && largest_index >= 1 && largest_index <= dim,
                "degree {}, coordinates to {} of {}", degree, largest_index, dim);
  for (int m = 0; m <= degree; ++m)
    for (int below = 0; below <= degree - m; ++below)
      steps_.push_back(make_steps(
          m == 0 && below == degree ? dim : (m == 0 && below < 2 ? 0 : largest_index), m, below));
  // Blocks of 1, 2, 4 … coordinates, level after level.
  level_.push_back(0);
  for (std::int64_t blocks = largest_; blocks >= 1; blocks /= 2)
    level_.push_back(level_.back() + blocks);
}

KhatriRaoMap::Steps KhatriRaoMap::make_steps(std::int64_t count, int m, int below) {
  Steps made{states(m + below), states(below), {}};
  made.tau.reserve(size(count * made.states_in * made.states_out));
  for (std::int64_t j = 1; j <= count; ++j) {
    const StepMoments moments(m, below, j);
    for (int s = 0; s < made.states_in; ++s)
      for (int t = 0; t < made.states_out; ++t)
        made.tau.push_back(static_cast<double>(moments.tau(s, t)));
  }
  return made;
}

const KhatriRaoMap::Steps& KhatriRaoMap::steps(int m, int below) const {
  // As the constructor pushed them: degree + 1 − i of each m = i before this one.
  return steps_[size(m * (degree_ + 1) - m * (m - 1) / 2 + below)];
}

double KhatriRaoMap::weight(std::span<const std::int32_t> m) {
  double product = 1;
  int below = static_cast<int>(std::ssize(m));
  for (std::size_t k = 0; k < m.size();) {
    std::size_t end = k;
    while (end < m.size() && m[end] == m[k])
      ++end;
    const int times = static_cast<int>(end - k);
    below -= times;
    const double tau = static_cast<double>(StepMoments(times, below, m[k]).tau(0, 0));
    product *= tau * tau * static_cast<double>(double_factorial(2 * times - 1));
    k = end;
  }
  return product;
}

void KhatriRaoMap::prepare(std::span<const double> g, Workspace& workspace) const {
  FATHOM_ASSERT(std::ssize(g) == dim_, "{} of {} coordinates", g.size(), dim_);
  const int top_states = states(degree_);
  workspace.top.assign(size((dim_ + 1) * top_states), 0.0);
  double* next = workspace.top.data() + dim_ * top_states;
  next[0] = 1;
  const Steps& none = steps(0, degree_);
  for (std::int64_t j = dim_; j >= 1; --j) {
    double* here = next - top_states;
    const double* tau = none.at(j);
    const double t = g[size(j - 1)] * g[size(j - 1)];
    for (int out = 0; out < top_states; ++out) {
      double sum = 0, power = 1;
      for (int in = out; in >= 0; --in, power *= t)
        sum += next[in] * tau[in * top_states + out] * power;
      here[out] = sum;
    }
    next = here;
  }
  workspace.power.resize(size(largest_ * (degree_ + 1)));
  double* power = workspace.power.data();
  for (std::int64_t j = 0; j < largest_; ++j) {
    *power++ = 1;
    for (int k = 1; k <= degree_; ++k, ++power)
      *power = power[-1] * g[size(j)];
  }
  workspace.range.resize(size(degree_));
  for (int n = 2; n < degree_; ++n)
    prepare_range(g, n, workspace.range[size(n)]);
}

/// Upper triangular products over aligned blocks of coordinates, the highest coordinate first.
void KhatriRaoMap::prepare_range(std::span<const double> g, int n,
                                 std::vector<double>& table) const {
  const int count = states(n), square = count * count;
  table.assign(size(level_.back() * square), 0.0);
  const Steps& none = steps(0, n);
  for (std::int64_t j = 1; j <= largest_; ++j) {
    const double* tau = none.at(j);
    double* to = table.data() + (j - 1) * square;
    const double t = g[size(j - 1)] * g[size(j - 1)];
    for (int in = 0; in < count; ++in) {
      double power = 1;
      for (int out = in; out < count; ++out, power *= t)
        to[in * count + out] = tau[in * count + out] * power;
    }
  }
  for (std::size_t level = 1; level + 1 < level_.size(); ++level) {
    const double* from = table.data() + level_[level - 1] * square;
    double* to = table.data() + level_[level] * square;
    for (std::int64_t b = 0; b < level_[level + 1] - level_[level]; ++b, to += square) {
      const double *low = from + 2 * b * square, *high = low + square;
      for (int i = 0; i < count; ++i)
        for (int k = i; k < count; ++k)
          for (int j = k; j < count; ++j)
            to[i * count + j] += high[i * count + k] * low[k * count + j];
    }
  }
}

/// state ← state · matrices of coordinates high, high − 1 … low.
void KhatriRaoMap::cross(double* state, int n, std::int64_t low, std::int64_t high,
                         const std::vector<double>& table) const {
  const int count = states(n), square = count * count;
  while (high >= low) {
    std::size_t level = 0;
    // The largest aligned block that ends at `high` and does not pass `low`.
    while (level + 2 < level_.size() && high % (std::int64_t{2} << level) == 0 &&
           high - (std::int64_t{2} << level) + 1 >= low)
      ++level;
    const std::int64_t length = std::int64_t{1} << level;
    const double* matrix = table.data() + (level_[level] + high / length - 1) * square;
    for (int out = count - 1; out >= 0; --out) {
      double sum = 0;
      for (int in = 0; in <= out; ++in)
        sum += state[in] * matrix[in * count + out];
      state[out] = sum;
    }
    high -= length;
  }
}

double KhatriRaoMap::entry(std::span<const std::int32_t> m, const Workspace& workspace) const {
  std::array<double, most_states> state{}, next{};
  int n = degree_;
  std::copy_n(workspace.top.data() + std::int64_t{m[0]} * states(n), states(n), state.data());
  for (std::size_t k = 0;;) {
    const std::int64_t j = m[k];
    int times = 0;
    for (; k < m.size() && m[k] == j; ++k)
      ++times;
    const Steps& step = steps(times, n - times);
    const double* tau = step.at(j);
    const double* power = workspace.power.data() + (j - 1) * (degree_ + 1);
    for (int out = 0; out < step.states_out; ++out) {
      double sum = 0;
      for (int in = 0; in < step.states_in; ++in) {
        const int exponent = times + 2 * (out - in);
        if (exponent >= 0 && exponent <= n - 2 * in)
          sum += state[size(in)] * tau[in * step.states_out + out] * power[exponent];
      }
      next[size(out)] = sum;
    }
    state = next;
    n -= times;
    if (n == 0) return state[0];
    if (n > 1) cross(state.data(), n, m[k] + 1, j - 1, workspace.range[size(n)]);
  }
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
        moment[size(k)] += static_cast<double>(binomial(k - 1, i - 1)) *
                           std::ldexp(std::tgamma(i), i - 1) * cumulant[size(i)] *
                           moment[size(k - i)];
    moment_.push_back(moment[size(degree)]);
  }
}

double ExpectedTail::operator()(double product) const {
  double least = HUGE_VAL;
  for (std::size_t b = 0; b < beta_.size(); ++b)
    least = std::min(least, tail_factor(degree_, product, alpha_, beta_[b]) * moment_[b]);
  return least;
}

TailBound::TailBound(std::int64_t dim, int degree, double product, double alpha) : degree_(degree) {
  for (const double beta : tail_exponents(alpha)) {
    factor_.push_back(tail_factor(degree, product, alpha, beta));
    for (std::int64_t j = 1; j <= dim; ++j)
      power_.push_back(std::pow(static_cast<double>(j), alpha - beta));
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
