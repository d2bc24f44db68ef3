#include "eigen/extended_cascade_level.hpp"

#include "base/assert.hpp"
#include "base/fault.hpp"
#include "base/timer.hpp"
#include "dist/operations.hpp"
#include "eigen/eigensolver.hpp"
#include "eigen/extended_cascade_bounds.hpp"
#include "eigen/extended_cascade_head.hpp"

#include <algorithm>
#include <cmath>

namespace fathom {
namespace {

DistMatrix like(const DistMatrix& a) {
  return DistMatrix::make(a.grid(), a.rows(), a.cols(), a.mb(), a.nb());
}

/// The leading part times 2^-exponent.
DistMatrix scaled_copy(const DistMatrix& a, int exponent) {
  DistMatrix copy = like(a);
  for (std::int64_t j = 0; j < a.local_cols(); ++j)
    for (std::int64_t i = 0; i < a.local_rows(); ++i)
      copy.local()(i, j) = std::ldexp(a.local()(i, j), -exponent);
  return copy;
}

DistMatrix columns(const DistMatrix& u, std::int64_t first, std::int64_t count) {
  DistMatrix part = DistMatrix::make(u.grid(), u.rows(), count, u.mb(), u.nb());
  redistribute_block(u, GlobalIndex(0), GlobalIndex(first), part, GlobalIndex(0), GlobalIndex(0),
                     u.rows(), count);
  return part;
}

/// An upper bound of ‖E‖₂, E = UᵀU − I, by ‖E²‖_F^½, which for rounding errors is some n^¼ above it
/// and not √n as ‖E‖_F; and what the double product UᵀU may hide.
double orthogonality_of(const DistMatrix& u) {
  DistMatrix gram = DistMatrix::make(u.grid(), u.cols(), u.cols(), u.nb(), u.nb());
  gram.fill(0);
  rank_k_update(Op::transpose, 1.0, u, 0.0, gram);
  for (std::int64_t j = 0; j < gram.local_cols(); ++j)
    for (std::int64_t i = 0; i < gram.local_rows(); ++i)
      if (gram.global_row(LocalIndex(i)) == gram.global_col(LocalIndex(j)))
        gram.local()(i, j) -= 1.0;
  mirror_lower(gram);
  DistMatrix square = like(gram);
  multiply(Op::none, Op::none, 1.0, gram, gram, 0.0, square);
  double norm = std::sqrt(frobenius_norm(square, SymmetricFill::full));
  u.grid().parent().broadcast(std::span(&norm, 1));
  return norm + 4 * std::sqrt(static_cast<double>(u.rows())) * unit_roundoff;
}

/// FATHOM_FAULT=eigen.extended.vectors:RANK:swap exchanges the first and the last column of what
/// the first solver returned, …:swap_always of both.
void plant_fault(DistMatrix& u, bool first) {
  const bool here = (first && fault_armed("eigen.extended.vectors", "swap")) ||
                    fault_armed("eigen.extended.vectors", "swap_always");
  if (!(u.grid().parent().max(here ? 1.0 : 0.0) > 0) || u.cols() < 2) return;
  const DistMatrix head = columns(u, 0, 1), tail = columns(u, u.cols() - 1, 1);
  redistribute_block(head, GlobalIndex(0), GlobalIndex(0), u, GlobalIndex(0),
                     GlobalIndex(u.cols() - 1), u.rows(), 1);
  redistribute_block(tail, GlobalIndex(0), GlobalIndex(0), u, GlobalIndex(0), GlobalIndex(0),
                     u.rows(), 1);
}

class Level {
 public:
  Level(LevelInput input, const SolverPlan& plan, bool vectors, const VerifyOptions& verify,
        int number, ExtendedTimings& timings, Progress& progress)
      : in_(std::move(input)),
        plan_(plan),
        vectors_(vectors),
        verify_(verify),
        number_(number),
        timings_(timings),
        progress_(progress),
        n_(in_.matrix.rows()) {}

  LevelOutput run() {
    modes_.trace = trace(in_.matrix);
    modes_.frobenius = to_double(frobenius_norm(in_.matrix));
    ExtendedLevel& facts = modes_.facts;
    facts.n = n_;
    const bool plain = ends_in_double(n_, modes_.frobenius, in_.absolute);
    if (modes_.frobenius > 0) solve(!plain || vectors_);
    refuse_indefinite();
    // What is below zero is noise, and so is what is of its size.
    if (plain || !(extended_head_threshold * value_.front() > -value_.back())) {
      end_in_double();
      return {std::move(modes_), {}};
    }
    const std::int64_t k = choose_head(value_, extended_head_threshold);
    FATHOM_ASSERT(k >= 1, "no head among {} modes, largest {}", n_, modes_.norm);
    facts.head = k;
    facts.orthogonality = orthogonality_of(*u_);
    split(k);
    tell();
    Timer timer;
    multiply_all();
    timings_.product += timer.seconds();
    LevelOutput out;
    finish_head(out);
    out.modes = std::move(modes_);
    return out;
  }

 private:
  const ProcessGrid& grid() const { return in_.matrix.grid(); }

  void end_in_double() {
    modes_.facts.plain = true;
    modes_.facts.head = n_;
    if (modes_.frobenius == 0) {
      value_.assign(static_cast<std::size_t>(n_), 0.0);
      if (vectors_) {
        u_.emplace(like(in_.matrix.hi));
        u_->fill_from([](std::int64_t i, std::int64_t j) { return i == j ? 1.0 : 0.0; });
      }
    }
    modes_.facts.norm = modes_.norm;
    modes_.facts.absolute = in_.absolute + solver_error(n_, modes_.norm, modes_.frobenius);
    modes_.facts.relative = in_.relative;
    for (const double value : value_) {
      modes_.value.emplace_back(value);
      modes_.bound.push_back(modes_.facts.absolute + in_.relative * std::abs(value));
    }
    modes_.head_vectors = std::move(u_);
  }

  /// Eigenpairs of the leading part; by the second solver where the first one's do not hold.
  void solve(bool vectors) {
    Timer timer;
    std::string reason;
    for (const bool first : {true, false}) {
      const Backend backend = first                              ? plan_.backend
                              : plan_.backend == Backend::lapack ? Backend::lapack
                                                                 : Backend::scalapack;
      try {
        if (attempt(backend, first ? Algorithm::standard : Algorithm::second, vectors, first,
                    reason))
          break;
      } catch (const AgreedError& error) {
        if (error.code() != ExitCode::solver || !first) throw;
        reason = error.what();
      }
      if (!first)
        throw AgreedError(ExitCode::certificate,
                          "level {} of the extended cascade: eigenvectors of both solvers fail: {}",
                          number_, reason);
      progress_.warn(fmt::format("level {}: {} failed ({}); again by the second solver", number_,
                                 name(backend), reason));
      modes_.facts.fell_back = true;
    }
    for (const double value : value_)
      modes_.norm = std::max(modes_.norm, std::abs(value));
    timings_.solve += timer.seconds();
  }

  bool attempt(Backend backend, Algorithm algorithm, bool vectors, bool first,
               std::string& reason) {
    int exponent = 0;
    std::frexp(max_abs(in_.matrix.hi), &exponent);
    DistMatrix work = scaled_copy(in_.matrix.hi, exponent);
    EigenRequest request;
    request.vectors = vectors;
    EigenResult result = Eigensolver(backend, algorithm).solve(work, SymmetricFill::full, request);
    value_ = std::move(result.eigenvalue);
    Certificate certificate;
    if (vectors) {
      u_ = std::move(result.vectors);
      plant_fault(*u_, first);
      Timer timer;
      const DistMatrix again = scaled_copy(in_.matrix.hi, exponent);
      check_vectors(again, &work, *u_, value_, verify_, certificate);
      modes_.residual_ratio = certificate.checks[0].value;
      modes_.orthogonality_ratio = certificate.checks[1].value;
      timings_.check += timer.seconds();
    }
    for (double& value : value_)
      value = std::ldexp(value, exponent);
    const bool finite = std::all_of(value_.begin(), value_.end(),
                                    [](double value) { return std::isfinite(value); });
    if (finite && (!vectors || certificate.verdict() != Verdict::fail)) return true;
    reason = vectors ? certificate.summary() : "not finite";
    return false;
  }

  void split(std::int64_t k) {
    round_to_slices(*u_, extended_vector_slices);
    head_.emplace(columns(*u_, 0, k));
    rest_.emplace(columns(*u_, k, n_ - k));
    u_.reset();
  }

  void tell() {
    progress_.note(fmt::format(
        "level {}: order {}, largest {:.3g}, head of {} modes down to {:.3g}", number_, n_,
        modes_.norm, modes_.facts.head, value_[static_cast<std::size_t>(modes_.facts.head) - 1]));
  }

  void refuse_indefinite() const {
    if (value_.empty()) return;
    const double lost = in_.absolute + solver_error(n_, modes_.norm, modes_.frobenius);
    const double allowed = 10 * lost + in_.negligible;
    if (value_.back() < -allowed)
      throw AgreedError(ExitCode::numeric,
                        "the matrix is not positive semi-definite: level {} of the extended "
                        "cascade has an eigenvalue of {:.6g}, below -{:.3g}, ten times what was "
                        "lost so far, all in units of 2^{}",
                        number_, value_.back(), allowed, in_.exponent);
  }

  static ExactFactor vector_factor(const DistMatrix& u, Op op, double norm) {
    ExactFactor factor(u, op);
    factor.exact_slices = extended_vector_slices;
    factor.norm = norm;
    return factor;
  }

  ExactProduct product(const ExactFactor& a, const ExactFactor& b, double accuracy) {
    const std::int64_t block = plan_.block;
    ExactProduct c = exact_product(a, b, block, block, accuracy);
    modes_.facts.products += c.products;
    modes_.facts.flops += 2.0 * static_cast<double>(a.rows()) * static_cast<double>(a.cols()) *
                          static_cast<double>(b.cols()) * static_cast<double>(c.products);
    Timer timer;
    const double defect = probe_defect(a, b, c, verify_.seed + static_cast<std::uint64_t>(number_));
    modes_.facts.probe = std::max(modes_.facts.probe, defect);
    if (!(defect <= extended_probe_limit))
      throw AgreedError(ExitCode::certificate,
                        "level {} of the extended cascade: an exact product C = A B misses C x = A "
                        "(B x) by {:.3g} times its tolerance",
                        number_, defect);
    timings_.check += timer.seconds();
    timings_.product -= timer.seconds();
    return c;
  }

  void multiply_all() {
    const double norm_u = 1 + modes_.facts.orthogonality;
    const ExactFactor head = vector_factor(*head_, Op::none, norm_u);
    const ExactFactor head_t = vector_factor(*head_, Op::transpose, norm_u);
    ExactFactor a(in_.matrix);
    a.norm = modes_.norm * (1 + 1e-6) + modes_.frobenius * 1e-12;
    blocks_.orthogonality = modes_.facts.orthogonality;
    blocks_.rest = n_ - modes_.facts.head;
    if (blocks_.rest > 0) {
      const ExactFactor rest = vector_factor(*rest_, Op::none, norm_u);
      const ExactFactor rest_t = vector_factor(*rest_, Op::transpose, norm_u);
      const ExactProduct w = product(a, rest, extended_accuracy(n_));
      blocks_.head_rest.emplace(product(head_t, w.value, extended_coupling_accuracy));
      // Relative to A·U_r, which is so much smaller than A.
      const double full = extended_accuracy(n_);
      const double shrunk = full * modes_.norm / std::max(w.frobenius, 1e-60 * modes_.norm);
      blocks_.rest_rest.emplace(product(rest_t, w.value, std::clamp(shrunk, full, 0x1p-44)));
      symmetrise(blocks_.rest_rest->value);
      blocks_.rest_product_error = w.error;
    }
    const ExactProduct w = product(a, head, extended_head_accuracy);
    blocks_.head_product_error = w.error;
    take_head(blocks_, *head_, w.value);
  }

  void finish_head(LevelOutput& out) {
    LevelLosses losses{in_.absolute, in_.relative};
    in_.matrix = ExtendedMatrix::make(grid(), 0, 0, plan_.block, plan_.block);
    HeadResult head = judge_head(blocks_, losses, modes_.facts);
    modes_.facts.norm = modes_.norm;
    modes_.value = std::move(head.value);
    modes_.bound = std::move(head.bound);
    if (vectors_) rotate_vectors(blocks_, head, *head_, *rest_);
    if (vectors_) modes_.head_vectors = std::move(head_), modes_.rest_vectors = std::move(rest_);
    if (blocks_.rest > 0) {
      ExtendedMatrix s = schur_complement(blocks_, losses, modes_.facts);
      out.rest.emplace(
          LevelInput{std::move(s), losses.absolute, losses.relative, in_.negligible, in_.exponent});
    }
  }

  LevelInput in_;
  const SolverPlan& plan_;
  bool vectors_;
  const VerifyOptions& verify_;
  int number_;
  ExtendedTimings& timings_;
  Progress& progress_;
  std::int64_t n_;
  std::vector<double> value_;  // of the rounded matrix, descending
  std::optional<DistMatrix> u_, head_, rest_;
  TransformedBlocks blocks_;
  LevelModes modes_;
};

}  // namespace

bool ends_in_double(std::int64_t n, double frobenius, double absolute) {
  return solver_error(n, frobenius, frobenius) <= absolute || frobenius == 0;
}

LevelOutput run_level(LevelInput input, const SolverPlan& plan, bool vectors,
                      const VerifyOptions& verify, int number, ExtendedTimings& timings,
                      Progress& progress) {
  return Level(std::move(input), plan, vectors, verify, number, timings, progress).run();
}

}  // namespace fathom
