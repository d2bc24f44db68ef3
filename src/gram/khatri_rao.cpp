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

using Lanes = KhatriRaoMap::Lanes;

Lanes constant(double value) {
  Lanes x;
  x.fill(value);
  return x;
}

Lanes times(const Lanes& x, const Lanes& y) {
  Lanes z;
  for (std::size_t l = 0; l < z.size(); ++l)
    z[l] = x[l] * y[l];
  return z;
}

/// sum ← sum + a x y
void add(double a, const Lanes& x, const Lanes& y, Lanes& sum) {
  for (std::size_t l = 0; l < sum.size(); ++l)
    sum[l] += a * (x[l] * y[l]);
}

}  // namespace

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

std::int64_t KhatriRaoMap::workspace_bytes() const {
  std::int64_t values = dim_ + (dim_ + 1) * states(degree_);
  for (int n = 2; n < degree_; ++n)
    values += level_.back() * states(n) * states(n);
  return values * static_cast<std::int64_t>(sizeof(Lanes));
}

void KhatriRaoMap::prepare(Workspace& workspace) const {
  FATHOM_ASSERT(std::ssize(workspace.g) == dim_, "{} of {} coordinates", workspace.g.size(), dim_);
  const int top_states = states(degree_);
  workspace.top.resize(size((dim_ + 1) * top_states));
  Lanes* next = workspace.top.data() + dim_ * top_states;
  for (int s = 0; s < top_states; ++s)
    next[s].fill(s == 0 ? 1.0 : 0.0);
  const Steps& none = steps(0, degree_);
  for (std::int64_t j = dim_; j >= 1; --j) {
    Lanes* here = next - top_states;
    const double* tau = none.at(j);
    const Lanes t = times(workspace.g[size(j - 1)], workspace.g[size(j - 1)]);
    for (int out = 0; out < top_states; ++out) {
      Lanes sum{}, power = constant(1);
      for (int in = out; in >= 0; --in, power = times(power, t))
        add(tau[in * top_states + out], next[in], power, sum);
      here[out] = sum;
    }
    next = here;
  }
  workspace.range.resize(size(degree_));
  for (int n = 2; n < degree_; ++n)
    prepare_range(workspace.g, n, workspace.range[size(n)]);
}

/// Upper triangular products over aligned blocks of coordinates, the highest coordinate first.
void KhatriRaoMap::prepare_range(std::span<const Lanes> g, int n, std::vector<Lanes>& table) const {
  const int count = states(n), square = count * count;
  table.assign(size(level_.back() * square), Lanes{});
  const Steps& none = steps(0, n);
  for (std::int64_t j = 1; j <= largest_; ++j) {
    const double* tau = none.at(j);
    Lanes* to = table.data() + (j - 1) * square;
    const Lanes t = times(g[size(j - 1)], g[size(j - 1)]);
    Lanes power = constant(1);
    for (int rise = 0; rise < count; ++rise, power = times(power, t))
      for (int in = 0; in + rise < count; ++in)
        add(tau[in * count + in + rise], power, constant(1), to[in * count + in + rise]);
  }
  for (std::size_t level = 1; level + 1 < level_.size(); ++level) {
    const Lanes* from = table.data() + level_[level - 1] * square;
    Lanes* to = table.data() + level_[level] * square;
    for (std::int64_t b = 0; b < level_[level + 1] - level_[level]; ++b, to += square) {
      const Lanes *low = from + 2 * b * square, *high = low + square;
      for (int i = 0; i < count; ++i)
        for (int k = i; k < count; ++k)
          for (int j = k; j < count; ++j)
            add(1, high[i * count + k], low[k * count + j], to[i * count + j]);
    }
  }
}

/// state ← state · matrices of coordinates high, high − 1 … low.
void KhatriRaoMap::cross(Lanes* state, int n, std::int64_t low, std::int64_t high,
                         const std::vector<Lanes>& table) const {
  const int count = states(n), square = count * count;
  while (high >= low) {
    std::size_t level = 0;
    // The largest aligned block that ends at `high` and does not pass `low`.
    while (level + 2 < level_.size() && high % (std::int64_t{2} << level) == 0 &&
           high - (std::int64_t{2} << level) + 1 >= low)
      ++level;
    const std::int64_t length = std::int64_t{1} << level;
    const Lanes* matrix = table.data() + (level_[level] + high / length - 1) * square;
    for (int out = count - 1; out >= 0; --out) {
      Lanes sum{};
      for (int in = 0; in <= out; ++in)
        add(1, state[in], matrix[in * count + out], sum);
      state[out] = sum;
    }
    high -= length;
  }
}

KhatriRaoMap::Lanes KhatriRaoMap::entries(std::span<const std::int32_t> m,
                                          const Workspace& workspace) const {
  std::array<Lanes, most_states> state, next;
  int n = degree_;
  std::copy_n(workspace.top.data() + std::int64_t{m[0]} * states(n), states(n), state.data());
  for (std::size_t k = 0;;) {
    const std::int64_t j = m[k];
    int steps_here = 0;
    for (; k < m.size() && m[k] == j; ++k)
      ++steps_here;
    const Steps& step = steps(steps_here, n - steps_here);
    const double* tau = step.at(j);
    const Lanes& g = workspace.g[size(j - 1)];
    const Lanes t = times(g, g);
    // Powers of g from the smallest one: exponent = steps_here + 2 (out − in) ≥ 0.
    for (int out = 0; out < step.states_out; ++out)
      next[size(out)] = Lanes{};
    Lanes power = steps_here % 2 == 0 ? constant(1) : g;
    for (int exponent = steps_here % 2; exponent <= n; exponent += 2, power = times(power, t)) {
      const int rise = (exponent - steps_here) / 2;  // out − in
      for (int in = std::max(0, -rise); in < step.states_in && in + rise < step.states_out; ++in)
        if (exponent <= n - 2 * in)
          add(tau[in * step.states_out + in + rise], state[size(in)], power, next[size(in + rise)]);
    }
    std::copy_n(next.data(), step.states_out, state.data());
    n -= steps_here;
    if (n == 0) return state[0];
    if (n > 1) cross(state.data(), n, m[k] + 1, j - 1, workspace.range[size(n)]);
  }
}

}  // namespace fathom
