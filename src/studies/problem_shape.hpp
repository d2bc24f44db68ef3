#pragma once

// What a plan has to know of one point of a deck: sizes and counts, from the deck and the headers
// of its files alone. Nothing is made; pure.

#include "deck/deck.hpp"
#include "eigen/factor_spectrum.hpp"
#include "eigen/plan.hpp"
#include "eigen/verify.hpp"
#include "gram/movement.hpp"
#include "studies/input_shapes.hpp"
#include "studies/network_shape.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace fathom {

/// Signals of a Gram matrix as they are counted, see gram/signal_source.hpp.
struct SignalShape {
  std::int64_t items = 0, inner = 0;
  SignalCost cost;
  bool anywhere = true;
  std::int64_t held_per_item = 0;        ///< doubles, where the source may keep them
  std::int64_t brought_per_item = 0;     ///< doubles of the share of held rows, where they are held
  std::int64_t workspace_per_inner = 0;  ///< doubles
  std::int64_t slab_per_item = 0;        ///< doubles of coordinates, where items are not kept
  double dealt_doubles = 0;              ///< of inner rows that are held, over all ranks
  double map_seconds = 0;                ///< of an entry's map, beside the products
};

/// A factor F, K = FᵀF, counted.
struct FactorShape {
  std::int64_t rows = 0, cols = 0;
  bool graded = false;
  double decay = 0;  ///< eigenvalues fall about as j^−decay; 0: not known
  double flops = 0;  ///< of making all rows once
  /// Bytes kept on a rank with so many columns; may be empty.
  std::function<double(std::int64_t local_cols)> keeps = {};
};

/// Products with the matrix by the kernel's own means, neither it nor a factor made.
struct ProductShape {
  double flops = 0;  ///< of one column, all ranks
  /// On the fullest rank, so many columns at a time.
  std::function<double(int ranks, std::int64_t columns)> bytes;
};

/// Products with random vectors instead of a diagonalisation.
struct DensityShape {
  std::int64_t probes = 0, steps = 0;
  std::string matrix;  ///< study.matrix
};

struct ProblemShape {
  std::int64_t n = 0;
  EigenRequest request;
  LayoutWish layout;
  VerifyOptions verify;
  TailMethod tail = TailMethod::automatic;
  bool extended = false;
  bool matrix_free = false;
  bool store_vectors = false;
  std::optional<SignalShape> signals;  ///< none where the matrix is given
  Movement movement = Movement::automatic;
  std::int64_t chunk = 0;
  bool given = false;  ///< the matrix comes from a file
  std::optional<FactorShape> factor;
  std::optional<ProductShape> products;
  double assembly_flops = 0;    ///< of the matrix, all ranks; 0: as the product of its factor
  double held_doubles = 0;      ///< of data from a file, over all ranks
  double replicated_bytes = 0;  ///< of targets
  std::optional<NetworkShape> network;
  std::optional<DensityShape> density;
  std::int64_t flow_snapshots = 0;                 ///< of a training in closed form
  std::shared_ptr<const ProblemShape> covariance;  ///< of the data before the layer
};

/// Of one point. Error(deck) where a number of the deck is beyond the data.
ProblemShape problem_shape(const Deck& point, const InputShapes& inputs);

}  // namespace fathom
