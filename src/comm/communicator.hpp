#pragma once

// A communicator, and agreement on errors over its ranks.

#include "base/error.hpp"
#include "bindings/mpi.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace fathom {

/// An error that every rank of a communicator throws at the same place with the same code and
/// message: the program may end in order. Any other exception may belong to one rank alone, and
/// then only MPI_Abort ends the others (MpiSession::abort).
class AgreedError : public Error {
 public:
  using Error::Error;
};

/// Owns a duplicate (or a split) of an MPI communicator; move-only. A default-constructed one is
/// null: the rank is outside.
class Communicator {
 public:
  Communicator() = default;
  ~Communicator();
  Communicator(Communicator&&) noexcept;
  Communicator& operator=(Communicator&&) noexcept;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  static Communicator world();  ///< duplicate of MPI_COMM_WORLD; collective
  /// Ranks with the same color ≥ 0 form a communicator, ordered by key; color < 0 gives a null one.
  /// Collective.
  Communicator split(int color, int key) const;
  Communicator duplicate() const;  ///< collective

  bool is_null() const { return comm_ == MPI_COMM_NULL; }
  int rank() const { return rank_; }
  int size() const { return size_; }
  bool root() const { return rank_ == 0; }
  MPI_Comm native() const { return comm_; }

  void barrier() const;                            ///< collective
  void sum(std::span<double> values) const;        ///< in place over all ranks; collective
  void sum(std::span<std::int64_t> values) const;  ///< collective
  void max(std::span<double> values) const;        ///< collective
  void min(std::span<double> values) const;        ///< collective
  double sum(double value) const;                  ///< collective
  double max(double value) const;                  ///< collective
  double min(double value) const;                  ///< collective
  std::int64_t sum(std::int64_t value) const;      ///< collective
  std::int64_t max(std::int64_t value) const;      ///< collective
  std::int64_t min(std::int64_t value) const;      ///< collective
  void broadcast(std::span<double> values,
                 int root = 0) const;  ///< any length (split under 2^30); collective
  void broadcast(std::span<std::int64_t> values, int root = 0) const;  ///< collective
  void broadcast(std::string& text, int root = 0) const;               ///< collective
  std::vector<std::string> gather(const std::string& text,
                                  int root = 0) const;  ///< one entry a rank on root; collective
  std::vector<double> gather(double value, int root = 0) const;  ///< collective

  /// Runs the local action; if it throws on any rank, every rank throws the same AgreedError (the
  /// first failing rank's code and message, with that rank and the count of failing ranks where it
  /// is not all). std::bad_alloc becomes no_fit, any other exception internal. The action must not
  /// communicate. Collective.
  void agree(const std::function<void()>& local_action) const;
  /// The same for an action of rank 0 alone; its message then names no rank. Collective.
  void agree_on_root(const std::function<void()>& root_action) const;

 private:
  explicit Communicator(MPI_Comm comm);
  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 0;
};

}  // namespace fathom
