// Whether the stated intervals of stochastic Lanczos quadrature hold what they promise: many seeds
// on spectra that are known. FATHOM_DENSITY_SEEDS sets their number, FATHOM_DENSITY_CSV names a
// file for the table.

#include "eigen/lanczos.hpp"
#include "eigen/lanczos_quadrature.hpp"
#include "known_operators.hpp"
#include "spectral/density.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <numeric>

#include <gtest/gtest.h>

using namespace fathom;
using namespace fathom::testing_eigen;

namespace {

constexpr std::int64_t probes = 8;
constexpr int steps = 40;

struct Spectrum {
  std::string name;
  std::vector<double> lambda;  ///< descending
  double exponent = std::nan("");

  std::size_t rank() const {
    return static_cast<std::size_t>(
        std::count_if(lambda.begin(), lambda.end(), [](double x) { return x > 0; }));
  }
};

/// Quantiles of the Marchenko–Pastur law of aspect ratio 1/2, by summing its density.
std::vector<double> marchenko_pastur_quantiles(std::int64_t n) {
  const double low = std::pow(1 - std::sqrt(0.5), 2), high = std::pow(1 + std::sqrt(0.5), 2);
  const int cells = 200000;
  std::vector<double> lambda;
  double above = 0;
  for (int i = 0; i < cells; ++i) {
    const double x = high - (i + 0.5) * (high - low) / cells;
    above += std::sqrt((high - x) * (x - low)) / (std::numbers::pi * x) * (high - low) / cells;
    while (std::ssize(lambda) < n &&
           above > (static_cast<double>(lambda.size()) + 0.5) / static_cast<double>(n))
      lambda.push_back(x);
  }
  while (std::ssize(lambda) < n)
    lambda.push_back(low);
  return lambda;
}

std::vector<Spectrum> spectra(std::int64_t n) {
  std::vector<double> low_rank = power_law_spectrum(n / 2, 1.5);
  low_rank.resize(static_cast<std::size_t>(4 * n), 0.0);
  return {{"j^-1.5", power_law_spectrum(n, 1.5), 1.5},
          {"j^-2", power_law_spectrum(n, 2.0), 2.0},
          {"marchenko_pastur", marchenko_pastur_quantiles(n)},
          {"rank_n/8_j^-1.5", low_rank, 1.5}};
}

DensityEstimate estimate(const Spectrum& s, std::uint64_t seed, DensityOptions options) {
  const std::int64_t n = std::ssize(s.lambda);
  const std::vector<double> start = gaussian_starts(n, probes, seed);
  const LanczosResult result = lanczos(Communicator::world(), DiagonalOperator(s.lambda),
                                       {start.data(), n, probes, n}, {.steps = steps});
  std::vector<ProbeQuadratures> quadratures;
  for (const Tridiagonal& t : result.probe) {
    ProbeQuadratures q{gauss_quadrature(t), radau_quadrature(t, 0.0), {}};
    for (const double threshold : options.threshold)
      q.at_threshold.push_back(radau_quadrature(t, threshold));
    quadratures.push_back(std::move(q));
  }
  return estimate_density(n, n, result.resolved, quadratures, options);
}

/// One row of the table.
struct Coverage {
  double truth = 0;
  int seeds = 0, inside = 0, inside_half = 0, inside_double = 0, exact = 0, resolved = 0;
  double value = 0, error = 0, resolution = 0;

  void add(const Estimate& e) {
    ++seeds;
    if (e.standard_error == 0) ++exact;
    if (2.1 * e.standard_error >= e.resolution) ++resolved;
    const double tolerance = 1e-9 * std::abs(truth), half = 0.5 * (e.high - e.low);
    const double middle = 0.5 * (e.high + e.low), off = std::abs(truth - middle);
    inside += off <= half + tolerance;
    inside_half += off <= 0.5 * half + tolerance;
    inside_double += off <= 2 * half + tolerance;
    value += e.value, error += e.standard_error, resolution += e.resolution;
  }
  /// Random, and not limited by the quadrature.
  bool judged() const { return exact < seeds / 20 && resolved > seeds / 2; }
};

struct Table {
  std::string spectrum;
  std::map<std::pair<std::string, double>, Coverage> row;
};

Table cover(const Spectrum& s, int seeds) {
  const std::size_t n = s.rank();
  DensityOptions options;
  for (const std::size_t j : {3u, 10u, 25u, 40u, 70u, 120u, 200u, 300u, 400u})
    if (j < n) options.threshold.push_back(std::sqrt(s.lambda[j - 1] * s.lambda[j]));
  // The exponent's own, dense ones.
  const std::size_t counted = options.threshold.size();
  for (int i = 0; i < 20; ++i)
    options.threshold.push_back(s.lambda[9] * std::pow(s.lambda[n / 4] / s.lambda[9], i / 19.0));
  for (int decade = 1; decade <= 4; ++decade)
    options.lambda.push_back(s.lambda[0] * std::pow(10.0, -decade));

  Table table{s.name, {}};
  const auto exact = [&](const std::string& what, double at, auto&& f) -> Coverage& {
    Coverage& c = table.row[{what, at}];
    c.truth = 0;
    for (auto x = s.lambda.rbegin(); x != s.lambda.rend(); ++x)
      c.truth += f(*x);
    return c;
  };
  for (int seed = 1; seed <= seeds; ++seed) {
    const DensityEstimate d = estimate(s, static_cast<std::uint64_t>(seed), options);
    exact("trace", 0, [](double x) { return x; }).add(d.trace);
    exact("frobenius_squared", 0, [](double x) { return x * x; }).add(d.frobenius_squared);
    for (std::size_t i = 0; i < options.lambda.size(); ++i)
      exact("effective_dimension", options.lambda[i], [&](double x) {
        return x / (x + options.lambda[i]);
      }).add(d.effective_dimension[i]);
    for (std::size_t g = 0; g < counted; ++g)
      exact("count", options.threshold[g], [&](double x) {
        return x > options.threshold[g] ? 1.0 : 0.0;
      }).add(d.count[g]);
    if (std::isnan(s.exponent)) continue;
    Coverage& c = table.row[{"exponent", 0}];
    c.truth = s.exponent;
    c.add(d.exponent);
  }
  return table;
}

void print(const Table& table, std::FILE* out) {
  for (const auto& [key, c] : table.row) {
    const double seeds = c.seeds;
    std::fprintf(out, "%s,%s,%.6g,%.9g,%d,%.4f,%.9g,%.6g,%.6g,%.6g,%s\n", table.spectrum.c_str(),
                 key.first.c_str(), key.second, c.truth, c.seeds, c.inside / seeds, c.value / seeds,
                 c.error / seeds, c.resolution / seeds, c.value / seeds - c.truth,
                 c.exact == c.seeds ? "exact" : (c.judged() ? "random" : "quadrature"));
  }
}

/// Shares of the judged rows: stated intervals, half as wide, twice as wide.
struct Shares {
  double stated = 0, half = 0, twice = 0, least = 1, most = 0;
};
Shares shares(const Table& table) {
  Shares s;
  double all = 0;
  for (const auto& [key, c] : table.row) {
    if (!c.judged()) continue;
    all += c.seeds;
    s.stated += c.inside, s.half += c.inside_half, s.twice += c.inside_double;
    s.least = std::min(s.least, c.inside / static_cast<double>(c.seeds));
    s.most = std::max(s.most, c.inside / static_cast<double>(c.seeds));
  }
  s.stated /= all, s.half /= all, s.twice /= all;
  return s;
}

int seeds_asked_for() {
  const char* text = std::getenv("FATHOM_DENSITY_SEEDS");
  return text ? std::max(10, std::atoi(text)) : 30;
}

}  // namespace

TEST(DensityCoverage, StatedIntervalsHoldAndNarrowerOrWiderOnesWouldNot) {
  const int seeds = seeds_asked_for();
  const char* path = std::getenv("FATHOM_DENSITY_CSV");
  std::FILE* file = path && Communicator::world().root() ? std::fopen(path, "w") : nullptr;
  const char* header =
      "spectrum,quantity,parameter,truth,seeds,coverage,mean_value,mean_standard_error,"
      "mean_resolution,bias,kind\n";
  if (file) std::fputs(header, file);
  for (const Spectrum& s : spectra(500)) {
    const Table table = cover(s, seeds);
    if (file) print(table, file);
    if (Communicator::world().root() && !file) print(table, stdout);
    const Shares share = shares(table);
    // Two hundred seeds decide between 90 and 99 %; few can only tell what is far off.
    const bool many = seeds >= 200;
    EXPECT_GE(share.least, many ? 0.90 : 0.75) << s.name;
    EXPECT_LE(share.most, many ? 0.99 : 1.0) << s.name;
    EXPECT_GE(share.stated, 0.90) << s.name;
    EXPECT_LT(share.half, 0.85) << s.name;
    EXPECT_GT(share.twice, 0.99) << s.name;
    for (const auto& [key, c] : table.row)
      EXPECT_EQ(c.exact == c.seeds ? c.inside : c.seeds, c.seeds) << s.name << " " << key.first;
  }
  if (file) std::fclose(file);
}
