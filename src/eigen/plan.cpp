#include "eigen/plan.hpp"

#include "base/assert.hpp"
#include "dist/distribution.hpp"
#include "eigen/verify.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace fathom {
namespace {

constexpr std::int64_t tiny = 64;  ///< up to here one rank solves sooner than a grid agrees

// Values only, ELPA's two-stage solver of Debian, two ranks, n = 8000, seconds: 32 13.6, 48 14.1,
// 64 13.7; other machines have seen 32 ahead by far more. With vectors no block size was measured
// to be better than 64.
constexpr std::int64_t block_values = 32;
constexpr std::int64_t block_vectors = 64;

bool is_elpa(Backend backend) {
  return backend == Backend::elpa1 || backend == Backend::elpa2;
}

/// Why ELPA cannot take a layout; empty where it can.
std::string elpa_refusal(std::int64_t n, GridShape grid, std::int64_t block) {
  if (block < 2) return "ELPA needs blocks of at least 2";
  if (n <= tiny) return fmt::format("n = {} is too small for ELPA", n);
  const std::int64_t blocks = (n + block - 1) / block;
  if (blocks < std::max(grid.nprow, grid.npcol))
    return fmt::format(
        "{} blocks of {} leave a row or column of the {} x {} grid empty, which ELPA "
        "does not allow",
        blocks, block, grid.nprow, grid.npcol);
  return {};
}

struct Choice {
  Backend backend;
  std::string why;
};

Choice choose_backend(const EigenRequest& request, std::int64_t n) {
  if (n <= tiny) return {Backend::lapack, fmt::format("n = {} is solved by one rank", n)};
  if (request.vectors)
    return {Backend::elpa1, "with vectors ELPA's one-stage solver is the fastest measured"};
  return {Backend::elpa2, "for eigenvalues alone ELPA's two-stage solver is the fastest measured"};
}

void check_request(const EigenRequest& request, std::int64_t n) {
  if (request.count > n)
    throw Error(ExitCode::deck,
                "{} eigenvalues of a matrix with n = {}: valid are \"all\" or 1 to {}",
                request.count, n, n);
  if (request.count < 0)
    throw Error(ExitCode::deck, "a number of eigenvalues of {}: valid are \"all\" or 1 to {}",
                request.count, n);
  if (request.backend == Backend::automatic) return;
  const Capabilities able = capabilities(request.backend);
  const bool all = request.wanted(n) == n;
  if (!able.available || (all && !able.all) || (request.vectors && !able.vectors))
    throw Error(ExitCode::deck, "solver.backend = \"{}\" cannot do this: {}", name(request.backend),
                able.limits);
}

void check_wish(const LayoutWish& wish, int ranks) {
  if (wish.grid && (wish.grid->nprow < 1 || wish.grid->npcol < 1 ||
                    static_cast<std::int64_t>(wish.grid->nprow) * wish.grid->npcol > ranks))
    throw Error(ExitCode::deck, "a {} x {} process grid on {} ranks: nprow * npcol must be 1 to {}",
                wish.grid->nprow, wish.grid->npcol, ranks, ranks);
  if (wish.block && *wish.block < 1)
    throw Error(ExitCode::deck, "a block size of {}: it must be at least 1", *wish.block);
}

/// ELPA holds four to five matrices even for eigenvalues alone, ScaLAPACK's pdsyev hardly more than
/// the one it is given, and takes about three times as long.
void spare_memory(SolverPlan& plan, const EigenRequest& request, std::int64_t n,
                  const LayoutWish& wish) {
  if (request.backend != Backend::automatic || !wish.memory || !is_elpa(plan.backend)) return;
  const std::int64_t needed = solver_memory(plan, request, n).total();
  if (needed <= *wish.memory) return;
  SolverPlan lean = plan;
  lean.backend = Backend::scalapack;
  if (solver_memory(lean, request, n).total() >= needed) return;
  lean.reason = fmt::format(
      "{} would need {:.1f} GB a rank, {:.1f} GB are there: slower, and leaner", name(plan.backend),
      1e-9 * static_cast<double>(needed), 1e-9 * static_cast<double>(*wish.memory));
  plan = lean;
}

std::int64_t default_block(Backend backend, bool vectors, std::int64_t n) {
  if (backend == Backend::lapack) return std::max<std::int64_t>(1, std::min<std::int64_t>(n, 64));
  return backend == Backend::elpa2 && !vectors ? block_values : block_vectors;
}

}  // namespace

Capabilities capabilities(Backend backend) {
  Capabilities able;
  switch (backend) {
    case Backend::automatic:
      able.limits = "chooses among the others";
      break;
    case Backend::elpa2:
    case Backend::elpa1:
      able.min_block = 2;
      able.limits = "every rank of the grid must own a block, and blocks of 1 are not allowed";
      break;
    case Backend::scalapack:
      able.limits = "global sizes, local sizes and workspaces below 2^31";
      break;
    case Backend::lapack:
      able.max_ranks = 1;
      able.limits = "one rank does all the work";
      break;
    case Backend::slepc:
      able.all = false;
      able.limits =
          "Krylov-Schur computes the k largest eigenpairs with k < n; for all of them use elpa1, "
          "elpa2, scalapack or auto";
#ifndef FATHOM_HAVE_SLEPC
      able.available = false;
      able.limits =
          "this build has no SLEPc: install libslepc-real-dev and configure again, or use "
          "elpa1, elpa2, scalapack or auto";
#endif
      break;
  }
  return able;
}

SolverPlan plan_solver(const EigenRequest& request, std::int64_t n, int ranks,
                       const LayoutWish& wish) {
  FATHOM_ASSERT(n >= 1 && ranks >= 1, "n = {}, ranks = {}", n, ranks);
  check_request(request, n);
  check_wish(wish, ranks);

  SolverPlan plan;
  if (request.backend == Backend::automatic) {
    const Choice choice = choose_backend(request, n);
    plan.backend = choice.backend;
    plan.reason = choice.why;
    // A grid asked for is a wish to use it.
    if (plan.backend == Backend::lapack && wish.grid && *wish.grid != GridShape{1, 1}) {
      plan.backend = Backend::scalapack;
      plan.reason = "ScaLAPACK for the grid asked for";
    }
  } else {
    plan.backend = request.backend;
    plan.reason = "asked for";
  }
  plan.block = wish.block.value_or(default_block(plan.backend, request.vectors, n));
  plan.grid = wish.grid.value_or(
      plan.backend == Backend::lapack ? GridShape{1, 1} : choose_grid(ranks, n, plan.block));
  if (plan.backend == Backend::lapack && plan.grid != GridShape{1, 1})
    throw Error(
        ExitCode::deck,
        "solver.backend = \"lapack\" runs on one rank, not on a {} x {} grid: leave the grid "
        "out, or use scalapack",
        plan.grid.nprow, plan.grid.npcol);
  if (is_elpa(plan.backend)) {
    const std::string refusal = elpa_refusal(n, plan.grid, plan.block);
    if (!refusal.empty()) {
      plan.backend = plan.grid == GridShape{1, 1} ? Backend::lapack : Backend::scalapack;
      plan.reason = fmt::format("{} instead of ELPA: {}", name(plan.backend), refusal);
    }
  }
  spare_memory(plan, request, n, wish);
  if (plan.backend == Backend::slepc && request.wanted(n) >= n)
    plan.backend = plan.grid == GridShape{1, 1} ? Backend::lapack : Backend::scalapack;
  return plan;
}

SolverMemory solver_memory(const SolverPlan& plan, const EigenRequest& request, std::int64_t n) {
  const CyclicAxis rows(n, plan.block, plan.grid.nprow), cols(n, plan.block, plan.grid.npcol);
  const std::int64_t np = rows.local_extent(0), nq = cols.local_extent(0);
  const std::int64_t local = 8 * np * nq;
  const bool dense = plan.backend != Backend::slepc;
  SolverMemory memory;
  memory.matrix = local;
  if (request.vectors || !dense) {
    const CyclicAxis kept(request.wanted(n), plan.block, plan.grid.npcol);
    memory.copy = dense ? local : 0;
    memory.vectors = dense ? local : 8 * np * kept.local_extent(0);
  }
  // Shares of the matrix, measured as resident memory at n = 600 … 2400 on 1, 2 and 4 ranks. ELPA
  // solves the tridiagonal problem with vectors even where only values are asked for: a second
  // matrix for them, a third for the merges, and one more that Open MPI allocates for an exchange
  // in place; the two-stage solver adds its reflectors and two buffers for them.
  const bool alone = plan.grid == GridShape{1, 1};
  const auto shares = [&](double factor) {
    return static_cast<std::int64_t>(factor * static_cast<double>(local));
  };
  const double given = request.vectors ? 1 : 0;  // the matrix of vectors, counted above
  switch (plan.backend) {
    case Backend::elpa2:
      memory.workspace = shares(3.8 - given);
      break;
    case Backend::elpa1:
      memory.workspace = shares((alone ? 2.05 : 3.15) - given);
      break;
    case Backend::scalapack:
      memory.workspace = shares(request.vectors ? 2.25 : alone ? 0.02 : 0.1) + 64 * n;
      break;
    case Backend::lapack:
      memory.workspace = shares(request.vectors ? 2.05 : 0.05);
      break;
    case Backend::slepc:
      memory.workspace =
          16 * n * (2 * request.wanted(n) + 16) / (plan.grid.nprow * plan.grid.npcol);
      break;
    case Backend::automatic:
      break;
  }
  const VerifyOptions verify;
  memory.probes = 8 * n * (2 * verify.probes * verify.steps + 4 * verify.probes);
  return memory;
}

}  // namespace fathom
