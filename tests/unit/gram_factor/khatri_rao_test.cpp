// The Khatri–Rao factor against the closed form of the covariance, against Cholesky's factor of the
// moments of monomials, and its small eigenvalues, all in quadruple precision.

#include "gram/khatri_rao.hpp"

#include "base/random.hpp"
#include "gram/khatri_rao_rows.hpp"
#include "quad.hpp"

#include <cmath>
#include <map>
#include <numeric>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

/// √h_j w_j as doubles: dim × count.
std::vector<std::vector<double>> columns(std::int64_t dim, std::int64_t count, double alpha) {
  std::vector<std::vector<double>> g;
  for (std::int64_t i = 0; i < count; ++i) {
    std::vector<double> column;
    for (std::int64_t j = 0; j < dim; ++j)
      column.push_back(std::pow(static_cast<double>(j + 1), -alpha / 2) *
                       normal({7, Stream::test}, i, j));
    g.push_back(column);
  }
  return g;
}

Quad factorial(int n) {
  return tgammaq(Quad(n + 1));
}

Quad power(Quad x, int n) {
  Quad y = 1;
  for (; n > 0; --n)
    y *= x;
  return y;
}

/// E (g_i·z)^p (g_j·z)^p by its closed form.
QuadMatrix covariance(const std::vector<std::vector<double>>& g, int p) {
  const std::int64_t n = std::ssize(g);
  const auto dot = [&](std::int64_t i, std::int64_t j) {
    Quad sum = 0;
    for (std::size_t k = g[0].size(); k-- > 0;)
      sum += Quad(g[static_cast<std::size_t>(i)][k]) * Quad(g[static_cast<std::size_t>(j)][k]);
    return sum;
  };
  QuadMatrix k(n, n);
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < n; ++j) {
      const Quad a = dot(i, i), b = dot(j, j), s = dot(i, j);
      for (int q = p; q >= 0; q -= 2) {
        const int half = (p - q) / 2;
        k(i, j) += power(factorial(p) / (factorial(half) * power(2, half)), 2) / factorial(q) *
                   power(a * b, half) * power(s, q);
      }
    }
  return k;
}

QuadMatrix factor(const std::vector<std::vector<double>>& g, const MultisetList& list) {
  const auto dim = std::ssize(g[0]);
  const KhatriRaoMap map(dim, list.degree, *std::max_element(list.index.begin(), list.index.end()));
  KhatriRaoMap::Workspace workspace;
  QuadMatrix f(list.size(), std::ssize(g));
  for (std::int64_t i = 0; i < f.cols; i += KhatriRaoMap::lanes) {
    const std::int64_t width = std::min<std::int64_t>(KhatriRaoMap::lanes, f.cols - i);
    workspace.g.assign(g[0].size(), {});
    for (std::int64_t q = 0; q < width; ++q)
      for (std::size_t j = 0; j < g[0].size(); ++j)
        workspace.g[j][static_cast<std::size_t>(q)] = g[static_cast<std::size_t>(i + q)][j];
    map.prepare(workspace);
    for (std::int64_t r = 0; r < f.rows; ++r) {
      const auto entries = map.entries(list[r], workspace);
      for (std::int64_t q = 0; q < width; ++q)
        f(r, i + q) = entries[static_cast<std::size_t>(q)];
    }
  }
  return f;
}

double largest_relative(const std::vector<Quad>& values, const std::vector<Quad>& exact) {
  Quad worst = 0;
  for (std::size_t k = 0; k < exact.size(); ++k)
    worst = std::max(worst, fabsq(values[k] - exact[k]) / exact[k]);
  return static_cast<double>(worst);
}

TEST(KhatriRao, the_complete_factor_gives_the_covariance_at_every_degree) {
  for (const auto& [p, dim] : {std::pair(1, 9),
                               {2, 9},
                               {3, 7},
                               {4, 6},
                               {5, 5},
                               {6, 4},
                               {7, 4},
                               {8, 4},
                               {8, 1},
                               {2, 1},
                               {4, 2}}) {
    const auto g = columns(dim, 6, 1.5);
    const MultisetList list = list_multisets(dim, p, std::pow(dim, p), 1.5);
    ASSERT_EQ(static_cast<double>(list.size()), multiset_count(dim, p));

    const QuadMatrix made = quad_gram(factor(g, list)), exact = covariance(g, p);

    for (std::int64_t i = 0; i < 6; ++i)
      for (std::int64_t j = 0; j < 6; ++j)
        EXPECT_LT(fabsq(made(i, j) - exact(i, j)), Quad(2e-15) * sqrtq(exact(i, i) * exact(j, j)))
            << fmt::format("p {} dim {} entry {} {}", p, dim, i, j);
  }
}

/// The moments E z^{m+m'} of Gaussian monomials; 0 unless all exponents are even.
Quad moment(std::span<const std::int32_t> a, std::span<const std::int32_t> b) {
  std::map<std::int32_t, int> exponent;
  for (const auto& m : {a, b})
    for (const std::int32_t j : m)
      ++exponent[j];
  Quad product = 1;
  for (const auto& [j, e] : exponent) {
    if (e % 2 == 1) return 0;
    for (int k = e - 1; k > 1; k -= 2)
      product *= k;
  }
  return product;
}

TEST(KhatriRao, every_entry_is_that_of_cholesky_to_its_own_relative_accuracy) {
  for (const auto& [p, dim] : {std::pair(2, 12), {3, 8}, {4, 6}, {5, 5}, {6, 4}, {8, 3}}) {
    const auto g = columns(dim, 3, 3.0);
    MultisetList list = list_multisets(dim, p, std::pow(dim, p), 3.0);
    std::vector<std::int64_t> order(static_cast<std::size_t>(list.size()));
    std::iota(order.begin(), order.end(), 0);
    const auto product = [&](std::int64_t r) {
      double x = 1;
      for (const std::int32_t j : list[r])
        x *= j;
      return x;
    };
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int64_t a, std::int64_t b) { return product(a) < product(b); });
    const std::int64_t n = list.size();
    QuadMatrix m(n, n), monomials(n, 3);
    for (std::int64_t a = 0; a < n; ++a) {
      for (std::int64_t b = 0; b < n; ++b)
        m(a, b) = moment(list[order[static_cast<std::size_t>(a)]],
                         list[order[static_cast<std::size_t>(b)]]);
      std::map<std::int32_t, int> exponent;
      for (const std::int32_t j : list[order[static_cast<std::size_t>(a)]])
        ++exponent[j];
      for (std::int64_t i = 0; i < 3; ++i) {
        Quad x = factorial(p);
        for (const auto& [j, e] : exponent)
          x *= power(g[static_cast<std::size_t>(i)][static_cast<std::size_t>(j - 1)], e) /
               factorial(e);
        monomials(a, i) = x;
      }
    }
    const QuadMatrix l = quad_cholesky(m), f = factor(g, list);
    for (std::int64_t a = 0; a < n; ++a)
      for (std::int64_t i = 0; i < 3; ++i) {
        Quad exact = 0;
        for (std::int64_t b = a; b < n; ++b)
          exact += l(b, a) * monomials(b, i);
        const Quad made = f(order[static_cast<std::size_t>(a)], i);
        EXPECT_LT(fabsq(made - exact), Quad((5 * p + 12) * 0x1p-53) * fabsq(exact))
            << fmt::format("p {} row {} column {}", p, a, i);
      }
  }
}

TEST(KhatriRao, long_ranges_without_a_step_are_crossed) {
  // Rows with wide gaps between coordinates, against the product of all matrices one by one: the
  // Gram matrix of the complete factor over 40 coordinates.
  const auto g = columns(40, 3, 0.4);
  const QuadMatrix made = quad_gram(factor(g, list_multisets(40, 3, 64000, 0.4)));
  const QuadMatrix exact = covariance(g, 3);
  for (std::int64_t i = 0; i < 3; ++i)
    for (std::int64_t j = 0; j < 3; ++j)
      EXPECT_LT(fabsq(made(i, j) - exact(i, j)), Quad(4e-15) * sqrtq(exact(i, i) * exact(j, j)));
}

TEST(KhatriRao, rows_above_the_cut_are_listed_once_each_by_falling_size) {
  for (const auto& [p, dim, cut] :
       {std::tuple(1, 10, 7.0), {2, 30, 100.0}, {3, 12, 200.0}, {4, 9, 64.0}, {2, 30, 1.0}}) {
    const MultisetList list = list_multisets(dim, p, cut, 2.0);
    std::int64_t expected = 0;
    for (std::int64_t code = 0; code < std::llround(std::pow(dim, p)); ++code) {
      std::int64_t rest = code, last = 0;
      double product = 1;
      bool rising = true;
      for (int k = 0; k < p; ++k, rest /= dim) {
        rising = rising && rest % dim >= last;
        last = rest % dim;
        product *= static_cast<double>(last + 1);
      }
      expected += rising && product <= cut;
    }
    EXPECT_EQ(list.size(), expected);
    EXPECT_EQ(count_multisets(dim, p, cut, 1000000), expected);
    double before = HUGE_VAL;
    for (std::int64_t r = 0; r < list.size(); ++r) {
      double size = KhatriRaoMap::weight(list[r]);
      for (const std::int32_t j : list[r])
        size *= std::pow(j, -2.0);
      EXPECT_LE(size, before * (1 + 1e-12));
      before = size;
    }
  }
}

TEST(KhatriRao, counting_stops_at_its_limit) {
  EXPECT_LT(count_multisets(1 << 30, 4, 1e15, 1000), std::int64_t{1} << 31);
}

TEST(KhatriRao, small_eigenvalues_keep_their_digits) {
  for (const auto& [p, n, alpha] : {std::tuple(2, 70, 16.0), {3, 24, 12.0}, {4, 16, 12.0}}) {
    const std::int64_t dim = 4 * n;
    const auto g = columns(dim, n, alpha);
    const double cut = std::pow(1e36, 1 / alpha);
    const auto exact = quad_eigenvalues(covariance(g, p));
    const auto made = quad_eigenvalues(quad_gram(factor(g, list_multisets(dim, p, cut, alpha))));
    EXPECT_LT(static_cast<double>(exact.back() / exact.front()), 1e-17) << p;
    EXPECT_LT(largest_relative(made, exact), 1e-8) << fmt::format(
        "p {}, n {}, smallest {:.2g}", p, n, static_cast<double>(exact.back() / exact.front()));
  }
}

TEST(KhatriRao, the_hermite_basis_would_lose_them) {
  // p = 2: rows |g|², √2 g_j², 2 g_j g_k, each rounded to double: as accurate row by row, but the
  // first one hides the others.
  const std::int64_t n = 40, dim = 80;
  const auto g = columns(dim, n, 16.0);
  QuadMatrix f(1 + dim * (dim + 1) / 2, n);
  for (std::int64_t i = 0; i < n; ++i) {
    std::int64_t row = 1;
    for (std::size_t j = 0; j < g[0].size(); ++j) {
      const auto& column = g[static_cast<std::size_t>(i)];
      f(0, i) = static_cast<double>(f(0, i) + Quad(column[j]) * column[j]);
      for (std::size_t k = 0; k <= j; ++k)
        f(row++, i) = (j == k ? std::sqrt(2.0) : 2.0) * column[j] * column[k];
    }
  }
  EXPECT_GT(largest_relative(quad_eigenvalues(quad_gram(f)), quad_eigenvalues(covariance(g, 2))),
            1e-8);
}

TEST(KhatriRao, what_is_left_out_is_positive_and_below_its_bound) {
  for (const auto& [p, dim, alpha, cut] :
       {std::tuple(2, 30, 2.0, 40.0), {2, 30, 6.0, 9.0}, {3, 14, 3.0, 60.0}, {4, 8, 4.0, 24.0}}) {
    const auto g = columns(dim, 5, alpha);
    const QuadMatrix kept = quad_gram(factor(g, list_multisets(dim, p, cut, alpha)));
    QuadMatrix rest = covariance(g, p);
    const TailBound bound(dim, p, cut, alpha);
    for (std::int64_t i = 0; i < 5; ++i) {
      for (std::int64_t j = 0; j < 5; ++j)
        rest(i, j) -= kept(i, j);
      const double left = static_cast<double>(rest(i, i));
      EXPECT_LE(left, bound.column(g[static_cast<std::size_t>(i)])) << p;
      EXPECT_GT(left, 1e-4 * bound.column(g[static_cast<std::size_t>(i)])) << p;
      // A bound for a cut twice as deep is none: the check can fail.
      EXPECT_GT(left, TailBound(dim, p, 1e3 * cut, alpha).column(g[static_cast<std::size_t>(i)]));
    }
    const auto values = quad_eigenvalues(rest);
    EXPECT_GT(static_cast<double>(values.back() / values.front()), -1e-12) << p;
  }
}

TEST(KhatriRao, the_expected_bound_is_the_mean_of_the_bound) {
  const std::int64_t dim = 50;
  const auto g = columns(dim, 4000, 3.0);
  for (const int p : {2, 3}) {
    const TailBound bound(dim, p, 500, 3.0);
    double sum = 0;
    for (const auto& column : g)
      sum += bound.column(column);
    EXPECT_NEAR(ExpectedTail(dim, p, 3.0)(500) / (sum / 4000), 1.0, 0.35);
  }
}

}  // namespace
}  // namespace fathom
