#pragma once

// Signal sources made of rows of vectors: the rows themselves, and random features of them.

#include "gram/data_rows.hpp"
#include "gram/signal_source.hpp"
#include "kernels/activation.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace fathom {

/// The rows of which this rank makes signals, brought to it from a matrix in any layout: the share
/// of a grid row's local rows that PanelStream gives it.
class HeldShare {
 public:
  /// Collective over the grid's parent. block is that of the matrix to be assembled.
  HeldShare(const DistMatrix& rows, const ProcessGrid& grid, std::int64_t block);

  /// out(k, q) = coordinate first + k of the q-th row of the share. Local.
  void copy(std::int64_t first, MatrixView<double> out) const;

 private:
  std::int64_t share_ = 0, dim_ = 0, width_ = 1;
  std::vector<double> data_;  // slabs of `width_` coordinates, each coordinates × share
};

/// Ranges of inner rows, gathered on all active ranks as they are needed.
class GatheredRows {
 public:
  /// Collective over the grid's parent.
  GatheredRows(const DistMatrix& rows, const ProcessGrid& grid);

  void reserve(std::int64_t chunk);  ///< local, may throw bad_alloc
  void release();                    ///< local
  /// Rows first … first + count − 1. Collective over the active ranks. @pre count ≤ reserved
  void gather(std::int64_t first, std::int64_t count);
  /// dim × count, of the last gather. Local.
  MatrixView<const double> panel() const { return {panel_.data(), dim_, count_, dim_}; }

 private:
  ProcessGrid column_;  // P × 1, rows dealt out one by one
  DistMatrix rows_;
  std::int64_t dim_, count_ = 0;
  std::vector<double> panel_, mine_, arrived_;
};

/// Signals s_k(i) = coordinate k of row i: the Gram matrix X Xᵀ.
class RowSignals : public SignalSource {
 public:
  /// rows outlives this object. Collective over the grid's parent where rows are held.
  RowSignals(const DataRows& rows, const ProcessGrid& grid, std::int64_t block);

  std::int64_t items() const override { return rows_.count(); }
  std::int64_t inner() const override { return rows_.dim(); }
  SignalCost cost() const override { return {0.0, rows_.seconds_per_value()}; }
  std::string description() const override { return rows_.description(); }
  bool anywhere() const override { return !share_; }
  void make(std::span<const std::int64_t> items, std::int64_t first,
            MatrixView<double> out) override;

 private:
  const DataRows& rows_;
  std::optional<HeldShare> share_;
};

/// Signals s_k(i) = coordinate i of row k: the second moments XᵀX.
class ColumnSignals : public SignalSource {
 public:
  ColumnSignals(const DataRows& rows, const ProcessGrid& grid);

  std::int64_t items() const override { return rows_.dim(); }
  std::int64_t inner() const override { return rows_.count(); }
  SignalCost cost() const override;
  std::string description() const override { return rows_.description(); }
  std::int64_t workspace_per_inner() const override { return rows_.dim(); }
  void prepare(std::span<const std::span<const std::int64_t>> lists, std::int64_t chunk,
               bool hold) override;
  void release() override;
  bool begins_chunks() const override { return gathered_.has_value(); }
  void begin_chunk(std::int64_t first, std::int64_t count) override;
  void make(std::span<const std::int64_t> items, std::int64_t first,
            MatrixView<double> out) override;

 private:
  const DataRows& rows_;
  std::optional<GatheredRows> gathered_;
  std::vector<double> panel_;  // dim × chunk, where made here
};

/// Signals s_k(i) = f(⟨x_i, w_k⟩) over items i and inner rows k: f(XW) from its rows (items X,
/// inner W) or from its columns (items W, inner X).
class FeatureSignals : public SignalSource {
 public:
  /// Both outlive this object. Collective over the grid's parent where one of them is held.
  FeatureSignals(const DataRows& item_rows, const DataRows& inner_rows, Activation activation,
                 const ProcessGrid& grid, std::int64_t block);

  std::int64_t items() const override { return item_rows_.count(); }
  std::int64_t inner() const override { return inner_rows_.count(); }
  SignalCost cost() const override;
  std::string description() const override;
  bool anywhere() const override { return !share_; }
  std::int64_t held_per_item() const override { return share_ ? 0 : item_rows_.dim(); }
  std::int64_t workspace_per_inner() const override;
  void prepare(std::span<const std::span<const std::int64_t>> lists, std::int64_t chunk,
               bool hold) override;
  void release() override;
  bool begins_chunks() const override { return gathered_.has_value(); }
  void begin_chunk(std::int64_t first, std::int64_t count) override;
  void make(std::span<const std::int64_t> items, std::int64_t first,
            MatrixView<double> out) override;

  /// By the rounding of XW.
  SignalRounding take_rounding() override { return std::exchange(rounding_, {}); }

 private:
  struct Held {
    std::span<const std::int64_t> items;
    std::vector<double> rows;  // dim × items
  };
  MatrixView<const double> item_block(std::span<const std::int64_t> items, std::int64_t coordinate,
                                      std::int64_t length);
  MatrixView<const double> inner_block(std::int64_t first, std::int64_t count,
                                       std::int64_t coordinate, std::int64_t length);
  void add_rounding(MatrixView<const double> products);

  const DataRows& item_rows_;
  const DataRows& inner_rows_;
  Activation activation_;
  std::optional<HeldShare> share_;
  std::optional<GatheredRows> gathered_;
  std::int64_t slab_ = 1;  // coordinates at a time
  std::vector<Held> held_;
  std::vector<double> item_buffer_, inner_buffer_;
  SignalRounding rounding_;
};

}  // namespace fathom
