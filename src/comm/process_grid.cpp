#include "comm/process_grid.hpp"

#include "base/assert.hpp"
#include "bindings/scalapack.hpp"

#include <algorithm>
#include <vector>

namespace fathom {
namespace {

/// Ranks used, less what a long grid loses: panels travel over rows of nprow and columns of npcol,
/// and ELPA wants npcol a multiple of nprow.
double grid_worth(int nprow, int npcol) {
  const double aspect = double(npcol) / nprow;
  return nprow * npcol / (1.0 + 0.1 * (aspect - 1.0)) * (npcol % nprow == 0 ? 1.0 : 0.95);
}

bool mpi_is_over() {
  int finalised = 0;
  MPI_Finalized(&finalised);
  return finalised != 0;
}

/// Makes a context on all ranks of comm: map as grid_map takes it. Collective over comm.
int make_context(const Communicator& comm, std::span<const int> map, GridShape shape) {
  const int handle = blacs::system_handle(comm.native());
  const int context = blacs::grid_map(handle, map, shape.nprow, shape.npcol);
  blacs::free_system_handle(handle);
  return context;
}

}  // namespace

GridShape choose_grid(int ranks, std::int64_t n, std::int64_t nb) {
  FATHOM_ASSERT(ranks >= 1 && n >= 0 && nb >= 1, "grid for {} ranks, n {}, nb {}", ranks, n, nb);
  const std::int64_t blocks = std::max<std::int64_t>(1, (n + nb - 1) / nb);
  GridShape best;
  double best_worth = 0;
  for (int nprow = 1; std::int64_t{nprow} * nprow <= ranks && nprow <= blocks; ++nprow) {
    for (int npcol = nprow; std::int64_t{nprow} * npcol <= ranks && npcol <= blocks; ++npcol) {
      if (grid_worth(nprow, npcol) <= best_worth) continue;
      best_worth = grid_worth(nprow, npcol);
      best = {nprow, npcol};
    }
  }
  return best;
}

struct ProcessGrid::State {
  GridShape shape;
  GridOrder order = GridOrder::row_major;
  int myrow = -1, mycol = -1;
  int context = -1, union_context = -1;
  Communicator parent, active, row, column;

  ~State() {
    if (mpi_is_over()) return;
    if (context >= 0) blacs::grid_exit(context);
    if (union_context >= 0) blacs::grid_exit(union_context);
  }
};

ProcessGrid::ProcessGrid(const Communicator& comm, GridShape shape, GridOrder order) {
  if (shape.nprow < 1 || shape.npcol < 1 || std::int64_t{shape.nprow} * shape.npcol > comm.size())
    throw AgreedError(ExitCode::usage, "a {} x {} process grid does not fit {} rank{}", shape.nprow,
                      shape.npcol, comm.size(), comm.size() == 1 ? "" : "s");
  auto state = std::make_shared<State>();
  state->shape = shape;
  state->order = order;
  state->parent = comm.duplicate();
  const int ranks = shape.nprow * shape.npcol, rank = comm.rank();
  const bool active = rank < ranks, by_row = order == GridOrder::row_major;
  if (active) {
    state->myrow = by_row ? rank / shape.npcol : rank % shape.nprow;
    state->mycol = by_row ? rank % shape.npcol : rank / shape.nprow;
  }
  state->active = state->parent.split(active ? 0 : -1, rank);
  state->row = state->parent.split(active ? state->myrow : -1, state->mycol);
  state->column = state->parent.split(active ? state->mycol : -1, state->myrow);

  std::vector<int> everyone(static_cast<std::size_t>(comm.size()));
  for (int r = 0; r < comm.size(); ++r)
    everyone[static_cast<std::size_t>(r)] = r;
  state->union_context = make_context(state->parent, everyone, {1, comm.size()});
  if (active) {
    std::vector<int> map;
    for (int q = 0; q < shape.npcol; ++q)
      for (int p = 0; p < shape.nprow; ++p)
        map.push_back(by_row ? p * shape.npcol + q : p + q * shape.nprow);
    state->context = make_context(state->active, map, shape);
    const blacs::GridInfo made = blacs::grid_info(state->context);
    FATHOM_ASSERT(made.nprow == shape.nprow && made.npcol == shape.npcol &&
                      made.myrow == state->myrow && made.mycol == state->mycol,
                  "BLACS made ({}, {}) of {} x {}, wanted ({}, {}) of {} x {}", made.myrow,
                  made.mycol, made.nprow, made.npcol, state->myrow, state->mycol, shape.nprow,
                  shape.npcol);
  }
  state_ = std::move(state);
}

bool ProcessGrid::active() const {
  return state_->myrow >= 0;
}
int ProcessGrid::nprow() const {
  return state_->shape.nprow;
}
int ProcessGrid::npcol() const {
  return state_->shape.npcol;
}
int ProcessGrid::myrow() const {
  return state_->myrow;
}
int ProcessGrid::mycol() const {
  return state_->mycol;
}
GridOrder ProcessGrid::order() const {
  return state_->order;
}
int ProcessGrid::rank_of(int row, int col) const {
  FATHOM_ASSERT(row >= 0 && row < nprow() && col >= 0 && col < npcol(), "({}, {}) of {} x {}", row,
                col, nprow(), npcol());
  return order() == GridOrder::row_major ? row * npcol() + col : row + col * nprow();
}
int ProcessGrid::blacs_context() const {
  return state_->context;
}
int ProcessGrid::union_context() const {
  return state_->union_context;
}
const Communicator& ProcessGrid::parent() const {
  return state_->parent;
}
const Communicator& ProcessGrid::active_comm() const {
  return state_->active;
}
const Communicator& ProcessGrid::row_comm() const {
  return state_->row;
}
const Communicator& ProcessGrid::column_comm() const {
  return state_->column;
}

}  // namespace fathom
