#pragma once

// Point-to-point messages in flight between the ranks of one communicator.

#include "comm/communicator.hpp"

#include <cstdint>
#include <vector>

namespace fathom {

/// Post every receive and send, then take the arrivals as they come. Buffers must outlive the
/// messages. Each call is local; together they match what the other ranks post with the same tag.
class Messages {
 public:
  Messages(const Communicator& comm, int tag) : comm_(&comm), tag_(tag) {}
  Messages(const Messages&) = delete;
  Messages& operator=(const Messages&) = delete;

  /// @pre count < 2^31
  void receive(double* data, std::int64_t count, int from);
  void send(const double* data, std::int64_t count, int to);

  /// Waits for one posted receive; its number in the order of posting. @pre one is outstanding
  std::size_t next_arrival();
  void wait_for_sends();

 private:
  const Communicator* comm_;
  int tag_;
  std::vector<MPI_Request> receiving_, sending_;
};

}  // namespace fathom
