#pragma once

// Memory of one point on the fullest rank, stage by stage and item by item, before anything is
// made. Pure: the same numbers for the command `plan` and for the run that holds itself to them.

#include "studies/problem_shape.hpp"

#include <string>
#include <vector>

namespace fathom {

struct MemoryItem {
  std::string name;
  double bytes = 0;
};

/// What a rank holds at once at some time of the run.
enum class Stage { reading, training, assembly, solve, gradients, deep, fallback, products, write };
const char* name(Stage stage);

struct MemoryStage {
  Stage stage = Stage::assembly;
  std::string when;  ///< empty: always; else in which case, in words
  std::vector<MemoryItem> items;

  double total() const;
  double of(const std::string& item) const;  ///< 0 where there is none
};

/// The stages of one point, and the solver that they are counted for.
struct PlannedMemory {
  SolverPlan solver;
  double matrix = 0;  ///< bytes of the largest matrix on the fullest rank
  std::vector<MemoryStage> stages;

  const MemoryStage* find(Stage stage) const;
  /// The stage that takes most, of those that always come; never null.
  const MemoryStage& fullest() const;
};

/// In `auto`: the longest factor, in rows a column, that is reduced without being asked for by
/// name.
constexpr std::int64_t longest_unasked = 64;

/// What libraries and the runtime allocate for themselves where they are first used.
constexpr double first_use_bytes = 7 * 0x1p20;

/// The shape where a rank may take so many bytes.
ProblemShape with_room(ProblemShape shape, double bytes);

/// wish.memory of the shape's layout is the bytes that a rank may take, where known: the choice of
/// solver may depend on them. Error(deck) where a solver asked for by name cannot do this.
PlannedMemory point_memory(const ProblemShape& shape, int ranks);

/// The ways to multiply with a matrix that is not diagonalised, the cheapest first. @pre density
struct ProductWay {
  std::string name;       ///< "gram", "factor", "matrix_free"
  double flops = 0;       ///< of all products
  double bytes = 0;       ///< that a rank must hold
  double assembling = 0;  ///< flops of them that make the matrix or the factor's rows
};
std::vector<ProductWay> product_ways(const ProblemShape& shape, int ranks);

/// The way that study.matrix asks for, or the cheapest that fits. @pre shape.density
ProductWay chosen_way(const ProblemShape& shape, int ranks);

/// Start vectors, the block and its product, and the basis of the Lanczos process, on a rank.
double lanczos_bytes(std::int64_t n, std::int64_t probes, std::int64_t steps, int ranks);

}  // namespace fathom
