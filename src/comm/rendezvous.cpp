#include "comm/rendezvous.hpp"

#include "base/timer.hpp"

#include <chrono>
#include <thread>

namespace fathom {

bool Rendezvous::all_arrive(double seconds) {
  if (request_ == MPI_REQUEST_NULL && MPI_Ibarrier(comm_.native(), &request_) != MPI_SUCCESS)
    return false;
  const Timer timer;
  int done = 0;
  while (true) {
    if (MPI_Test(&request_, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS) return false;
    if (done) return true;
    if (timer.seconds() > seconds) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

int Rendezvous::from_root(int value) const {
  std::int64_t shared = value;
  comm_.broadcast(std::span<std::int64_t>(&shared, 1));
  return static_cast<int>(shared);
}

}  // namespace fathom
