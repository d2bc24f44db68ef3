// The empirical tangent kernel of a fully connected network, measured: assembly from signals
// against explicit Jacobian rows, one forward and one backward pass an output of each sample, and
// K = JJᵀ by half of it (dsyrk, n²·N flops; pdsyrk on several ranks), with the same BLAS in one
// run. The explicit Jacobian is held; where that of n samples takes more than 4 GiB, or with
// --explicit-n, fewer samples are taken and the two parts are scaled up, rows by n and the product
// by n². Both sides include first touch of their memory. With --check the two kernels are compared.

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

/// A part of an assembly: flops over all ranks (0: it has none), and the rate of dgemm about it.
struct Phase {
  std::string name;
  double seconds = 0, flops = 0, dgemm = 0;

  double fraction() const { return seconds > 0 ? flops / seconds / dgemm : 0; }
  /// What it takes of dgemm's time: free of what else the machine does, where that lasts.
  double dgemm_flops() const { return seconds * dgemm; }
};

/// An explicit assembly and its kernel.
struct Explicit {
  Phase rows{.name = "Jacobian rows"}, product{.name = "J J^T"};
  std::int64_t n = 0;
  std::unique_ptr<DistMatrix> kernel;

  /// A measure of both phases, for n_wanted samples.
  template <class Measure>
  double scaled(std::int64_t n_wanted, const Measure& measure) const {
    const double ratio = static_cast<double>(n_wanted) / static_cast<double>(n);
    return ratio * measure(rows) + ratio * ratio * measure(product);
  }
};

/// Rows of J by backward passes with one output's unit vector, kept whole on the rank whose columns
/// they are (1 × P grid), then Jᵀ's columns times each other.
class ExplicitKernel {
 public:
  ExplicitKernel(const Options& o, const Case& c, const Communicator& world)
      : o_(o), c_(c), world_(world), grid_(world, {1, world.size()}) {}

  Explicit assemble(std::int64_t n, DgemmRate& dgemm) const {
    Explicit out;
    out.n = n;
    const auto rows = sphere_rows(n, o_.input, o_.seed);
    const auto samples = made_samples(*rows);
    const EmpiricalNtk ntk = c_.ntk(*samples);
    const std::int64_t order = ntk.order();
    const std::int64_t stacked = ntk.factor_rows();
    const std::int64_t block = (n + world_.size() - 1) / world_.size() * ntk.rows_a_sample();
    DistMatrix jt = DistMatrix::make(grid_, stacked, order, stacked, block);
    const double before = dgemm.measure(world_);
    const Timer timer;
    world_.agree([&] { fill(jt, ntk); });
    world_.barrier();
    out.rows.seconds = timer.seconds();
    const double between = dgemm.measure(world_);
    out.kernel = std::make_unique<DistMatrix>(DistMatrix::make(grid_, order, order, block, block));
    const Timer product;
    if (world_.size() == 1)
      blas::syrk(Triangle::lower, Op::transpose, 1.0, jt.local(), 0.0, out.kernel->local());
    else
      rank_k_update(Op::transpose, 1.0, jt, 0.0, *out.kernel);
    mirror_lower(*out.kernel);
    world_.barrier();
    out.product.seconds = product.seconds();
    const double after = dgemm.measure(world_);
    out.rows.flops = static_cast<double>(n) * sample_flops();
    out.product.flops =
        static_cast<double>(order) * static_cast<double>(order) * static_cast<double>(stacked);
    out.rows.dgemm = 0.5 * (before + between);
    out.product.dgemm = 0.5 * (between + after);
    out.product.name = world_.size() == 1 ? "J J^T (dsyrk)" : "J J^T (pdsyrk)";
    return out;
  }

 private:
  /// Forward and, for each output, back through the layers with the gradients of their weights.
  double sample_flops() const {
    const Network<double>& network = c_.network();
    return network.forward_flops() + static_cast<double>(network.classes()) *
                                         (network.signal_flops() + network.forward_flops());
  }

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

/// An assembly from signals: phases as rank 0 saw them, and all of it last.
using Run = std::vector<Phase>;

Run phases(const AssemblyReport& report, double seconds, double dgemm) {
  const AssemblySeconds& s = report.seconds;
  const double rest = seconds - s.signals - s.communication - s.products - s.mirror;
  return {{"signals", s.signals, report.signal_flops, dgemm},
          {"communication", s.communication, 0, dgemm},
          {"products", s.products, report.product_flops, dgemm},
          {"mirror", s.mirror, 0, dgemm},
          {"the rest", rest, 0, dgemm},
          {"from signals (useful)", seconds, report.useful_flops, dgemm}};
}

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

void print_row(const std::string& name, double seconds, double flops, double fraction) {
  fmt::print("  {:<22}{:>9.3f}", name, seconds);
  if (flops > 0)
    fmt::print("{:>11.4g}{:>10.1f}{:>11.1f}", flops * 1e-9, flops * 1e-9 / seconds, 100 * fraction);
  fmt::print("\n");
}

/// Medians over the runs, phase by phase. Returns those of all phases together.
Phase print(const std::vector<Run>& runs, bool root) {
  Phase all;
  if (root)
    fmt::print("  {:<22}{:>9}{:>11}{:>10}{:>11}\n", "medians, rank 0", "s", "GFLOP", "GFLOP/s",
               "% of dgemm");
  for (std::size_t k = 0; k < runs.front().size(); ++k) {
    std::vector<double> seconds, fractions, dgemm_flops;
    for (const Run& run : runs) {
      seconds.push_back(run[k].seconds);
      fractions.push_back(run[k].fraction());
      dgemm_flops.push_back(run[k].dgemm_flops());
    }
    all = runs.front()[k];
    all.seconds = median(seconds);
    all.dgemm = median(dgemm_flops) / all.seconds;
    if (root) print_row(all.name, all.seconds, all.flops, median(fractions));
  }
  return all;
}

void print(const Options& o, const Explicit& by_rows, const Phase& structured) {
  const auto seconds = [](const Phase& p) { return p.seconds; };
  const auto flops = [](const Phase& p) { return p.flops; };
  const auto dgemm_flops = [](const Phase& p) { return p.dgemm_flops(); };
  for (const Phase* p : {&by_rows.rows, &by_rows.product})
    print_row(p->name, p->seconds, p->flops, p->fraction());
  const double ratio = static_cast<double>(o.n) / static_cast<double>(by_rows.n);
  fmt::print("  explicit side measured at n = {}", by_rows.n);
  if (by_rows.n < o.n)
    fmt::print("; {:.1f} s at n = {} (rows x {:.3g}, product x {:.4g})",
               by_rows.scaled(o.n, seconds), o.n, ratio, ratio * ratio);
  fmt::print(
      "\n  ratio {:.1f}; {:.1f} in units of dgemm's time beside each; {:.1f} of the product alone; "
      "{:.1f} of flops\n",
      by_rows.scaled(o.n, seconds) / structured.seconds,
      by_rows.scaled(o.n, dgemm_flops) / structured.dgemm_flops(),
      ratio * ratio * by_rows.product.seconds / structured.seconds,
      by_rows.scaled(o.n, flops) / structured.flops);
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
  AssemblyReport report;
  double before = dgemm.measure(world);
  for (int r = 0; r < o.nruns; ++r) {
    world.barrier();
    const Timer timer;
    Assembly made = assemble_empirical_ntk(grid, o.nb, ntk, options);
    const double seconds = world.max(timer.seconds());
    const double after = dgemm.measure(world);
    runs.push_back(phases(made.report, seconds, 0.5 * (before + after)));
    report = std::move(made.report);
    before = after;
  }
  if (world.root())
    fmt::print("{}, n = {}, {}x{} grid, nb = {}\n  {}\n  {}\n  dgemm at once {:.1f} GFLOP/s\n",
               c.network().description(), o.n, grid.nprow(), grid.npcol(), o.nb,
               report.normalization, report.reason, dgemm.median() * 1e-9);
  const Phase structured = print(runs, world.root());
  if (o.no_explicit) return 0;

  const std::int64_t sample_bytes = 8 * ntk.factor_rows() * ntk.rows_a_sample();
  const std::int64_t fits = std::max<std::int64_t>(1, explicit_bytes / sample_bytes);
  const std::int64_t n = std::min(o.n, o.explicit_n > 0 ? o.explicit_n : fits);
  const Explicit by_rows = ExplicitKernel(o, c, world).assemble(n, dgemm);
  if (world.root()) print(o, by_rows, structured);
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
