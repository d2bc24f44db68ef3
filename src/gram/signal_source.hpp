#pragma once

// Where the signals of a Gram matrix come from: the matrix is K = scale · Σ_k s_k(i) s_k(j), and a
// source makes s_k(i) for any list of its items and any range of the inner index k.

#include "base/view.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace fathom {

/// What making one signal value costs, counted.
struct SignalCost {
  double flops = 0;    ///< of dgemm, a value
  double seconds = 0;  ///< beside dgemm, a value (random numbers, activation)
};

/// Rounding errors of signals themselves, where they count, from a sample of them.
struct SignalRounding {
  double squared = 0;  ///< sum over sampled columns: mean of (δs/ε)² in each
  double columns = 0;  ///< how many were sampled
};

/// Signals of items 0 … items() − 1, each of length inner().
class SignalSource {
 public:
  SignalSource() = default;
  virtual ~SignalSource() = default;
  SignalSource(const SignalSource&) = delete;
  SignalSource& operator=(const SignalSource&) = delete;

  virtual std::int64_t items() const = 0;
  virtual std::int64_t inner() const = 0;
  virtual SignalCost cost() const = 0;
  /// What the signals are, for the log.
  virtual std::string description() const = 0;

  /// True where every rank can make every item; false where an item's signals exist on one rank
  /// alone, which settles the movement: made once.
  virtual bool anywhere() const { return true; }

  /// Doubles of workspace that make() needs for each inner index of a chunk.
  virtual std::int64_t workspace_per_inner() const { return 0; }

  /// Doubles an item that the source would rather keep over all chunks than make for each.
  virtual std::int64_t held_per_item() const { return 0; }

  /// Tells which items this rank will ask for; `hold` says whether held_per_item() is granted.
  /// Every later make() names one of these lists, by the same span. `chunk` is the longest range.
  /// May throw bad_alloc. Local.
  virtual void prepare(std::span<const std::span<const std::int64_t>> lists, std::int64_t chunk,
                       bool hold) {
    static_cast<void>(lists), static_cast<void>(chunk), static_cast<void>(hold);
  }

  /// Gives back what prepare took. Local.
  virtual void release() {}

  /// Called before the signals of the chunk are made: the only place where a source may
  /// communicate. Collective over the active ranks.
  virtual void begin_chunk(std::int64_t first, std::int64_t count) {
    static_cast<void>(first), static_cast<void>(count);
  }
  /// True where begin_chunk communicates.
  virtual bool begins_chunks() const { return false; }

  /// out(k, q) = signal of items[q] at inner index first + k. Local.
  /// @pre out.cols == items.size(), first + out.rows ≤ inner()
  virtual void make(std::span<const std::int64_t> items, std::int64_t first,
                    MatrixView<double> out) = 0;

  /// Of what was made since the last call. Local.
  virtual SignalRounding take_rounding() { return {}; }
};

}  // namespace fathom
