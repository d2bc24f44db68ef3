#include "studies/plan_time.hpp"

#include "eigen/extended_cascade.hpp"
#include "studies/plan_network.hpp"

#include <algorithm>
#include <cmath>

namespace fathom {
namespace {

constexpr double number = 8;

/// Of a factor to its triangle. Measured at q = 1000 … 3700 on one rank, good to a quarter.
struct Reduction {
  double flops;
  double of_dgemm;     ///< the rate
  double passes_over;  ///< how often the rows are made
};

Reduction reduce_rows(const FactorShape& factor, double n, double q) {
  const auto rows = static_cast<double>(factor.rows);
  // Householder reflections.
  if (!factor.graded) return {rows == n ? 0.0 : 2 * rows * n * q, 0.5, 1};
  // The leading rows' own factorisation and the check; the others rotated, the small ones only
  // multiplied with themselves.
  return {12 * n * q * q + 2.5 * (rows - q) * n * q, 0.9, 2};
}

/// Full levels that the cascade's solves amount to. One resolves singular values down to some 1e-5
/// of the largest; a steep spectrum takes a few, of fewer and fewer modes.
double cascade_levels(const FactorShape& factor, double q, bool below_the_floor) {
  constexpr double of_one_level = 1e-5;
  const bool steep = factor.decay > 0 && std::pow(q, -factor.decay / 2) < of_one_level;
  return steep || below_the_floor ? 2 : 1;
}

/// Counts of one point on one machine.
class Clockwork {
 public:
  Clockwork(const ProblemShape& shape, const PlannedMemory& memory, int ranks,
            const MachineModel& model)
      : shape_(shape),
        memory_(memory),
        solver_(memory.solver),
        ranks_(ranks),
        active_(memory.solver.grid.nprow * memory.solver.grid.npcol),
        n_(static_cast<double>(shape.n)),
        model_(model) {}

  std::vector<PlannedPhase> phases() {
    if (shape_.density) return lanczos(), phases_;
    if (shape_.matrix_free) return matrix_free(), phases_;
    if (shape_.network && shape_.network->training) training();
    const bool named = shape_.tail == TailMethod::cascade || shape_.tail == TailMethod::svd;
    if (!named) {
      assembly();
      gram_solve();
    }
    if (shape_.extended)
      extended();
    else if (memory_.find(Stage::deep))
      deep(!named);
    if (shape_.store_vectors)
      add("writing", 0,
          number * n_ * static_cast<double>(shape_.request.wanted(shape_.n)) * 1.3 / model_.write);
    return phases_;
  }

 private:
  void add(const char* name, double flops, double seconds, bool only_if = false) {
    if (seconds > 0) phases_.push_back({name, flops, seconds, only_if});
  }
  double dgemm() const { return model_.dgemm_on(active_) * active_; }
  double products(double flops) const {
    const double rate = active_ == 1 ? model_.dgemm_on(1) : model_.distributed;
    return flops / (rate * active_);
  }
  /// Passes over the local part of an n × n matrix.
  double passes(double count) const { return count * number * n_ * n_ / active_ / model_.memory; }
  double normals() const { return model_.normals / 3.7e8; }

  void mirror() {
    add("assembly: mirror", 0,
        passes(1.5) + (active_ > 1 ? number * n_ * n_ / 2 / active_ / model_.exchange : 0.0));
  }

  void assembly() {
    if (shape_.network) return network_assembly();
    if (shape_.given) {
      add("assembly: mirror", 0, passes(3) + number * n_ * n_ / model_.write);
      return;
    }
    const SignalShape& signals = *shape_.signals;
    const auto inner = static_cast<double>(signals.inner);
    const double local = n_ / std::sqrt(static_cast<double>(active_));
    // In place every rank makes its rows and its columns; made once, its share.
    const bool alone = solver_.grid.nprow == 1 || solver_.grid.npcol == 1;
    const double in_place =
        alone ? n_ / std::min(solver_.grid.nprow, solver_.grid.npcol) : 2 * local;
    const double once = n_ / active_;
    const double value =
        signals.cost.flops / model_.dgemm_on(active_) + signals.cost.seconds / normals();
    const double received = active_ > 1 ? 2 * local * inner * number / model_.exchange : 0.0;
    const double made_in_place = in_place * inner * value;
    const double made_once = once * inner * value + received;
    const bool moved =
        shape_.movement == Movement::made_once ||
        (shape_.movement == Movement::automatic && made_once < 0.9 * made_in_place) ||
        !signals.anywhere;
    add("assembly: signals", n_ * inner * signals.cost.flops,
        moved ? once * inner * value : made_in_place);
    add("assembly: products", n_ * n_ * inner, 1.15 * n_ * n_ * inner / dgemm());
    if (moved) add("assembly: communication", 0, received);
    add("assembly: map", 0, n_ * n_ / 2 / active_ * (signals.map_seconds + 2e-9) / normals());
    mirror();
  }

  void network_assembly() {
    const NetworkShape& network = *shape_.network;
    const EntkPlan plan = entk_plan(shape_, solver_);
    const double all = repeat_;
    const double flops = n_ * n_ / 2 * network.kernel.signals.entry_flops;
    const double making =
        plan.movement == Movement::made_once ? plan.made_once_seconds : plan.in_place_seconds;
    add("assembly: signals", 0,
        all * making * MachineRates{}.flops_per_second / model_.dgemm_on(active_));
    add("assembly: products", all * flops, all * 2 * flops / dgemm());
  }

  void gram_solve() {
    EigenRequest request = shape_.request;
    if (shape_.extended) request.vectors = false;
    const double flops = (request.vectors ? 4.0 / 3 + 4 : 4.0 / 3) * n_ * n_ * n_;
    double seconds = 0;
    if (solver_.backend == Backend::slepc) {
      // Some three restarts of a basis of twice the wanted vectors, each a pass over the matrix.
      const auto wanted = static_cast<double>(request.wanted(shape_.n));
      seconds = passes(6 * (wanted + 8)) + 8 * wanted * wanted * n_ / dgemm();
    } else {
      seconds = model_.solve_seconds(solver_.backend, request.vectors, shape_.n, active_);
    }
    add("solve", repeat_ * flops, repeat_ * seconds);
    const VerifyOptions& verify = shape_.verify;
    const double steps = verify.full ? 2 * verify.steps : verify.steps;
    const auto block = static_cast<double>(verify.probes);
    double check = passes(8 + steps * (1 + block / 4));
    if (request.vectors) check += products(3 * n_ * n_ * n_) + passes(4);
    add("certify", 0, repeat_ * check);
  }

  void deep(bool only_if) {
    const FactorShape& factor = *shape_.factor;
    const std::int64_t order = std::min(shape_.n, factor.rows);
    const auto q = static_cast<double>(order);
    const Reduction reduction = reduce_rows(factor, n_, q);
    add("deep tail: reduce", repeat_ * reduction.flops,
        repeat_ * (reduction.flops / (reduction.of_dgemm * dgemm()) +
                   reduction.passes_over * factor.flops / dgemm()),
        only_if);
    const double level = model_.solve_seconds(Backend::elpa1, true, order, active_);
    const double route = shape_.tail == TailMethod::svd
                             ? (shape_.request.vectors ? 3.7 : 1.7) * level
                             : cascade_levels(factor, q, only_if) * level + products(5 * q * q * q);
    add("deep tail: solve", 0, repeat_ * route, only_if);
    add("deep tail: certify", 0, repeat_ * (products(2.5 * q * q * q) + passes(20)), only_if);
  }

  void extended() {
    const ExtendedCost cost = extended_cost(shape_.n);
    add("extended: products", cost.flops, products(cost.flops));
    add("extended: solve", 0,
        static_cast<double>(cost.levels) *
            model_.solve_seconds(Backend::elpa1, true, shape_.n, active_));
  }

  void matrix_free() {
    const auto wanted = static_cast<double>(shape_.request.wanted(shape_.n));
    if (!shape_.factor) return;
    const double each =
        shape_.products ? shape_.products->flops
                        : 4 * static_cast<double>(shape_.factor->rows) * n_ + shape_.factor->flops;
    const double count = 6 * (wanted + 8);
    add("solve", count * each, count * each / (model_.dgemm_on(ranks_) * ranks_));
  }

  void lanczos() {
    const ProductWay way = chosen_way(shape_, ranks_);
    if (way.name == "gram" && !shape_.given) assembly();
    // Products with blocks of a few columns are bound by memory, some quarter of dgemm's rate.
    const double rate = model_.dgemm_on(ranks_) * ranks_, products = way.flops - way.assembling;
    const double rows = way.name == "gram" ? 0.0 : way.assembling;
    add("lanczos", rows + products, rows / rate + products / (0.28 * rate));
  }

  void training() {
    const EntkCounts& network = shape_.network->kernel;
    const TrainingShape& training = *shape_.network->training;
    const auto steps = static_cast<double>(training.steps);
    const auto batch = static_cast<double>(training.batch);
    const auto parameters = static_cast<double>(network.parameters);
    const double flops = steps * batch * 3 * network.forward_flops;
    repeat_ = static_cast<double>(training.snapshots);  // kernels to come
    // Small products run at a quarter of dgemm's rate; the optimiser reads and writes seven
    // numbers.
    double seconds =
        flops / (0.25 * model_.dgemm_on(ranks_) * ranks_) + steps * 56 * parameters / model_.memory;
    if (ranks_ > 1) seconds += steps * (2e-5 + number * parameters * 2 / model_.exchange);
    add("training", flops, seconds);
  }

  const ProblemShape& shape_;
  const PlannedMemory& memory_;
  const SolverPlan& solver_;
  int ranks_, active_;
  double n_;
  const MachineModel& model_;
  double repeat_ = 1;  // kernels of one point
  std::vector<PlannedPhase> phases_;
};

}  // namespace

std::vector<PlannedPhase> planned_phases(const ProblemShape& shape, const PlannedMemory& memory,
                                         int ranks, const MachineModel& model) {
  return Clockwork(shape, memory, ranks, model).phases();
}

}  // namespace fathom
