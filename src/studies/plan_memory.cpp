#include "studies/plan_memory.hpp"

#include "base/assert.hpp"
#include "eigen/extended_cascade.hpp"
#include "gram/movement.hpp"
#include "studies/plan_network.hpp"

#include <algorithm>
#include <cmath>

namespace fathom {
namespace {

constexpr double number = 8;  // bytes of a double

/// The counts of a source, for what chooses its movement.
class CountedSource final : public SignalSource {
 public:
  explicit CountedSource(const SignalShape& shape) : shape_(shape) {}
  std::int64_t items() const override { return shape_.items; }
  std::int64_t inner() const override { return shape_.inner; }
  SignalCost cost() const override { return shape_.cost; }
  std::string description() const override { return "counted"; }
  bool anywhere() const override { return shape_.anywhere; }
  std::int64_t workspace_per_inner() const override { return shape_.workspace_per_inner; }
  std::int64_t held_per_item() const override { return shape_.held_per_item; }
  void make(std::span<const std::int64_t>, std::int64_t, MatrixView<double>) override {
    FATHOM_ASSERT(false, "a counted source makes nothing of {} items", shape_.items);
  }

 private:
  SignalShape shape_;
};

struct LocalMatrix {
  CyclicAxis rows, cols;
  LocalMatrix(std::int64_t n, const SolverPlan& solver)
      : rows(n, solver.block, solver.grid.nprow), cols(n, solver.block, solver.grid.npcol) {}
  double np() const { return static_cast<double>(rows.local_extent(0)); }
  double nq() const { return static_cast<double>(cols.local_extent(0)); }
  double bytes() const { return number * np() * nq(); }
};

/// Panels of the exchange that mirrors a triangle, as dist/symmetric.cpp cuts them.
double mirror_bytes(std::int64_t n, const SolverPlan& solver) {
  const LocalMatrix local(n, solver);
  const int nprow = solver.grid.nprow, npcol = solver.grid.npcol;
  if (nprow * npcol == 1) return 0;
  constexpr double panel_columns = 512, panel_elements = 0x1p23;
  const double round = static_cast<double>(solver.block) * std::max(nprow, npcol);
  const double wish = std::min(panel_columns, panel_elements / local.np() * npcol);
  const double width =
      std::min(static_cast<double>(n), std::max(1.0, std::floor(wish / round)) * round);
  return number * width * (local.np() / npcol + local.nq() / nprow);
}

/// Data of a file, and what of them stands beside the matrix whichever stage it is.
std::vector<MemoryItem> kept_items(const ProblemShape& shape, int ranks) {
  std::vector<MemoryItem> items;
  if (shape.held_doubles > 0)
    items.push_back({"data from the file", number * shape.held_doubles / ranks});
  if (shape.replicated_bytes > 0) items.push_back({"targets", shape.replicated_bytes});
  if (shape.network)
    for (MemoryItem& item : network_items(shape, ranks))
      items.push_back(std::move(item));
  return items;
}

/// Rows of a rank's items beside the chunks, and inner rows that are dealt out.
double brought_bytes(const SignalShape& signals, const MovementPlan& plan, const LocalMatrix& local,
                     const SolverPlan& solver) {
  const double share = std::ceil(local.np() / solver.grid.npcol);
  const int ranks = solver.grid.nprow * solver.grid.npcol;
  double doubles =
      static_cast<double>(signals.brought_per_item) * share + signals.dealt_doubles / ranks;
  if (signals.slab_per_item > 0 && !plan.hold) {
    const double made =
        plan.movement == Movement::made_once ? share : std::max(local.np(), local.nq());
    doubles += static_cast<double>(signals.slab_per_item) * made;
  }
  return number * doubles;
}

MemoryStage assembly_stage(const ProblemShape& shape, const SolverPlan& solver) {
  const LocalMatrix local(shape.n, solver);
  MemoryStage stage{Stage::assembly, "", kept_items(shape, solver.grid.nprow * solver.grid.npcol)};
  stage.items.push_back({"matrix", local.bytes()});
  const double mirror = mirror_bytes(shape.n, solver);
  if (shape.given) {
    constexpr double panel = 0x1p26;  // of the reader, and on its way
    stage.items.push_back({"reading panels", std::max(mirror, 2 * std::min(local.bytes(), panel))});
    return stage;
  }
  const Distribution distribution{local.rows, local.cols};
  double chunk = 0;
  if (shape.network) {
    AssemblyOptions options;
    options.movement = shape.movement;
    options.chunk = shape.chunk;
    chunk = shape.network->kernel.assembly_bytes(distribution, options);
  } else {
    const MovementPlan plan =
        plan_movement(CountedSource(*shape.signals), distribution, shape.movement, shape.chunk);
    chunk = number * static_cast<double>(plan.workspace_doubles) +
            brought_bytes(*shape.signals, plan, local, solver);
  }
  if (chunk >= mirror)
    stage.items.push_back({"signals' chunk", chunk});
  else
    stage.items.push_back({"mirroring panels", mirror});
  return stage;
}

void add_solver_items(MemoryStage& stage, const SolverMemory& memory) {
  const auto add = [&](const char* name, std::int64_t bytes) {
    if (bytes > 0) stage.items.push_back({name, static_cast<double>(bytes)});
  };
  add("matrix", memory.matrix);
  add("matrix for the residuals", memory.copy);
  add("eigenvectors", memory.vectors);
  add("solver workspace", memory.workspace);
  add("probes of the certificate", memory.probes);
}

MemoryStage solve_stage(const ProblemShape& shape, const SolverPlan& solver,
                        const EigenRequest& request) {
  MemoryStage stage{Stage::solve, "", kept_items(shape, solver.grid.nprow * solver.grid.npcol)};
  add_solver_items(stage, solver_memory(solver, request, shape.n));
  return stage;
}

/// The matrix made again, and ScaLAPACK on it.
MemoryStage fallback_stage(const ProblemShape& shape, const SolverPlan& solver,
                           const EigenRequest& request) {
  SolverPlan second = solver;
  second.backend = Backend::scalapack;
  MemoryStage stage{Stage::fallback, "where the first solver fails its certificate",
                    kept_items(shape, solver.grid.nprow * solver.grid.npcol)};
  SolverMemory memory = solver_memory(second, request, shape.n);
  // pdsyevd without vectors makes them all the same.
  if (solver.backend == Backend::scalapack && !request.vectors)
    memory.workspace = 9 * memory.matrix / 4, memory.vectors = memory.matrix;
  add_solver_items(stage, memory);
  return stage;
}

EigenRequest all_pairs() {
  return {.count = 0, .vectors = true, .backend = Backend::automatic};
}

/// A deeper route by a factor: measured as resident memory at n = 400 … 1200 on 1 and 2 ranks, good
/// to some 20 %: chunk, stack and triangle of the reduction, or the copies of A and the solve of a
/// level. Graded rows are rotated and read twice.
MemoryStage factor_stage(const ProblemShape& shape, int ranks) {
  const std::int64_t n = shape.n, order = std::min(n, shape.factor->rows);
  LayoutWish wish = shape.layout;
  wish.memory.reset();
  const SolverPlan solver = plan_solver(all_pairs(), order, ranks, wish);
  const auto local = [&](std::int64_t rows, std::int64_t cols) {
    return number *
           static_cast<double>(CyclicAxis(rows, solver.block, solver.grid.nprow).local_extent(0) *
                               CyclicAxis(cols, solver.block, solver.grid.npcol).local_extent(0));
  };
  const double tall = local(n, order), square = local(order, order);
  const bool vectors = shape.request.vectors;
  double first = 4 * tall, levels = 3 * square, finished = 0;
  if (vectors) finished = 3.3 * tall + (shape.factor->rows < n ? 3 * local(n, n) : 0.0);
  if (shape.tail == TailMethod::svd && !vectors) {
    // No level: the reduction takes most, 5.8 to 6.9 of them at n = 1000 and 1250.
    first = 6.5 * tall;
    levels = 0;
  } else if (shape.factor->graded) {
    levels += 1.7 * square;
    first = std::max(first, 11 * tall - levels - finished);
  }
  MemoryStage stage{Stage::deep, "", kept_items(shape, ranks)};
  stage.items.push_back({"factor: chunk, stack and triangle", first});
  if (levels > 0) stage.items.push_back({"levels of the cascade", levels});
  if (vectors) stage.items.push_back({"eigenvectors", finished});
  constexpr double slabs = 6 * 0x1p20;  // of the rows' making
  const std::int64_t cols = CyclicAxis(n, solver.block, solver.grid.npcol).local_extent(0);
  stage.items.push_back(
      {"making of the rows", slabs + (shape.factor->keeps ? shape.factor->keeps(cols) : 0.0)});
  return stage;
}

MemoryStage extended_stage(const ProblemShape& shape, int ranks) {
  LayoutWish wish = shape.layout;
  wish.memory.reset();
  const SolverPlan solver = plan_solver({0, true, Backend::automatic}, shape.n, ranks, wish);
  MemoryStage stage{Stage::deep, "", kept_items(shape, ranks)};
  stage.items.push_back(
      {"matrix in double-double and its levels",
       static_cast<double>(extended_memory(shape.n, solver, shape.request.vectors))});
  return stage;
}

MemoryStage matrix_free_stage(const ProblemShape& shape, int ranks) {
  SolverPlan plan;
  plan.backend = Backend::slepc;
  plan.grid = {ranks, 1};
  const SolverMemory memory = solver_memory(plan, shape.request, shape.n);
  MemoryStage stage{Stage::products, "", kept_items(shape, ranks)};
  const double rows = shape.factor ? static_cast<double>(shape.factor->rows) : 0.0;
  if (shape.products)
    stage.items.push_back({"passes and directions", shape.products->bytes(ranks, 1)});
  else
    stage.items.push_back({"factor rows in the making",
                           std::min(number * rows * static_cast<double>(shape.n) / ranks, 0x1p27)});
  stage.items.push_back(
      {"eigenvectors and basis", static_cast<double>(memory.total() - memory.matrix)});
  return stage;
}

MemoryStage density_stage(const ProblemShape& shape, int ranks) {
  const ProductWay way = chosen_way(shape, ranks);
  MemoryStage stage{Stage::products, "", kept_items(shape, ranks)};
  stage.items.push_back({"products with: " + way.name, way.bytes});
  stage.items.push_back({"probes and Lanczos basis", lanczos_bytes(shape.n, shape.density->probes,
                                                                   shape.density->steps, ranks)});
  return stage;
}

/// The root's panel beside the vectors.
MemoryStage write_stage(const ProblemShape& shape, const SolverPlan& solver) {
  const auto n = static_cast<double>(shape.n);
  const double count = static_cast<double>(shape.request.wanted(shape.n));
  MemoryStage stage{Stage::write, "", kept_items(shape, solver.grid.nprow * solver.grid.npcol)};
  const CyclicAxis cols(shape.request.wanted(shape.n), solver.block, solver.grid.npcol);
  const LocalMatrix local(shape.n, solver);
  stage.items.push_back(
      {"eigenvectors", number * local.np() * static_cast<double>(cols.local_extent(0))});
  stage.items.push_back({"writing panel", 2 * std::min(number * n * count, 0x1p28)});
  return stage;
}

void add_deep(PlannedMemory& memory, const ProblemShape& shape, int ranks, bool only) {
  if (shape.extended) {
    memory.stages.push_back(extended_stage(shape, ranks));
    return;
  }
  if (!shape.factor || shape.request.backend == Backend::slepc) return;
  if (!only && shape.factor->rows > longest_unasked * shape.n) return;
  MemoryStage deep = factor_stage(shape, ranks);
  if (!only) {
    // `auto` keeps the vectors of the Gram route until the deeper one is done.
    if (shape.request.vectors)
      deep.items.push_back({"eigenvectors of the Gram matrix", memory.matrix});
    deep.when = "where modes lie below the floor of the Gram matrix";
  }
  memory.stages.push_back(std::move(deep));
}

/// While the data of a file are dealt to the ranks, or handed to all of them.
MemoryStage reading_stage(const ProblemShape& shape, double doubles, int ranks) {
  const double share = number * doubles / ranks;
  // A panel of the file stands by rows, by columns, and twice more while it travels.
  constexpr double panel = 0x1p26;
  const double whole = shape.network ? shape.network->data_bytes : 0.0;
  return {Stage::reading,
          "",
          {{"data as they are dealt", share},
           {whole > 0 ? "panels, or the data on every rank" : "panels",
            std::max(2 * std::min(panel, 2 * share), whole)}}};
}

/// Before the first matrix.
void add_first_stages(PlannedMemory& memory, const ProblemShape& shape, int ranks) {
  const double stored = shape.network ? shape.network->stored_doubles : shape.held_doubles;
  if (stored > 0) memory.stages.push_back(reading_stage(shape, stored, ranks));
  if (!shape.network || !shape.network->training) return;
  memory.stages.push_back(training_stage(shape, ranks));
  memory.stages.push_back(gradients_stage(shape, memory.matrix, ranks));
}

}  // namespace

const char* name(Stage stage) {
  switch (stage) {
    case Stage::reading:
      return "reading";
    case Stage::training:
      return "training";
    case Stage::assembly:
      return "assembly";
    case Stage::solve:
      return "solve";
    case Stage::gradients:
      return "gradients";
    case Stage::deep:
      return "deeper route";
    case Stage::fallback:
      return "fallback";
    case Stage::products:
      return "products";
    case Stage::write:
      return "write";
  }
  return "?";
}

double MemoryStage::total() const {
  double sum = 0;
  for (const MemoryItem& item : items)
    sum += item.bytes;
  return sum;
}

double MemoryStage::of(const std::string& item) const {
  for (const MemoryItem& i : items)
    if (i.name == item) return i.bytes;
  return 0;
}

const MemoryStage* PlannedMemory::find(Stage stage) const {
  for (const MemoryStage& s : stages)
    if (s.stage == stage) return &s;
  return nullptr;
}

const MemoryStage& PlannedMemory::fullest() const {
  FATHOM_ASSERT(!stages.empty(), "a point of {} stages", stages.size());
  const MemoryStage* most = nullptr;
  for (const MemoryStage& s : stages)
    if (s.when.empty() && (!most || s.total() > most->total())) most = &s;
  return most ? *most : stages.front();
}

std::vector<ProductWay> product_ways(const ProblemShape& shape, int ranks) {
  const auto order = static_cast<double>(shape.n);
  const auto steps = static_cast<double>(shape.density->steps);
  const double products = steps * static_cast<double>(shape.density->probes);
  const double gram_bytes = 1.3 * order * order * number / ranks;
  if (!shape.factor) return {{"gram", products * 2 * order * order, gram_bytes}};
  const auto rows = static_cast<double>(shape.factor->rows);
  const double all = rows * order * number / ranks, chunk = std::min(all, 0x1p27);
  const double once = shape.factor->flops, each = products * 4 * rows * order;
  const double assembly =
      shape.assembly_flops > 0 ? shape.assembly_flops : once + order * order * rows;
  std::vector<ProductWay> known{
      {"gram", assembly + products * 2 * order * order, gram_bytes, assembly},
      {"factor", once + each, 1.1 * all, once},
      {"matrix_free", steps * once + each, chunk, steps * once}};
  if (shape.products)
    known.back() = {"matrix_free", products * shape.products->flops,
                    shape.products->bytes(ranks, shape.density->probes)};
  std::stable_sort(known.begin(), known.end(),
                   [](const ProductWay& a, const ProductWay& b) { return a.flops < b.flops; });
  return known;
}

ProductWay chosen_way(const ProblemShape& shape, int ranks) {
  const std::vector<ProductWay> ways = product_ways(shape, ranks);
  const std::string& wish = shape.density->matrix;
  const auto& room = shape.layout.memory;
  for (const ProductWay& way : ways)
    if (way.name == wish || (wish == "auto" && (!room || way.bytes <= static_cast<double>(*room))))
      return way;
  return *std::ranges::min_element(ways, {}, &ProductWay::bytes);
}

double lanczos_bytes(std::int64_t n, std::int64_t probes, std::int64_t steps, int ranks) {
  const auto order = static_cast<double>(n);
  const double taken = std::min(order, static_cast<double>(steps));
  return number * order * static_cast<double>(probes) * (5 + (taken + 2) / ranks);
}

ProblemShape with_room(ProblemShape shape, double bytes) {
  shape.layout.memory = static_cast<std::int64_t>(std::max(0.0, bytes));
  return shape;
}

PlannedMemory point_memory(const ProblemShape& shape, int ranks) {
  PlannedMemory memory;
  memory.solver.grid = {ranks, 1};
  if (shape.density || shape.matrix_free) {
    add_first_stages(memory, shape, ranks);
    memory.stages.push_back(shape.density ? density_stage(shape, ranks)
                                          : matrix_free_stage(shape, ranks));
    if (shape.matrix_free) memory.solver.backend = Backend::slepc;
    return memory;
  }
  EigenRequest request = shape.request;
  if (shape.extended) request.vectors = false;  // the first look needs none
  memory.solver = plan_solver(request, shape.n, ranks, shape.layout);
  memory.matrix = LocalMatrix(shape.n, memory.solver).bytes();
  add_first_stages(memory, shape, ranks);
  const bool named = shape.tail == TailMethod::cascade || shape.tail == TailMethod::svd;
  if (!named) {
    memory.stages.push_back(assembly_stage(shape, memory.solver));
    memory.stages.push_back(solve_stage(shape, memory.solver, request));
  }
  if (shape.tail != TailMethod::gram || shape.extended) add_deep(memory, shape, ranks, named);
  if (shape.store_vectors) memory.stages.push_back(write_stage(shape, memory.solver));
  if (!named) memory.stages.push_back(fallback_stage(shape, memory.solver, request));
  FATHOM_ASSERT(!memory.stages.empty(), "no stage for n = {}", shape.n);
  return memory;
}

}  // namespace fathom
