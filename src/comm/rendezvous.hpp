#pragma once

// Whether all ranks came to the same place: how the last handler of a program tells an error that
// every rank has from one that struck some ranks while the others wait for them elsewhere.

#include "comm/communicator.hpp"

namespace fathom {

class Rendezvous {
 public:
  /// Collective.
  explicit Rendezvous(const Communicator& comm) : comm_(comm.split(0, comm.rank())) {}

  /// True on every rank where all ranks call this within `seconds` of each other; false on those
  /// that waited in vain, which may call it again to go on waiting. Blocks no longer than
  /// `seconds`.
  bool all_arrive(double seconds);

  /// Rank 0's value on every rank. Collective.
  int from_root(int value) const;

 private:
  Communicator comm_;
  MPI_Request request_ = MPI_REQUEST_NULL;
};

}  // namespace fathom
