#include "run/calibration.hpp"

#include "base/random.hpp"
#include "base/timer.hpp"
#include "bindings/blas.hpp"
#include "dist/operations.hpp"
#include "eigen/eigensolver.hpp"
#include "gram/population.hpp"
#include "store/memory.hpp"
#include "store/posix_file.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include <unistd.h>

namespace fathom {
namespace {

std::size_t size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

/// The median of three readings.
template <class Reading>
double median_of_three(Reading&& reading) {
  std::array<double, 3> seconds{reading(), reading(), reading()};
  std::sort(seconds.begin(), seconds.end());
  return seconds[1];
}

/// Local.
double dgemm_rate() {
  constexpr std::int64_t order = 1200;
  const std::vector<double> a(size(order * order), 0.5), b(a.size(), 0.25);
  std::vector<double> c(a.size());
  const double flops = 2.0 * order * order * order;
  const auto once = [&] {
    const Timer timer;
    blas::gemm(Op::transpose, Op::none, 1.0, {a.data(), order, order, order},
               {b.data(), order, order, order}, 0.0, {c.data(), order, order, order});
    return timer.seconds();
  };
  once();  // wakes threads and pages
  return flops / median_of_three(once);
}

double normals_rate() {
  constexpr std::int64_t rows = 4096, cols = 512;
  std::vector<double> values(size(rows * cols));
  std::vector<std::int64_t> items(size(cols));
  std::iota(items.begin(), items.end(), 0);
  return static_cast<double>(rows * cols) / median_of_three([&] {
           const Timer timer;
           fill_normal({1, Stream::test}, items, 0, {values.data(), rows, cols, rows});
           return timer.seconds();
         });
}

/// Bytes read and written by a copy of what no cache holds.
double memory_rate() {
  const std::vector<double> from(size(std::int64_t{1} << 24), 1.0);
  std::vector<double> to(from.size());
  return 16.0 * static_cast<double>(from.size()) / median_of_three([&] {
           const Timer timer;
           std::copy(from.begin(), from.end(), to.begin());
           return timer.seconds();
         });
}

/// Bytes that a rank receives in a sum over all.
double exchange_rate(const Communicator& comm) {
  std::vector<double> values(size(std::int64_t{1} << 21), 1.0);
  const double received =
      2.0 * 8 * static_cast<double>(values.size()) * (comm.size() - 1) / comm.size();
  return received / comm.max(median_of_three([&] {
    comm.barrier();
    const Timer timer;
    comm.sum(values);
    return timer.seconds();
  }));
}

/// Of one writer, to the disk. Local.
double write_rate(const CalibrationOptions& options) {
  const std::filesystem::path file = options.folder / fmt::format(".fathom-calibrate.{}", getpid());
  const std::string panel(size(std::int64_t{16} << 20), '\x5a');
  const std::int64_t panels = std::max<std::int64_t>(1, options.write_bytes / std::ssize(panel));
  double seconds = 0;
  try {
    PosixFile out = PosixFile::open(file, PosixFile::Mode::write_new);
    const Timer timer;
    for (std::int64_t k = 0; k < panels; ++k)
      out.write_all(panel);
    out.sync();
    seconds = timer.seconds();
    out.close();
  } catch (...) {
    unlink(file.c_str());
    throw;
  }
  unlink(file.c_str());
  return static_cast<double>(panels * std::ssize(panel)) / seconds;
}

/// A matrix whose spectrum falls as those of kernels do: how soon a solver with vectors is done
/// depends on that.
DistMatrix kernel_matrix(const ProcessGrid& grid, std::int64_t n, std::int64_t block) {
  const PopulationSpec spec{.features = n,
                            .dim = n,
                            .alpha = 1.5,
                            .seed = 1,
                            .activation = Activation(ActivationKind::linear, 1)};
  return std::move(assemble_population(grid, block, spec, {}).symmetric.matrix);
}

double solve_once(const Communicator& comm, Backend backend, bool vectors, std::int64_t n) {
  const SolverPlan plan =
      plan_solver({.count = 0, .vectors = vectors, .backend = backend}, n, comm.size());
  const ProcessGrid grid(comm, plan.grid);
  DistMatrix a = kernel_matrix(grid, n, plan.block);
  return Eigensolver(plan.backend)
      .solve(a, SymmetricFill::full, {.count = 0, .vectors = vectors, .backend = backend})
      .seconds;
}

double distributed_rate(const Communicator& comm, std::int64_t n) {
  const ProcessGrid grid(comm, choose_grid(comm.size(), n, 64));
  const DistMatrix a = kernel_matrix(grid, n, 64);
  DistMatrix c = DistMatrix::make(grid, n, n, 64, 64);
  const auto order = static_cast<double>(n);
  const double seconds = comm.max(median_of_three([&] {
    comm.barrier();
    const Timer timer;
    multiply(Op::none, Op::none, 1.0, a, a, 0.0, c);
    return timer.seconds();
  }));
  return 2 * order * order * order / seconds / comm.size();
}

struct Timed {
  Backend backend;
  bool vectors;
};
constexpr std::array<Timed, 4> on_many{{{Backend::elpa2, false},
                                        {Backend::elpa1, true},
                                        {Backend::scalapack, false},
                                        {Backend::scalapack, true}}};
constexpr std::array<Timed, 2> on_one{{{Backend::lapack, false}, {Backend::lapack, true}}};

class Calibration {
 public:
  Calibration(const Communicator& comm, const CalibrationOptions& options)
      : comm_(comm), options_(options), alone_(comm.split(comm.root() ? 0 : -1, 0)) {}

  MachineModel run() {
    model_.calibrated = true;
    model_.ranks = comm_.size();
    model_.baseline = comm_.max(static_cast<double>(resident_bytes()));
    model_.dgemm_alone = on_root([] { return dgemm_rate(); });
    comm_.barrier();
    model_.dgemm = comm_.sum(dgemm_rate()) / comm_.size();
    say(fmt::format("dgemm: {:.1f} GFLOP/s one rank alone, {:.1f} a rank of {}",
                    model_.dgemm_alone / 1e9, model_.dgemm / 1e9, comm_.size()));
    model_.normals = comm_.min(normals_rate());
    model_.memory = comm_.min(memory_rate());
    if (comm_.size() > 1) model_.exchange = exchange_rate(comm_);
    model_.distributed = distributed_rate(comm_, options_.large_order);
    say(
        fmt::format("distributed products: {:.1f} GFLOP/s a rank; random normals {:.2f} G/s; "
                    "memory {:.1f} GB/s; exchange {:.1f} GB/s",
                    model_.distributed / 1e9, model_.normals / 1e9, model_.memory / 1e9,
                    model_.exchange / 1e9));
    comm_.agree_on_root([&] { model_.write = write_rate(options_); });
    model_.write = comm_.max(comm_.root() ? model_.write : 0.0);
    say(fmt::format("writing: {:.2f} GB/s", model_.write / 1e9));
    for (const Timed& timed : on_one)
      time(timed, true);
    for (const Timed& timed : on_many) {
      time(timed, true);
      if (comm_.size() > 1) time(timed, false);
    }
    return model_;
  }

 private:
  void say(const std::string& line) const {
    if (options_.say) options_.say(line);
  }
  template <class Reading>
  double on_root(Reading&& reading) const {
    double value = 0;
    comm_.agree_on_root([&] { value = reading(); });
    return comm_.max(value);
  }

  void time(const Timed& timed, bool alone) {
    SolverTiming timing{.backend = timed.backend,
                        .vectors = timed.vectors,
                        .ranks = alone ? 1 : comm_.size(),
                        .small_order = options_.small_order,
                        .large_order = options_.large_order};
    const auto reading = [&](std::int64_t n) {
      if (!alone) return solve_once(comm_, timed.backend, timed.vectors, n);
      double seconds = 0;
      if (comm_.root()) seconds = solve_once(alone_, timed.backend, timed.vectors, n);
      return comm_.max(seconds);
    };
    reading(std::min<std::int64_t>(200, timing.small_order));  // the library's first use
    timing.small_seconds = reading(timing.small_order);
    timing.large_seconds = reading(timing.large_order);
    model_.solvers.push_back(timing);
    say(fmt::format("{}{} on {} rank{}: n = {} {:.2f} s, n = {} {:.2f} s", name(timed.backend),
                    timed.vectors ? " with vectors" : "", timing.ranks,
                    timing.ranks == 1 ? "" : "s", timing.small_order, timing.small_seconds,
                    timing.large_order, timing.large_seconds));
  }

  const Communicator& comm_;
  const CalibrationOptions& options_;
  Communicator alone_;  ///< the root's; null elsewhere
  MachineModel model_;
};

}  // namespace

MachineModel calibrate(const Communicator& comm, const CalibrationOptions& options) {
  if (options.small_order < 100 || options.large_order <= options.small_order)
    throw AgreedError(
        ExitCode::usage,
        "solves at orders {} and {}: the first must be 100 at least, the second above it",
        options.small_order, options.large_order);
  return Calibration(comm, options).run();
}

}  // namespace fathom
