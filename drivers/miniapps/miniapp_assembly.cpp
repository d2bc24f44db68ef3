// Assembly of a Gram matrix, measured: GFLOP/s of useful flops (n² · inner for the triangle and the
// features once) and their fraction of the dgemm rate of all ranks at once in the same process.
// With --check sampled entries are compared with a direct evaluation.

#include "dgemm_rate.hpp"
#include "dist/operations.hpp"
#include "gram/data_rows.hpp"
#include "gram/population.hpp"
#include "gram/random_features.hpp"
#include "miniapp_main.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace {

using namespace fathom;

struct Options {
  std::string kernel = "overlap", activation = "monomial", backend = "auto", csv;
  std::int64_t n = 2000, d = 0, v = 0, nb = 48, chunk = 0;
  int nprow = 0, npcol = 0, nruns = 3, degree = 2;
  double alpha = 1.5;
  std::uint64_t seed = 1;
  bool check = false, plant = false;
};

/// The matrix that is asked for, as a study would ask for it.
class Case {
 public:
  explicit Case(const Options& o)
      : o_(o),
        activation_(parse_activation(o.activation), o.degree),
        data_(power_law_rows(o.n, o.v, o.alpha, o.seed)),
        weights_(normal_weights(o.d, o.v, o.seed)),
        overlap_(power_law_weights(o.n, o.v, o.alpha, o.seed)) {}

  Assembly assemble(const ProcessGrid& grid) const {
    if (o_.backend == "pblas") return assemble_by_pblas(grid);
    AssemblyOptions options;
    options.movement = *parse_movement(o_.backend);
    options.chunk = o_.chunk;
    const PopulationSpec population{.features = o_.n,
                                    .dim = o_.v,
                                    .alpha = o_.alpha,
                                    .seed = o_.seed,
                                    .activation = activation_};
    if (o_.kernel == "overlap")
      return assemble_population_overlap(grid, o_.nb, population, options);
    if (o_.kernel == "population") return assemble_population(grid, o_.nb, population, options);
    const GramSide side = o_.kernel == "features" ? GramSide::gram : GramSide::covariance;
    return assemble_random_features(grid, o_.nb, {o_.d, o_.seed, activation_, side}, *data_,
                                    options);
  }

  /// K_ij from its definition, in long double up to the kernel's map; and the size that its error
  /// is relative to.
  std::array<double, 2> entry(std::int64_t i, std::int64_t j) const {
    if (o_.kernel == "overlap") return {dot(*overlap_, i, *overlap_, j), size(i, j)};
    if (o_.kernel == "population") {
      const PopulationMap map(activation_, {.scale = 1.0 / static_cast<double>(o_.n)});
      const auto value = [&](std::int64_t k, std::int64_t l) {
        return map.entry(dot(*overlap_, k, *overlap_, k), dot(*overlap_, l, *overlap_, l),
                         dot(*overlap_, k, *overlap_, l));
      };
      return {value(i, j), std::sqrt(value(i, i) * value(j, j))};
    }
    return feature_entry(i, j);
  }

 private:
  static std::vector<double> row(const DataRows& rows, std::int64_t i) {
    std::vector<double> x(static_cast<std::size_t>(rows.dim()));
    rows.make({&i, 1}, 0, {x.data(), rows.dim(), 1, rows.dim()});
    return x;
  }

  static double dot(const std::vector<double>& x, const std::vector<double>& y) {
    long double sum = 0;
    for (std::size_t k = 0; k < x.size(); ++k)
      sum += static_cast<long double>(x[k]) * y[k];
    return static_cast<double>(sum);
  }

  static double dot(const DataRows& a, std::int64_t i, const DataRows& b, std::int64_t j) {
    return dot(row(a, i), row(b, j));
  }

  double size(std::int64_t i, std::int64_t j) const {
    return std::sqrt(dot(*overlap_, i, *overlap_, i) * dot(*overlap_, j, *overlap_, j));
  }

  std::array<double, 2> feature_entry(std::int64_t i, std::int64_t j) const {
    const bool gram = o_.kernel == "features";
    const DataRows& items = gram ? *data_ : *weights_;
    const DataRows& inner = gram ? *weights_ : *data_;
    const std::vector<double> x = row(items, i), y = row(items, j);
    long double sum = 0, ii = 0, jj = 0;
    for (std::int64_t k = 0; k < inner.count(); ++k) {
      const std::vector<double> w = row(inner, k);
      const double f = activation_(dot(x, w)), g = activation_(dot(y, w));
      sum += static_cast<long double>(f) * g;
      ii += static_cast<long double>(f) * f;
      jj += static_cast<long double>(g) * g;
    }
    const auto scale = static_cast<long double>(o_.d);
    return {static_cast<double>(sum / scale), static_cast<double>(std::sqrt(ii * jj) / scale)};
  }

  /// The same by distributed factors and pdgemm, pdsyrk: what the assembly is compared with.
  Assembly assemble_by_pblas(const ProcessGrid& grid) const {
    const Timer timer;
    const auto filled = [&](const DataRows& rows) {
      DistMatrix x = DistMatrix::make(grid, rows.dim(), rows.count(), o_.nb, o_.nb);
      const auto cols = x.distribution().cols.global_indices(grid.mycol());
      const auto runs = x.distribution().rows.runs(grid.myrow());
      for (const auto& run : runs)
        rows.make(cols, run.global, x.local().block(run.local, 0, run.count, x.local_cols()));
      return x;
    };
    const bool covariance = o_.kernel == "features_covariance";
    const std::int64_t order = covariance ? o_.d : o_.n;
    Assembly out{{DistMatrix::make(grid, order, order, o_.nb, o_.nb)}, {}};
    const auto n = static_cast<double>(o_.n), v = static_cast<double>(o_.v);
    const auto d = static_cast<double>(o_.d);
    if (o_.kernel == "overlap") {
      rank_k_update(Op::transpose, 1.0, filled(*overlap_), 0.0, out.symmetric.matrix);
      out.report.useful_flops = n * n * v;
    } else {
      DistMatrix f = DistMatrix::make(grid, o_.n, o_.d, o_.nb, o_.nb);
      multiply(Op::transpose, Op::none, 1.0, filled(*data_), filled(*weights_), 0.0, f);
      for (std::int64_t j = 0; j < f.local_cols(); ++j)
        activation_.apply({f.local().col(j), static_cast<std::size_t>(f.local_rows())});
      rank_k_update(covariance ? Op::transpose : Op::none, 1.0 / d, f, 0.0, out.symmetric.matrix);
      out.report.useful_flops = n * d * static_cast<double>(order) + 2 * n * v * d;
    }
    mirror_lower(out.symmetric.matrix);
    out.report.reason = "pdgemm and pdsyrk of distributed factors";
    out.report.seconds.total = timer.seconds();
    return out;
  }

  const Options& o_;
  Activation activation_;
  std::unique_ptr<DataRows> data_, weights_, overlap_;
};

/// This rank's copy of an entry, or nullptr.
double* find(DistMatrix& k, std::int64_t i, std::int64_t j) {
  const Distribution& d = k.distribution();
  const GlobalIndex row(i), col(j);
  if (d.rows.owner(row) != k.grid().myrow() || d.cols.owner(col) != k.grid().mycol())
    return nullptr;
  return &k.local()(d.rows.local(row).value(), d.cols.local(col).value());
}

/// Largest error of sampled entries, both triangles and the diagonal, relative to √(K_ii K_jj).
/// Every sampled entry is evaluated by the rank that holds it.
double largest_error(const Case& c, DistMatrix& k, std::int64_t samples) {
  const std::int64_t n = k.rows();
  double largest = 0;
  for (std::int64_t s = 0; s < samples; ++s) {
    const std::int64_t i = s * 7919 % n, j = s % 4 == 0 ? i : (s * 104729 + 13) % n;
    if (const double* value = find(k, i, j)) {
      const auto [direct, size] = c.entry(i, j);
      const double error = std::abs(*value - direct) / size;
      largest = std::isnan(error) ? HUGE_VAL : std::max(largest, error);
    }
  }
  return k.grid().parent().max(largest);
}

struct Run {
  double seconds = 0, rate = 0, fraction = 0;
  AssemblyReport report;
};

double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  return x[x.size() / 2];
}

void print(const Options& o, const ProcessGrid& grid, const std::vector<Run>& runs,
           double dgemm_rate) {
  std::vector<double> seconds, rates, fractions;
  for (const Run& r : runs) {
    seconds.push_back(r.seconds);
    rates.push_back(r.rate * 1e-9);
    fractions.push_back(r.fraction);
  }
  const AssemblyReport& last = runs.back().report;
  const AssemblySeconds& s = last.seconds;
  fmt::print("{}, {}x{} grid, n = {}, d = {}, v = {}, nb = {}, chunk {}\n", o.kernel, grid.nprow(),
             grid.npcol(), o.n, o.d, o.v, o.nb, last.chunk);
  fmt::print("  {}\n", last.reason);
  fmt::print("  {:.3f} s, {:.1f} GFLOP/s, {:.1f} % of dgemm at once ({:.1f} GFLOP/s)\n",
             median(seconds), median(rates), 100 * median(fractions), dgemm_rate * 1e-9);
  fmt::print(
      "  rank 0 of the last run: signals {:.3f}, communication {:.3f}, products {:.3f}, map "
      "{:.3f}, "
      "mirror {:.3f} s\n",
      s.signals, s.communication, s.products, s.map, s.mirror);
  if (o.csv.empty()) return;
  std::ofstream file(o.csv, std::ios::app);
  if (file.tellp() == 0)
    file << "kernel,backend,n,d,v,nb,nprow,npcol,chunk,run,seconds,gflops,fraction,dgemm_gflops\n";
  for (std::size_t r = 0; r < runs.size(); ++r)
    file << fmt::format("{},{},{},{},{},{},{},{},{},{},{:.6f},{:.3f},{:.4f},{:.3f}\n", o.kernel,
                        o.backend, o.n, o.d, o.v, o.nb, grid.nprow(), grid.npcol(), last.chunk, r,
                        seconds[r], rates[r], fractions[r], dgemm_rate * 1e-9);
  if (!file) throw Error(ExitCode::io, "cannot write {}", o.csv);
}

int measure(const Options& o, const Communicator& world) {
  const GridShape shape = o.nprow > 0 && o.npcol > 0 ? GridShape{o.nprow, o.npcol}
                                                     : choose_grid(world.size(), o.n, o.nb);
  const ProcessGrid grid(world, shape);
  const Case assembly_case(o);
  DgemmRate dgemm;
  std::vector<Run> runs;
  double before = dgemm.measure(world), error = 0;
  for (int r = 0; r < o.nruns; ++r) {
    world.barrier();
    const Timer timer;
    Assembly made = assembly_case.assemble(grid);
    Run& run = runs.emplace_back();
    run.seconds = world.max(timer.seconds());
    const double after = dgemm.measure(world);
    run.rate = made.report.useful_flops / run.seconds;
    run.fraction = run.rate / (0.5 * (before + after));
    run.report = std::move(made.report);
    before = after;
    DistMatrix& k = made.symmetric.matrix;
    if (double* first = o.plant ? find(k, 0, 0) : nullptr) *first *= 1.0 + 1e-6;
    if (o.check) error = std::max(error, largest_error(assembly_case, k, 40));
  }
  if (world.root()) print(o, grid, runs, dgemm.median());
  if (!o.check) return 0;
  const bool right = error < 1e-11;
  if (world.root())
    fmt::print("  check: largest relative error of sampled entries {:.2g}: {}\n", error,
               right ? "PASS" : "FAIL");
  return static_cast<int>(right ? ExitCode::ok : ExitCode::certificate);
}

void declare(CLI::App& app, Options& o) {
  app.add_option("--kernel", o.kernel,
                 "overlap: S = F^T F, n x n; population: with the kernel's map; features: "
                 "f(XW), n x n; features_covariance: its covariance, n = d")
      ->check(CLI::IsMember({"overlap", "population", "features", "features_covariance"}));
  app.add_option("--n", o.n, "order of the matrix")->check(CLI::PositiveNumber);
  app.add_option("--d", o.d, "features (default n)");
  app.add_option("--v", o.v, "ambient dimension (default n)");
  app.add_option("--alpha", o.alpha);
  app.add_option("--activation", o.activation);
  app.add_option("--degree", o.degree)->check(CLI::Range(1, 8));
  app.add_option("--nb", o.nb, "block size")->check(CLI::PositiveNumber);
  app.add_option("--nprow", o.nprow);
  app.add_option("--npcol", o.npcol);
  app.add_option("--backend,--movement", o.backend, "how signals come to the blocks")
      ->check(CLI::IsMember({"auto", "in_place", "made_once", "pblas"}));
  app.add_option("--chunk", o.chunk, "inner indices at a time (default by memory)");
  app.add_option("--nruns", o.nruns)->check(CLI::PositiveNumber);
  app.add_option("--seed", o.seed);
  app.add_option("--csv", o.csv, "append a line a run to this file");
  app.add_flag("--check", o.check, "compare sampled entries with a direct evaluation");
  app.add_flag("--plant", o.plant, "make one entry wrong, which --check must find");
}

std::string complete(Options& o) {
  if (o.d == 0) o.d = o.n;
  if (o.v == 0) o.v = o.n;
  if (o.kernel == "population" && o.backend == "pblas")
    return "--backend pblas has no kernel map: use --kernel overlap";
  return "";
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  return run_miniapp(
      {.name = "miniapp_assembly",
       .about = "Assembly of a Gram matrix against the dgemm rate of all ranks",
       .declare = [&](CLI::App& app) { declare(app, options); },
       .complete = [&] { return complete(options); },
       .measure = [&](const Communicator& world) { return measure(options, world); }},
      argc, argv);
}
