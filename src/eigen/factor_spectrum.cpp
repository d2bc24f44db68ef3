#include "eigen/factor_spectrum.hpp"

#include "base/fault.hpp"
#include "base/timer.hpp"
#include "dist/operations.hpp"
#include "eigen/cascade_vectors.hpp"
#include "eigen/factor_spectrum_check.hpp"
#include "eigen/factor_svd.hpp"
#include "eigen/streaming_qr.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace fathom {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct MethodName {
  TailMethod method;
  const char* name;
};
constexpr std::array<MethodName, 4> method_names{{{TailMethod::automatic, "auto"},
                                                  {TailMethod::gram, "gram"},
                                                  {TailMethod::cascade, "cascade"},
                                                  {TailMethod::svd, "svd"}}};

/// Faults that tests plant in what a route returned: FATHOM_FAULT=tail.values:RANK:nan|shift,
/// tail.vectors:RANK:swap. They strike the first attempt only; …_always strikes both.
void plant_faults(CascadeResult& result, std::optional<DistMatrix>& vectors,
                  const Communicator& comm, bool first) {
  const auto armed = [&](const char* what, const char* kind) {
    const bool here =
        (first && fault_armed(what, kind)) || fault_armed(what, std::string(kind) + "_always");
    return comm.max(here ? 1.0 : 0.0) > 0;
  };
  auto& value = result.singular_value;
  if (armed("tail.values", "nan")) value[value.size() / 2] = std::nan("");
  if (armed("tail.values", "shift")) value.front() *= 1 + 1e-9;
  if (armed("tail.vectors", "swap") && vectors && vectors->cols() >= 2) {
    std::vector<std::int64_t> source(static_cast<std::size_t>(vectors->cols()));
    for (std::size_t j = 0; j < source.size(); ++j)
      source[j] = static_cast<std::int64_t>(j);
    std::swap(source[0], source[1]);
    permute_columns(*vectors, source);
  }
}

/// The reduction to a bidiagonal, in the form of solver_error.
double svd_solver_error(std::int64_t n, double norm, double frobenius) {
  return 2 * solver_error(n, norm, frobenius);
}

/// LAPACK's iterations drop a coupling below ε^-1/8 ε = 98.7 ε of its neighbours (Demmel & Kahan
/// 1990, and dqds): relative to the value.
constexpr double svd_iteration_error = 100 * unit_roundoff;

DistMatrix copy_of(const DistMatrix& a) {
  return leading_columns(a, a.cols());
}

/// One route on the reduced factor, with its certificate.
class Attempt {
 public:
  Attempt(const Communicator& comm, const FactorSource& source, const ReducedFactor& reduced,
          TailMethod method, bool vectors, const VerifyOptions& verify, Progress& progress,
          bool first, FactorSpectrum& out)
      : comm_(comm),
        source_(source),
        reduced_(reduced),
        method_(method),
        vectors_(vectors),
        verify_(verify),
        progress_(progress),
        first_(first),
        out_(out) {}

  void run() {
    out_.method = method_;
    out_.certificate = {};
    Timer timer;
    DistMatrix a = copy_of(reduced_.a);
    scale_to_one(a);
    const MatrixFacts facts = measure_factor(a, verify_);
    out_.check_seconds += timer.seconds();
    if (first_) comm_.agree([] { fault_point("tail.primary"); });
    timer.restart();
    if (method_ == TailMethod::cascade)
      by_cascade(vectors_ ? copy_of(a) : std::move(a));
    else
      by_svd(vectors_ ? copy_of(a) : std::move(a));
    plant_faults(result_, basis_, comm_, first_);
    out_.solve_seconds += timer.seconds();
    timer.restart();
    check_singular_values(facts, std::ldexp(reduced_.frobenius, -exponent_), result_.singular_value,
                          verify_, out_.certificate);
    if (method_ == TailMethod::cascade)
      check_levels(result_, reduced_.a.cols(), std::ldexp(reduced_.frobenius, -exponent_), verify_,
                   out_.certificate);
    if (vectors_)
      check_singular_vectors(a, reduced_.transposed, *basis_, result_.singular_value,
                             result_.resolved, verify_, out_.certificate);
    out_.check_seconds += timer.seconds();
  }

  /// Eigenvalues, bounds and states, in the units of the source. @pre run() passed its checks
  void deliver() {
    const auto n = static_cast<std::size_t>(source_.cols());
    const auto rank = std::min(n, static_cast<std::size_t>(source_.rank_bound()));
    // Rows that were left out may hold what these rows do not: nothing is null by their number.
    const bool by_rows = !(source_.dropped() > 0);
    out_.dropped = source_.dropped();
    out_.frobenius = reduced_.frobenius;
    out_.levels = result_.levels;
    for (CascadeLevel& level : out_.levels)
      for (double* x : {&level.norm, &level.rest, &level.absolute})
        *x = std::ldexp(*x, exponent_);
    out_.eigenvalue.assign(n, 0.0);
    out_.error_bound.assign(n, out_.dropped);
    out_.representation.assign(n, 0.0);
    out_.state.assign(n, ModeState::null_by_rank);
    out_.bound_kind.assign(n, BoundKind::rank);
    const std::size_t held = std::min(rank, result_.singular_value.size());
    for (std::size_t j = 0; j < held; ++j)
      judge(j);
    out_.resolved = std::min<std::int64_t>(result_.resolved, static_cast<std::int64_t>(held));
    if (!by_rows)
      for (std::size_t j = held; j < rank; ++j) {
        out_.state[j] = ModeState::untrusted;
        out_.bound_kind[j] = BoundKind::upper;
      }
    out_.null_by_rank = static_cast<std::int64_t>(n - (by_rows ? held : rank));
    out_.trusted = std::count(out_.state.begin(), out_.state.end(), ModeState::trusted);
    if (vectors_) hand_over_vectors();
  }

 private:
  /// An exact change of units, so that no square leaves the range of doubles on the way.
  void scale_to_one(DistMatrix& a) {
    const double largest = max_abs(a);
    if (!std::isfinite(largest))
      throw AgreedError(ExitCode::numeric, "the reduced factor holds NaN or Inf");
    if (largest > 0) std::frexp(largest, &exponent_);
    const auto local = a.local();
    for (std::int64_t j = 0; exponent_ != 0 && j < local.cols; ++j)
      for (std::int64_t i = 0; i < local.rows; ++i)
        local(i, j) = std::ldexp(local(i, j), -exponent_);
  }

  void by_cascade(DistMatrix a) {
    CascadeOptions options;
    options.right = vectors_ && !reduced_.transposed;
    options.left = vectors_ && reduced_.transposed;
    options.seed = verify_.seed;
    options.absolute_error = std::ldexp(norm_wise_before(), -exponent_);
    // Where reduction and making of the rows are not good row by row, the cascade need not be.
    if (row_wise_before() < infinity) options.row_condition = reduced_.row_condition;
    result_ = cascade(std::move(a), options, progress_);
    basis_ = std::move(reduced_.transposed ? result_.left : result_.right);
  }

  void by_svd(DistMatrix a) {
    const double norm = frobenius_norm(a, SymmetricFill::full);
    FactorSvd svd =
        factor_svd(a, vectors_ && !reduced_.transposed, vectors_ && reduced_.transposed);
    const std::size_t count = svd.singular_value.size();
    result_ = {};
    result_.singular_value = std::move(svd.singular_value);
    const double top = count > 0 ? result_.singular_value.front() : 0.0;
    result_.absolute.assign(count, svd_solver_error(reduced_.a.cols(), top, norm));
    result_.row_relative.assign(count, infinity);
    result_.relative.assign(count, svd_iteration_error);
    result_.resolved = static_cast<std::int64_t>(count);
    basis_ = std::move(reduced_.transposed ? svd.left : svd.right);
  }

  /// What σ was off by before the route began, and relative to σ.
  double norm_wise_before() const {
    return reduced_.backward_error + source_.row_error() * reduced_.frobenius;
  }
  double row_wise_before() const {
    return reduced_.relative_error +
           (source_.row_error() > 0 ? source_.row_error() * reduced_.row_sensitivity : 0.0);
  }

  void judge(std::size_t j) {
    const double sigma = std::ldexp(result_.singular_value[j], exponent_);
    const auto either = [&](double absolute, double relative) {
      return sigma > 0 && relative * sigma < absolute ? relative * sigma : absolute;
    };
    const double absolute = std::ldexp(result_.absolute[j], exponent_);
    const double row_wise = result_.row_relative[j] * reduced_.row_condition;
    const double making = source_.row_error();
    const double delta = either(reduced_.backward_error, reduced_.relative_error) +
                         either(making * reduced_.frobenius,
                                making > 0 ? making * reduced_.row_sensitivity : infinity) +
                         either(absolute, row_wise) + result_.relative[j] * sigma;
    const double lost = source_.input_epsilon() > unit_roundoff ? source_.input_epsilon() : 0.0;
    const double represented =
        lost > 0 ? either(lost * reduced_.frobenius, lost * reduced_.row_sensitivity) : 0.0;
    const auto squared = [&](double d) { return 2 * sigma * d + d * d; };
    const bool resolved = static_cast<std::int64_t>(j) < result_.resolved;
    out_.eigenvalue[j] = sigma * sigma;
    // The square itself is rounded; where it is denormal so is every term.
    out_.error_bound[j] = squared(delta) + 2 * unit_roundoff * sigma * sigma + out_.dropped;
    if (delta > 0 && out_.error_bound[j] < std::numeric_limits<double>::min())
      out_.error_bound[j] += 4 * std::numeric_limits<double>::denorm_min();
    out_.representation[j] = squared(represented);
    if (!std::isfinite(out_.eigenvalue[j]))
      throw AgreedError(ExitCode::numeric,
                        "eigenvalue {} of K is beyond the range of doubles: its root is {:.6g}",
                        j + 1, sigma);
    out_.bound_kind[j] = !resolved                     ? BoundKind::upper
                         : row_wise * sigma < absolute ? BoundKind::graded
                                                       : BoundKind::norm_wise;
    out_.state[j] = out_.error_bound[j] + out_.representation[j] < 0.1 * out_.eigenvalue[j]
                        ? ModeState::trusted
                        : ModeState::untrusted;
  }

  void hand_over_vectors() {
    const std::int64_t n = source_.cols();
    DistMatrix z = reduced_.transposed ? leading_columns(*basis_, out_.resolved)
                                       : right_vectors(reduced_, std::move(*basis_));
    out_.vectors.emplace(z.cols() == n ? std::move(z) : completed_basis(z));
  }

  const Communicator& comm_;
  const FactorSource& source_;
  const ReducedFactor& reduced_;
  TailMethod method_;
  bool vectors_;
  const VerifyOptions& verify_;
  Progress& progress_;
  bool first_;
  FactorSpectrum& out_;
  int exponent_ = 0;  ///< the matrix that is solved times 2^exponent_ is the reduced factor
  CascadeResult result_;
  std::optional<DistMatrix> basis_;
};

TailMethod other(TailMethod method) {
  return method == TailMethod::cascade ? TailMethod::svd : TailMethod::cascade;
}

void tell(const FactorSpectrum& spectrum, Progress& progress) {
  progress.note(fmt::format("certificate {}", spectrum.certificate.summary()));
  progress.note(fmt::format(
      "{} of {} eigenvalues trusted ({}), {} null by rank; {:.3g} is the smallest trusted",
      spectrum.trusted, spectrum.eigenvalue.size(), spectrum.bound_summary(), spectrum.null_by_rank,
      spectrum.trusted > 0 ? spectrum.eigenvalue[static_cast<std::size_t>(spectrum.trusted - 1)]
                           : 0.0));
}

}  // namespace

const char* name(TailMethod method) {
  for (const MethodName& entry : method_names)
    if (entry.method == method) return entry.name;
  return "auto";
}

TailMethod parse_tail_method(std::string_view text) {
  for (const MethodName& entry : method_names)
    if (text == entry.name) return entry.method;
  throw Error(ExitCode::deck,
              "\"{}\" is no tail method: valid are \"auto\", \"gram\", \"cascade\", \"svd\"", text);
}

const char* name(BoundKind kind) {
  switch (kind) {
    case BoundKind::norm_wise:
      return "norm-wise";
    case BoundKind::graded:
      return "graded";
    case BoundKind::upper:
      return "upper bound only";
    case BoundKind::rank:
      return "by rank";
  }
  return "norm-wise";
}

TailMethod choose_tail_method(std::int64_t n, std::int64_t rows, int ranks, bool vectors) {
  // n = 1500, λ_j = j^-8, vectors, one rank: dgesdd 1.1 s, cascade 2.4 s; on a grid pdgesvd
  // iterates by QR and loses by more the larger n is. But the errors of the cascade are measured,
  // ten times below the bound of a decomposition whose errors are not: the floor is a hundred times
  // lower.
  constexpr std::int64_t small = 200, small_values_on_one_rank = 500;
  const std::int64_t order = std::min(n, rows);
  const bool cheap = order <= (ranks == 1 && !vectors ? small_values_on_one_rank : small);
  return cheap ? TailMethod::svd : TailMethod::cascade;
}

double FactorSpectrum::floor() const {
  double smallest = infinity, largest_bound = 0;
  std::size_t last = 0;
  for (std::size_t j = 0; j < state.size(); ++j) {
    largest_bound = std::max(largest_bound, error_bound[j] + representation[j]);
    if (state[j] == ModeState::trusted && eigenvalue[j] < smallest)
      smallest = eigenvalue[j], last = j;
  }
  if (!(smallest < infinity)) return 10 * largest_bound;
  // A bound in proportion to the value has no floor: what was seen is what can be said.
  if (bound_kind[last] == BoundKind::graded) return smallest;
  return 10 * (error_bound[last] + representation[last]);
}

std::string FactorSpectrum::bound_summary() const {
  std::string text;
  for (const BoundKind kind : {BoundKind::graded, BoundKind::norm_wise}) {
    std::int64_t count = 0;
    for (std::size_t j = 0; j < state.size(); ++j)
      count += state[j] == ModeState::trusted && bound_kind[j] == kind;
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name(kind), count);
  }
  return text.empty() ? "none" : text;
}

FactorSpectrum solve_factor(const Communicator& comm, const FactorSource& source, TailMethod method,
                            bool vectors, const LayoutWish& wish, const VerifyOptions& verify,
                            Progress& progress) {
  const std::int64_t n = source.cols(), rows = source.rows(), order = std::min(n, rows);
  if (method == TailMethod::gram)
    throw AgreedError(ExitCode::deck, "the Gram route solves K itself, not its factor");
  FATHOM_ASSERT(n >= 1 && rows >= 1, "a factor of {} x {}", rows, n);
  FactorSpectrum spectrum;
  const bool chosen = method == TailMethod::automatic;
  // Only the cascade keeps what graded rows know of the small eigenvalues.
  if (chosen)
    method =
        source.graded() ? TailMethod::cascade : choose_tail_method(n, rows, comm.size(), vectors);
  comm.agree([&] {
    const EigenRequest request{.count = 0, .vectors = true};
    spectrum.plan = plan_solver(request, order, comm.size(), wish);
  });
  const ProcessGrid grid(comm, spectrum.plan.grid);
  progress.note(fmt::format("factor {}: {} on a {} x {} grid, blocks of {}{}", source.description(),
                            name(method), grid.nprow(), grid.npcol(), spectrum.plan.block,
                            chosen ? ", chosen by size and grading" : ""));
  Timer timer;
  ReduceOptions reduce;
  reduce.check_rows = source.graded();
  const ReducedFactor reduced = reduce_factor(grid, spectrum.plan.block, source, reduce, progress);
  spectrum.reduce_seconds = timer.seconds();

  const auto attempt = [&](TailMethod route, bool first, std::string& failure) {
    try {
      Attempt solve(comm, source, reduced, route, vectors, verify, progress, first, spectrum);
      solve.run();
      if (spectrum.certificate.verdict() == Verdict::fail)
        failure = "its certificate failed: " + spectrum.certificate.summary();
      else
        solve.deliver();
    } catch (const AgreedError& error) {
      if (error.code() != ExitCode::solver) throw;
      failure = error.what();
    }
  };
  std::string failure, second;
  attempt(method, true, failure);
  if (!failure.empty()) {
    progress.warn(fmt::format("{} did not deliver a verified spectrum: {}", name(method), failure));
    progress.warn(fmt::format("solving the reduced factor again by {}", name(other(method))));
    attempt(other(method), false, second);
    if (!second.empty())
      throw AgreedError(ExitCode::certificate, "two routes failed; {}: {}; {}: {}", name(method),
                        failure, name(other(method)), second);
    spectrum.fell_back = true;
    spectrum.fallback_reason = failure;
  }
  tell(spectrum, progress);
  return spectrum;
}

}  // namespace fathom
