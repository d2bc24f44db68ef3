#include "comm/messages.hpp"

#include "base/blas_int.hpp"

namespace fathom {

void Messages::receive(double* data, std::int64_t count, int from) {
  check_mpi(MPI_Irecv(data, to_blas_int(count, "message length"), MPI_DOUBLE, from, tag_,
                      comm_->native(), &receiving_.emplace_back(MPI_REQUEST_NULL)),
            "MPI_Irecv");
}

void Messages::send(const double* data, std::int64_t count, int to) {
  check_mpi(MPI_Isend(data, to_blas_int(count, "message length"), MPI_DOUBLE, to, tag_,
                      comm_->native(), &sending_.emplace_back(MPI_REQUEST_NULL)),
            "MPI_Isend");
}

std::size_t Messages::next_arrival() {
  int index = MPI_UNDEFINED;
  check_mpi(MPI_Waitany(static_cast<int>(receiving_.size()), receiving_.data(), &index,
                        MPI_STATUS_IGNORE),
            "MPI_Waitany");
  if (index == MPI_UNDEFINED)
    throw Error(ExitCode::internal, "no message is outstanding (of {})", receiving_.size());
  return static_cast<std::size_t>(index);
}

void Messages::wait_for_sends() {
  check_mpi(MPI_Waitall(static_cast<int>(sending_.size()), sending_.data(), MPI_STATUSES_IGNORE),
            "MPI_Waitall");
}

}  // namespace fathom
