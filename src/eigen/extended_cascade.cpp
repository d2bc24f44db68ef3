#include "eigen/extended_cascade.hpp"

#include "base/assert.hpp"
#include "base/fault.hpp"
#include "base/timer.hpp"
#include "dist/operations.hpp"
#include "eigen/extended_cascade_level.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

namespace fathom {
namespace {

void scale_by_power(ExtendedMatrix& a, int exponent) {
  for (DistMatrix* part : {&a.hi, &a.lo})
    for (std::int64_t j = 0; j < part->local_cols(); ++j)
      for (std::int64_t i = 0; i < part->local_rows(); ++i)
        part->local()(i, j) = std::ldexp(part->local()(i, j), exponent);
}

ExtendedMatrix moved_to(const ProcessGrid& grid, std::int64_t block, const ExtendedMatrix& a) {
  ExtendedMatrix b = ExtendedMatrix::make(grid, a.rows(), a.cols(), block, block);
  redistribute_block(a, GlobalIndex(0), GlobalIndex(0), b, GlobalIndex(0), GlobalIndex(0), a.rows(),
                     a.cols());
  return b;
}

double ratio(double value, double unit) {
  return value == 0 ? 0 : value / unit;
}

/// The levels, one after the other; all in units of 2^exponent.
class Cascade {
 public:
  Cascade(const Communicator& comm, const ExtendedSource& source, std::int64_t n,
          const LayoutWish& layout, const VerifyOptions& verify, Progress& progress, bool vectors)
      : comm_(comm),
        source_(source),
        n_(n),
        layout_(layout),
        verify_(verify),
        progress_(progress),
        vectors_(vectors) {}

  ExtendedSpectrum run() {
    announce();
    make();
    go_down();
    sort_modes();
    certify();
    in_original_units();
    judge();
    return std::move(out_);
  }

 private:
  SolverPlan plan_for(std::int64_t n) const {
    EigenRequest request;
    request.vectors = true;
    return plan_solver(request, n, comm_.size(), layout_);
  }

  void announce() {
    out_.plan = plan_for(n_);
    const ExtendedCost cost = extended_cost(n_);
    out_.predicted_products = cost.products;
    out_.predicted_flops = cost.flops;
    progress_.note(fmt::format(
        "extended precision: about {} levels, products worth {} of {} x {} matrices "
        "({:.3g} "
        "flops), {:.2f} GB of matrices on the fullest rank; {} on {} x {} ranks, blocks of {}",
        cost.levels, cost.products, n_, n_, cost.flops,
        1e-9 * static_cast<double>(extended_memory(n_, out_.plan, vectors_)),
        name(out_.plan.backend), out_.plan.grid.nprow, out_.plan.grid.npcol, out_.plan.block));
  }

  void make() {
    Timer timer;
    const ProcessGrid grid(comm_, out_.plan.grid);
    ExtendedSymmetric made = source_(grid, out_.plan.block);
    out_.timings.make = timer.seconds();
    timer.restart();
    ExtendedMatrix& a = made.matrix;
    FATHOM_ASSERT(a.rows() == n_ && a.cols() == n_, "the source made a {} x {} matrix, n = {}",
                  a.rows(), a.cols(), n_);
    for (const DistMatrix* part : {&a.hi, &a.lo})
      if (const NonFinite bad = count_nonfinite(*part); bad.count > 0)
        throw AgreedError(ExitCode::numeric,
                          "the matrix holds {} NaN or Inf, one of them at row {}, column {} "
                          "(counted from 0)",
                          bad.count, bad.row, bad.col);
    const double largest = max_abs(a.hi);
    if (largest > 0) std::frexp(largest, &exponent_);
    scale_by_power(a, -exponent_);
    facts_ = measure(a.hi, SymmetricFill::full, verify_);
    check_symmetry(facts_, unit_roundoff, verify_, out_.certificate);
    require(out_.certificate);
    out_.certificate.checks.clear();
    double skew = std::max(facts_.asymmetry, asymmetry(a.lo));
    comm_.broadcast(std::span(&skew, 1));
    symmetrise(a);
    out_.assembly_error = made.assembly_error;
    const double absolute =
        std::ldexp(made.assembly_error, -exponent_) + static_cast<double>(n_) * skew;
    // What two doubles cannot hold of K may make it indefinite.
    const double negligible = 0x1p-100 * facts_.frobenius;
    input_.emplace(LevelInput{std::move(a), absolute, 0, negligible, exponent_});
    if (vectors_) keep_leading_part();
    out_.timings.check += timer.seconds();
  }

  void keep_leading_part() {
    const DistMatrix& hi = input_->matrix.hi;
    leading_.emplace(DistMatrix::make(hi.grid(), n_, n_, hi.mb(), hi.nb()));
    basis_.emplace(DistMatrix::make(hi.grid(), n_, n_, hi.mb(), hi.nb()));
    for (std::int64_t j = 0; j < hi.local_cols(); ++j)
      std::copy_n(hi.local().col(j), hi.local_rows(), leading_->local().col(j));
  }

  void go_down() {
    for (int number = 1; input_; ++number) {
      FATHOM_ASSERT(number <= 64, "level {} of a cascade", number);
      const std::int64_t left = input_->matrix.rows();
      const SolverPlan plan = number == 1 ? out_.plan : plan_for(left);
      if (input_->matrix.grid().shape() != plan.grid || input_->matrix.hi.nb() != plan.block)
        input_->matrix = moved_to(ProcessGrid(comm_, plan.grid), plan.block, input_->matrix);
      LevelInput input = std::move(*input_);
      LevelOutput level =
          run_level(std::move(input), plan, vectors_, verify_, number, out_.timings, progress_);
      input_ = std::move(level.rest);
      plant_fault(level.modes, number);
      collect(level.modes, number);
    }
  }

  /// FATHOM_FAULT=eigen.extended.values:RANK:shift moves one eigenvalue by a thousandth, so
  /// deep down that the matrix itself does not show it.
  void plant_fault(LevelModes& modes, int number) const {
    const bool here = number > 2 && fault_armed("eigen.extended.values", "shift");
    if (comm_.max(here ? 1.0 : 0.0) > 0) modes.value[0] *= 1 + 1e-3;
  }

  void collect(LevelModes& modes, int number) {
    const std::size_t first = value_.size();
    for (std::size_t k = 0; k < modes.value.size(); ++k) {
      value_.push_back(modes.value[k]);
      bound_.push_back(modes.bound[k]);
      level_.push_back(number);
    }
    if (vectors_) place_vectors(modes, static_cast<std::int64_t>(first));
    modes.head_vectors.reset();
    modes.rest_vectors.reset();
    out_.levels.push_back(modes.facts);
    facts_of_level_.push_back(std::move(modes));
  }

  /// Columns first … of the basis from here on stand for what is left: rotated by the level's
  /// vectors, of the head and then of the rest.
  void place_vectors(const LevelModes& modes, std::int64_t first) {
    const std::int64_t left = n_ - first;
    const ProcessGrid& grid = basis_->grid();
    const std::int64_t block = basis_->nb();
    DistMatrix turn = DistMatrix::make(grid, left, left, block, block);
    std::int64_t column = 0;
    for (const auto* part : {&modes.head_vectors, &modes.rest_vectors}) {
      if (!*part) continue;
      redistribute_block(**part, GlobalIndex(0), GlobalIndex(0), turn, GlobalIndex(0),
                         GlobalIndex(column), left, (*part)->cols());
      column += (*part)->cols();
    }
    FATHOM_ASSERT(column == left, "{} vectors for {} modes", column, left);
    if (first == 0) {
      redistribute(turn, *basis_);
      return;
    }
    DistMatrix old = DistMatrix::make(grid, n_, left, block, block);
    DistMatrix turned = DistMatrix::make(grid, n_, left, block, block);
    redistribute_block(*basis_, GlobalIndex(0), GlobalIndex(first), old, GlobalIndex(0),
                       GlobalIndex(0), n_, left);
    multiply(Op::none, Op::none, 1.0, old, turn, 0.0, turned);
    redistribute_block(turned, GlobalIndex(0), GlobalIndex(0), *basis_, GlobalIndex(0),
                       GlobalIndex(first), n_, left);
  }

  void sort_modes() {
    std::vector<std::size_t> order(value_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return value_[a] > value_[b]; });
    for (const std::size_t k : order) {
      out_.eigenvalue.push_back(value_[k].x[0]);
      out_.eigenvalue_lo.push_back(value_[k].x[1]);
      out_.error_bound.push_back(bound_[k]);
      out_.level.push_back(level_[k]);
      out_.norm = std::max(out_.norm, std::abs(value_[k].x[0]));
    }
    if (vectors_) {
      finish_vectors(order);
      out_.vectors = std::move(basis_);
    }
  }

  /// One step of Newton and Schulz: the rotations were orthogonal to first order, and every level
  /// adds its rounding. Then into the order of the eigenvalues.
  void finish_vectors(const std::vector<std::size_t>& order) {
    const ProcessGrid& grid = basis_->grid();
    const std::int64_t block = basis_->nb();
    DistMatrix gram = DistMatrix::make(grid, n_, n_, block, block);
    gram.fill(0);
    rank_k_update(Op::transpose, -0.5, *basis_, 0.0, gram);
    mirror_lower(gram);
    for (std::int64_t j = 0; j < gram.local_cols(); ++j)
      for (std::int64_t i = 0; i < gram.local_rows(); ++i)
        if (gram.global_row(LocalIndex(i)) == gram.global_col(LocalIndex(j)))
          gram.local()(i, j) += 1.5;
    DistMatrix straight = DistMatrix::make(grid, n_, n_, block, block);
    multiply(Op::none, Op::none, 1.0, *basis_, gram, 0.0, straight);
    for (std::size_t k = 0; k < order.size(); ++k)
      if (order[k] != k)
        redistribute_block(straight, GlobalIndex(0),
                           GlobalIndex(static_cast<std::int64_t>(order[k])), *basis_,
                           GlobalIndex(0), GlobalIndex(static_cast<std::int64_t>(k)), n_, 1);
    for (std::int64_t j = 0; j < straight.local_cols(); ++j) {
      const std::int64_t k = straight.global_col(LocalIndex(j)).value();
      if (order[static_cast<std::size_t>(k)] == static_cast<std::size_t>(k))
        std::copy_n(straight.local().col(j), straight.local_rows(), basis_->local().col(j));
    }
  }

  void certify() {
    Timer timer;
    Certificate& certificate = out_.certificate;
    check_values(facts_, out_.eigenvalue, unit_roundoff, verify_, certificate);
    certificate.residual_ratio.assign(out_.eigenvalue.size(), std::nan(""));
    if (out_.vectors)
      check_vectors(*leading_, nullptr, *out_.vectors, out_.eigenvalue, verify_, certificate);
    double products = 0, angle = 0;
    for (const ExtendedLevel& level : out_.levels) {
      products = std::max(products, level.probe);
      angle = std::max(angle, level.leak);
    }
    certificate.checks.push_back({"products", products, 1, extended_probe_limit,
                                  "|C x - A (B x)| in double-double / tolerance, largest"});
    certificate.checks.push_back(
        {"head_angle", angle, 1e-4, 1e-2, "root of |R_rh inv(R_hh) R_hr| / smallest of the head"});
    check_levels();
    require(certificate);
    out_.timings.check += timer.seconds();
  }

  /// The modes from a level on are the spectrum of its matrix.
  void check_levels() {
    double trace_ratio = 0, frobenius_ratio = 0;
    std::size_t first = 0;
    for (const LevelModes& level : facts_of_level_) {
      DoubleDouble sum = 0.0, squares = 0.0;
      for (std::size_t k = first; k < value_.size(); ++k) {
        sum += value_[k];
        squares += sqr(value_[k]);
      }
      const double n = static_cast<double>(value_.size() - first);
      const auto in_units = [&](double defect, double norm) {
        return ratio(std::abs(defect), n * unit_roundoff * norm);
      };
      trace_ratio = std::max(trace_ratio, in_units(to_double(sum - level.trace), level.norm));
      frobenius_ratio = std::max(
          frobenius_ratio, in_units(to_double(sqrt(squares) - level.frobenius), level.frobenius));
      first += level.value.size();
    }
    out_.certificate.checks.push_back({"deep_trace", trace_ratio, verify_.warn, verify_.fail,
                                       "|sum of eigenvalues from a level on - its trace| / (n eps "
                                       "norm of the level), largest"});
    out_.certificate.checks.push_back({"deep_frobenius", frobenius_ratio, verify_.warn,
                                       verify_.fail, "the same of the root of the sum of squares"});
  }

  void require(const Certificate& certificate) const {
    if (certificate.verdict() == Verdict::fail)
      throw AgreedError(ExitCode::certificate, "extended cascade: certificate {}",
                        certificate.summary());
  }

  void in_original_units() {
    const auto up = [&](double& x) { x = std::ldexp(x, exponent_); };
    for (auto* column : {&out_.eigenvalue, &out_.eigenvalue_lo, &out_.error_bound})
      std::for_each(column->begin(), column->end(), up);
    for (ExtendedLevel& level : out_.levels) {
      up(level.norm), up(level.absolute);
      level.coupling = ratio(level.coupling, level.norm);
    }
    out_.trace = facts_.trace, out_.frobenius = facts_.frobenius;
    up(out_.trace), up(out_.frobenius), up(out_.norm);
    out_.largest_error = out_.levels.back().absolute;
  }

  void judge() {
    const auto& value = out_.eigenvalue;
    for (std::size_t k = 0; k < value.size(); ++k) {
      out_.negative += value[k] < 0;
      out_.negative_beyond_bound += value[k] < -out_.error_bound[k];
    }
    if (out_.negative_beyond_bound > 0) out_.representation_error = -value.back();
    out_.state = mode_states(value, out_.error_bound, -1, out_.representation_error);
    out_.trusted = std::count(out_.state.begin(), out_.state.end(), ModeState::trusted);
    progress_.note(fmt::format("certificate {}", out_.certificate.summary()));
    progress_.note(fmt::format(
        "extended precision: {} levels, {} products worth {:.1f} in full ({:.3g} flops); {} of {} "
        "eigenvalues trusted, {:.3g} is the smallest that can be",
        out_.levels.size(), out_.products(), out_.full_products(), out_.flops(), out_.trusted, n_,
        out_.floor()));
  }

  const Communicator& comm_;
  const ExtendedSource& source_;
  std::int64_t n_;
  const LayoutWish& layout_;
  const VerifyOptions& verify_;
  Progress& progress_;
  bool vectors_;
  int exponent_ = 0;
  MatrixFacts facts_;
  std::optional<LevelInput> input_;
  std::optional<DistMatrix> leading_, basis_;
  std::vector<LevelModes> facts_of_level_;
  std::vector<DoubleDouble> value_;
  std::vector<double> bound_;
  std::vector<int> level_;
  ExtendedSpectrum out_;
};

}  // namespace

std::int64_t ExtendedSpectrum::products() const {
  std::int64_t sum = 0;
  for (const ExtendedLevel& one : levels)
    sum += one.products;
  return sum;
}

double ExtendedSpectrum::flops() const {
  double sum = 0;
  for (const ExtendedLevel& one : levels)
    sum += one.flops;
  return sum;
}

double ExtendedSpectrum::full_products() const {
  const double n = static_cast<double>(eigenvalue.size());
  return flops() / (2 * n * n * n);
}

ExtendedSpectrum solve_extended(const Communicator& comm, const ExtendedSource& source,
                                std::int64_t n, const LayoutWish& layout,
                                const VerifyOptions& verify, Progress& progress, bool vectors) {
  FATHOM_ASSERT(n >= 1, "n = {}", n);
  return Cascade(comm, source, n, layout, verify, progress, vectors).run();
}

}  // namespace fathom
