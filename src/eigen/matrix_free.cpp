#include "eigen/matrix_free.hpp"

#include "base/fault.hpp"
#include "base/timer.hpp"
#include "bindings/blas.hpp"
#include "dist/operations.hpp"
#include "eigen/krylov_schur.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace fathom {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Columns that are multiplied at once to measure residuals: a block of them stands on every rank.
constexpr std::int64_t columns_at_once = 16;

/// ‖A z_j − λ_j z_j‖; z in consecutive row slices on a P × 1 grid. Collective.
std::vector<double> residual_norms(const Communicator& comm, const LinearOperator& a,
                                   const DistMatrix& z, std::span<const double> eigenvalue) {
  const std::int64_t n = z.rows(), count = z.cols(), rows = z.local_rows();
  const std::int64_t first = rows > 0 ? z.global_row(LocalIndex(0)).value() : 0;
  std::vector<double> square(static_cast<std::size_t>(count), 0.0);
  for (std::int64_t j0 = 0; j0 < count; j0 += columns_at_once) {
    const std::int64_t m = std::min(columns_at_once, count - j0);
    std::vector<double> x(static_cast<std::size_t>(n * m), 0.0), y(x.size());
    for (std::int64_t j = 0; j < m; ++j)
      std::copy_n(z.local().col(j0 + j), rows, x.data() + j * n + first);
    comm.sum(x);
    a.apply({x.data(), n, m, n}, {y.data(), n, m, n});
    for (std::int64_t j = 0; j < m; ++j) {
      const auto mode = static_cast<std::size_t>(j0 + j);
      for (std::int64_t i = j * n + first; i < j * n + first + rows; ++i) {
        const auto entry = static_cast<std::size_t>(i);
        const double r = y[entry] - eigenvalue[mode] * x[entry];
        square[mode] += r * r;
      }
    }
  }
  comm.sum(square);
  comm.broadcast(square);
  for (double& value : square)
    value = std::sqrt(value);
  return square;
}

/// max |ZᵀZ − I|. Collective.
double orthogonality(const Communicator& comm, const DistMatrix& z) {
  const std::int64_t count = z.cols();
  std::vector<double> gram(static_cast<std::size_t>(count * count), 0.0);
  if (z.local_rows() > 0)
    blas::gemm(Op::transpose, Op::none, 1.0, z.local(), z.local(), 0.0,
               {gram.data(), count, count, count});
  comm.sum(gram);
  double worst = 0;
  for (std::int64_t j = 0; j < count; ++j)
    for (std::int64_t i = 0; i < count; ++i) {
      const double defect =
          std::abs(gram[static_cast<std::size_t>(i + j * count)] - (i == j ? 1.0 : 0.0));
      if (!(defect <= worst)) worst = defect;
    }
  double verdict[] = {worst};
  comm.broadcast(std::span<double>(verdict));
  return verdict[0];
}

/// Krylov–Schur, and the faults that tests plant in what it returns:
/// FATHOM_FAULT=eigen.matrix_free:RANK:shift|skip, a wrong value or a missing eigenpair.
KrylovSchurResult largest(const Communicator& comm, const LinearOperator& a, std::int64_t count) {
  const auto armed = [&](const char* kind) {
    return comm.max(fault_armed("eigen.matrix_free", kind) ? 1.0 : 0.0) > 0;
  };
  const bool skip = armed("skip") && count + 1 < a.order();
  KrylovSchurResult top = krylov_schur(comm, a, skip ? count + 1 : count);
  auto& value = top.eigenvalue;
  if (armed("shift")) value[value.size() / 2] *= 1 + 1e-6;
  if (skip) {
    const auto missing = static_cast<std::int64_t>(value.size() / 2);
    const DistMatrix& z = *top.vectors;
    DistMatrix rest = DistMatrix::make(z.grid(), z.rows(), count, z.mb(), count);
    for (std::int64_t j = 0; j < count; ++j)
      std::copy_n(z.local().col(j < missing ? j : j + 1), z.local_rows(), rest.local().col(j));
    top.vectors = std::move(rest);
    value.erase(value.begin() + missing);
  }
  return top;
}

MatrixFacts take_facts(const Communicator& comm, const LinearOperator& a,
                       const VerifyOptions& verify) {
  MatrixFacts facts;
  facts.n = a.order();
  facts.trace = facts.frobenius = nan;
  facts.ritz = random_krylov(comm, a, verify.probes, verify.full ? 2 * verify.steps : verify.steps,
                             verify.seed);
  facts.asymmetry = facts.ritz.asymmetry;
  return facts;
}

/// What can be said before the solve. Pure; throws alike on every rank.
void refuse(const MatrixFacts& facts, const LinearOperator& a, const VerifyOptions& verify) {
  const double norm = facts.ritz.norm(), n = static_cast<double>(facts.n);
  Certificate before;
  check_symmetry(facts, a.relative_error(), verify, before);
  if (before.verdict() == Verdict::fail)
    throw AgreedError(ExitCode::numeric,
                      "{} is not symmetric: its projection on a random Krylov space differs from "
                      "its transpose by {:.3g} of its norm",
                      a.description(), facts.asymmetry / norm);
  const double smallest = facts.ritz.value.empty() ? 0.0 : facts.ritz.value.back();
  const double allowed = (10 * n * unit_roundoff + a.relative_error()) * norm;
  if (smallest < -allowed)
    throw AgreedError(ExitCode::numeric,
                      "{} is not positive semi-definite: it has the Ritz value {:.6g} (n = {}), "
                      "below -{:.3g} = -(10 n eps norm + assembly error)",
                      a.description(), smallest, facts.n, allowed);
}

void certify(const Communicator& comm, const LinearOperator& a, const MatrixFacts& facts,
             const DistMatrix& z, const VerifyOptions& verify, CertifiedSpectrum& out) {
  comm.agree([] { fault_point("eigen.certify"); });
  const auto& value = out.result.eigenvalue;
  const double n_epsilon = static_cast<double>(facts.n) * unit_roundoff;
  out.terms.measured = check_values(facts, value, a.relative_error(), verify, out.certificate);
  out.terms.residual = residual_norms(comm, a, z, value);
  for (const double lambda : value)
    out.norm = std::max(out.norm, std::abs(lambda));
  double worst = 0;
  for (const double r : out.terms.residual) {
    const double in_units = r == 0 ? 0 : r / (n_epsilon * out.norm);
    out.certificate.residual_ratio.push_back(in_units);
    if (!(in_units <= worst)) worst = in_units;
  }
  out.certificate.checks.push_back(
      {"residual", worst, verify.warn, verify.fail, "max norm of A z - lambda z / (n eps norm)"});
  out.certificate.checks.push_back({"orthogonality", orthogonality(comm, z) / n_epsilon,
                                    verify.warn, verify.fail, "max |Z'Z - I| / (n eps)"});
}

/// Bounds, states and counts.
void judge(const LinearOperator& a, CertifiedSpectrum& out) {
  const auto& value = out.result.eigenvalue;
  out.assembly_error = out.terms.assembly = a.relative_error() * out.norm;
  out.terms.solver = 8 * unit_roundoff * out.norm;
  for (std::size_t k = 0; k < value.size(); ++k) {
    out.error_bound.push_back(out.terms.bound(static_cast<std::int64_t>(k)));
    if (value[k] < 0) ++out.negative;
    if (value[k] < -out.error_bound[k]) ++out.negative_beyond_bound;
  }
  const std::int64_t rank_bound = a.rank_bound() < a.order() ? a.rank_bound() : -1;
  out.state = mode_states(value, out.error_bound, rank_bound);
  out.trusted = std::count(out.state.begin(), out.state.end(), ModeState::trusted);
  out.null_by_rank = std::count(out.state.begin(), out.state.end(), ModeState::null_by_rank);
}

void tell(const CertifiedSpectrum& out, const LinearOperator& a, Progress& progress) {
  progress.note(fmt::format("certificate {}", out.certificate.summary()));
  progress.note(fmt::format(
      "{} of {} eigenvalues trusted, {} null by rank; {:.3g} is the smallest that can be",
      out.trusted, out.result.eigenvalue.size(), out.null_by_rank, out.floor()));
  progress.note(fmt::format(
      "{} of {} eigenvalues were computed: that none of the largest is missing, as one of a "
      "multiple eigenvalue can be, is checked by Ritz values only",
      out.error_bound.size(), a.order()));
}

DistMatrix in_blocks(const Communicator& comm, const DistMatrix& slices) {
  constexpr std::int64_t block = 64;
  const ProcessGrid grid(comm, choose_grid(comm.size(), slices.rows(), block));
  DistMatrix vectors = DistMatrix::make(grid, slices.rows(), slices.cols(), block, block);
  redistribute(slices, vectors);
  return vectors;
}

}  // namespace

CertifiedSpectrum solve_matrix_free(const Communicator& comm, const LinearOperator& a,
                                    const EigenRequest& request, const VerifyOptions& verify,
                                    Progress& progress) {
  const std::int64_t n = a.order(), count = request.count;
  if (count < 1 || count >= n)
    throw AgreedError(ExitCode::deck,
                      "a matrix-free solve computes some of the largest eigenvalues: ask for 1 to "
                      "{} of {}, not {}",
                      n - 1, n, count <= 0 ? "all" : fmt::format("{}", count));
  CertifiedSpectrum out;
  out.plan = {Backend::slepc,
              {comm.size(), 1},
              (n + comm.size() - 1) / comm.size(),
              "Krylov-Schur on an operator that is never formed"};
  progress.note(fmt::format("eigensolver slepc: the {} largest of {} eigenvalues of {}, {}", count,
                            n, a.description(), out.plan.reason));
  Timer timer;
  const MatrixFacts facts = take_facts(comm, a, verify);
  refuse(facts, a, verify);
  out.smallest_ritz = facts.ritz.value.empty() ? 0.0 : facts.ritz.value.back();
  out.timings.check = timer.seconds();

  timer.restart();
  KrylovSchurResult top = largest(comm, a, count);
  out.timings.solve = timer.seconds();

  timer.restart();
  out.result.backend = Backend::slepc;
  out.result.seconds = comm.max(out.timings.solve);
  out.result.eigenvalue = std::move(top.eigenvalue);
  out.trace = out.frobenius = nan;
  certify(comm, a, facts, *top.vectors, verify, out);
  if (out.certificate.verdict() == Verdict::fail)
    throw AgreedError(ExitCode::certificate,
                      "the matrix-free solve failed its certificate, and nothing else solves an "
                      "operator: {}",
                      out.certificate.summary());
  judge(a, out);
  if (request.vectors) out.result.vectors = in_blocks(comm, *top.vectors);
  out.timings.check += timer.seconds();
  tell(out, a, progress);
  return out;
}

}  // namespace fathom
