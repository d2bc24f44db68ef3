// The empirical tangent kernel of a fully connected network, measured: assembly from signals
// against explicit Jacobian rows, one backward pass an output, and K = JJᵀ (dsyrk; pdsyrk on
// several ranks), with the same BLAS in one run. The explicit Jacobian is held; where that of n
// samples takes more than 4 GiB, or with --explicit-n, fewer samples are taken and the two parts
// are scaled up, rows by n and the product by n². With --check the two kernels are compared.

#include "dgemm_rate.hpp"
#include "dist/operations.hpp"
#include "gram/empirical_ntk.hpp"
#include "miniapp_main.hpp"
#include "networks/mlp.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace {

using namespace fathom;

constexpr std::int64_t explicit_bytes = std::int64_t{1} << 32;

struct Options {
  std::string kind = "all", activation = "relu", movement = "auto";
  std::int64_t n = 2000, input = 64, width = 512, depth = 3, classes = 3, nb = 48, chunk = 0;
  std::int64_t explicit_n = 0;
  int nprow = 0, npcol = 0, nruns = 3;
  std::uint64_t seed = 1;
  bool check = false, plant = false, no_explicit = false;
};

NtkKind kind_of(const Options& o) {
  if (o.kind == "trace") return NtkKind::trace_kernel;
  return o.kind == "sum" ? NtkKind::sum_of_outputs : NtkKind::all_outputs;
}

/// The network at its initial parameters, on samples of the sphere.
class Case {
 public:
  explicit Case(const Options& o)
      : o_(o),
        network_(make_mlp<double>(
            {.input = o.input,
             .hidden = std::vector<std::int64_t>(static_cast<std::size_t>(o.depth), o.width),
             .classes = o.classes,
             .activation = parse_activation(o.activation),
             .parametrisation = Parametrisation::ntk,
             .weight_variance = 2,
             .bias_variance = 0.1})),
        parameters_(initial_parameters(*network_, o.seed)) {}

  const Network<double>& network() const { return *network_; }
  std::span<const double> parameters() const { return parameters_; }
  EmpiricalNtk ntk(const NetworkInputs& samples) const {
    return {*network_, parameters_, samples, every_output(*network_), kind_of(o_)};
  }

 private:
  const Options& o_;
  std::unique_ptr<Network<double>> network_;
  std::vector<double> parameters_;
};

/// Seconds of an explicit assembly, and its kernel.
struct Explicit {
  double rows = 0, product = 0;
  std::int64_t n = 0;
  std::unique_ptr<DistMatrix> kernel;
  double scaled(std::int64_t n_wanted) const {
    const double ratio = static_cast<double>(n_wanted) / static_cast<double>(n);
    return ratio * rows + ratio * ratio * product;
  }
};

/// Rows of J by backward passes with one output's unit vector, kept whole on the rank whose columns
/// they are (1 × P grid), then Jᵀ's columns times each other.
class ExplicitKernel {
 public:
  ExplicitKernel(const Options& o, const Case& c, const Communicator& world)
      : o_(o), c_(c), world_(world), grid_(world, {1, world.size()}) {}

  Explicit assemble(std::int64_t n) const {
    Explicit out;
    out.n = n;
    const auto rows = sphere_rows(n, o_.input, o_.seed);
    const auto samples = made_samples(*rows);
    const EmpiricalNtk ntk = c_.ntk(*samples);
    const std::int64_t order = ntk.order();
    const std::int64_t stacked = ntk.factor_rows();
    const std::int64_t block = (n + world_.size() - 1) / world_.size() * ntk.rows_a_sample();
    DistMatrix jt = DistMatrix::make(grid_, stacked, order, stacked, block);
    const Timer timer;
    world_.agree([&] { fill(jt, ntk); });
    world_.barrier();
    out.rows = timer.seconds();
    out.kernel = std::make_unique<DistMatrix>(DistMatrix::make(grid_, order, order, block, block));
    const Timer product;
    if (world_.size() == 1)
      blas::syrk(Triangle::lower, Op::transpose, 1.0, jt.local(), 0.0, out.kernel->local());
    else
      rank_k_update(Op::transpose, 1.0, jt, 0.0, *out.kernel);
    mirror_lower(*out.kernel);
    world_.barrier();
    out.product = product.seconds();
    return out;
  }

 private:
  void fill(DistMatrix& jt, const EmpiricalNtk& ntk) const {
    const std::int64_t parameters = c_.network().parameters(), classes = c_.network().classes();
    jt.fill(0.0);
    const double scale =
        ntk.kind == NtkKind::trace_kernel ? 1 / std::sqrt(static_cast<double>(classes)) : 1.0;
    std::vector<double> g(static_cast<std::size_t>(classes));
    for (std::int64_t j = 0; j < jt.local_cols(); j += ntk.rows_a_sample()) {
      const std::int64_t sample = jt.global_col(LocalIndex(j)).value() / ntk.rows_a_sample();
      const InputBatch one(ntk.samples, {&sample, 1});
      const auto pass = c_.network().forward(c_.parameters(), one.batch());
      for (std::int64_t c = 0; c < classes; ++c) {
        std::fill(g.begin(), g.end(), 0.0);
        g[static_cast<std::size_t>(c)] = scale;
        double* column = jt.local().col(ntk.kind == NtkKind::all_outputs ? j + c : j);
        if (ntk.kind == NtkKind::trace_kernel) column += parameters * c;
        pass->backward({g.data(), classes, 1, classes},
                       {column, static_cast<std::size_t>(parameters)});
      }
    }
  }

  const Options& o_;
  const Case& c_;
  const Communicator& world_;
  ProcessGrid grid_;
};

struct Run {
  double seconds = 0, rate = 0, fraction = 0;
  AssemblyReport report;
};

double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  return x[x.size() / 2];
}

/// The largest difference of the kernels, relative to the largest element.
double difference(const DistMatrix& k, const DistMatrix& of_rows, bool plant) {
  DistMatrix other = DistMatrix::make(k.grid(), k.rows(), k.cols(), k.mb(), k.nb());
  redistribute(of_rows, other);
  const double largest = max_abs(other);
  for (std::int64_t j = 0; j < other.local_cols(); ++j)
    for (std::int64_t i = 0; i < other.local_rows(); ++i)
      other.local()(i, j) -= k.local()(i, j);
  if (plant && other.local_rows() > 0 && other.local_cols() > 0)
    other.local()(0, 0) += 1e-6 * largest;
  const double error = max_abs(other) / largest;
  return std::isnan(error) ? HUGE_VAL : error;
}

double print(const Options& o, const Case& c, const ProcessGrid& grid, const std::vector<Run>& runs,
             double dgemm_rate) {
  std::vector<double> seconds, rates, fractions;
  for (const Run& r : runs) {
    seconds.push_back(r.seconds);
    rates.push_back(r.rate * 1e-9);
    fractions.push_back(r.fraction);
  }
  if (!grid.parent().root()) return median(seconds);
  const AssemblyReport& last = runs.back().report;
  const AssemblySeconds& s = last.seconds;
  fmt::print("{}, n = {}, {}x{} grid, nb = {}\n  {}\n  {}\n", c.network().description(), o.n,
             grid.nprow(), grid.npcol(), o.nb, last.normalization, last.reason);
  fmt::print(
      "  from signals: {:.3f} s, {:.4g} useful GFLOP, {:.1f} GFLOP/s, {:.1f} % of dgemm at once "
      "({:.1f} GFLOP/s)\n",
      median(seconds), last.useful_flops * 1e-9, median(rates), 100 * median(fractions),
      dgemm_rate * 1e-9);
  fmt::print(
      "  rank 0 of the last run: signals {:.3f}, communication {:.3f}, products {:.3f}, mirror "
      "{:.3f} s; {:.4g} GFLOP in products over all ranks\n",
      s.signals, s.communication, s.products, s.mirror, last.product_flops * 1e-9);
  return median(seconds);
}

int measure(const Options& o, const Communicator& world) {
  const Case c(o);
  const auto rows = sphere_rows(o.n, o.input, o.seed);
  const auto samples = made_samples(*rows);
  const EmpiricalNtk ntk = c.ntk(*samples);
  const GridShape shape = o.nprow > 0 && o.npcol > 0 ? GridShape{o.nprow, o.npcol}
                                                     : choose_grid(world.size(), ntk.order(), o.nb);
  const ProcessGrid grid(world, shape);
  const AssemblyOptions options{*parse_movement(o.movement), o.chunk, {}};
  DgemmRate dgemm;
  std::vector<Run> runs;
  double before = dgemm.measure(world);
  for (int r = 0; r < o.nruns; ++r) {
    world.barrier();
    const Timer timer;
    Assembly made = assemble_empirical_ntk(grid, o.nb, ntk, options);
    Run& run = runs.emplace_back();
    run.seconds = world.max(timer.seconds());
    const double after = dgemm.measure(world);
    run.rate = made.report.useful_flops / run.seconds;
    run.fraction = run.rate / (0.5 * (before + after));
    run.report = std::move(made.report);
    before = after;
  }
  const double seconds = print(o, c, grid, runs, dgemm.median());
  if (o.no_explicit) return 0;

  const std::int64_t sample_bytes = 8 * ntk.factor_rows() * ntk.rows_a_sample();
  const std::int64_t fits = std::max<std::int64_t>(1, explicit_bytes / sample_bytes);
  const std::int64_t n = std::min(o.n, o.explicit_n > 0 ? o.explicit_n : fits);
  const Explicit by_rows = ExplicitKernel(o, c, world).assemble(n);
  const double scaled = by_rows.scaled(o.n);
  if (world.root())
    fmt::print("  explicit, n = {}: Jacobian rows {:.3f} s, J J^T {:.3f} s{}\n  ratio {:.1f}\n", n,
               by_rows.rows, by_rows.product,
               n < o.n ? fmt::format("; {:.1f} s at n = {} (rows x {:.3g}, product x {:.4g})",
                                     scaled, o.n, static_cast<double>(o.n) / static_cast<double>(n),
                                     std::pow(static_cast<double>(o.n) / static_cast<double>(n), 2))
                       : fmt::format(", {:.1f} s", scaled),
               scaled / seconds);
  if (!o.check) return 0;
  const auto fewer_rows = sphere_rows(n, o.input, o.seed);
  const auto fewer = made_samples(*fewer_rows);
  const Assembly made = assemble_empirical_ntk(grid, o.nb, c.ntk(*fewer), options);
  const double error = difference(made.symmetric.matrix, *by_rows.kernel, o.plant);
  const bool right = error < 1e-12;
  if (world.root())
    fmt::print("  check: largest difference {:.2g} of the largest element: {}\n", error,
               right ? "PASS" : "FAIL");
  return static_cast<int>(right ? ExitCode::ok : ExitCode::certificate);
}

void declare(CLI::App& app, Options& o) {
  app.add_option("--kind", o.kind, "all outputs, the trace kernel, the sum of outputs")
      ->check(CLI::IsMember({"all", "trace", "sum"}));
  app.add_option("--n", o.n, "samples")->check(CLI::PositiveNumber);
  app.add_option("--input", o.input, "features of a sample")->check(CLI::PositiveNumber);
  app.add_option("--width", o.width, "of hidden layers")->check(CLI::PositiveNumber);
  app.add_option("--depth", o.depth, "hidden layers")->check(CLI::NonNegativeNumber);
  app.add_option("--classes", o.classes, "outputs of a sample")->check(CLI::PositiveNumber);
  app.add_option("--activation", o.activation);
  app.add_option("--nb", o.nb, "block size")->check(CLI::PositiveNumber);
  app.add_option("--nprow", o.nprow);
  app.add_option("--npcol", o.npcol);
  app.add_option("--movement", o.movement, "how signals come to the blocks")
      ->check(CLI::IsMember({"auto", "in_place", "made_once"}));
  app.add_option("--chunk", o.chunk, "rows at a time (default by memory)");
  app.add_option("--nruns", o.nruns)->check(CLI::PositiveNumber);
  app.add_option("--seed", o.seed);
  app.add_option("--explicit-n", o.explicit_n,
                 "samples of the explicit assembly, whose Jacobian is held (default n, or as 4 GiB "
                 "allow)");
  app.add_flag("--no-explicit", o.no_explicit, "the assembly from signals alone");
  app.add_flag("--check", o.check, "compare the two kernels");
  app.add_flag("--plant", o.plant, "make one entry wrong, which --check must find");
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  return run_miniapp(
      {.name = "miniapp_entk",
       .about = "The empirical tangent kernel from signals against explicit Jacobian rows",
       .declare = [&](CLI::App& app) { declare(app, options); },
       .measure = [&](const Communicator& world) { return measure(options, world); }},
      argc, argv);
}
