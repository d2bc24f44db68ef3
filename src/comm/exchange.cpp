#include "comm/exchange.hpp"

#include "base/assert.hpp"
#include "base/blas_int.hpp"
#include "bindings/mpi.hpp"

#include <vector>

namespace fathom {
namespace {

/// Counts and displacements in MPI's integers.
struct Parts {
  std::vector<int> count, start;

  explicit Parts(std::span<const std::int64_t> counts) {
    std::int64_t next = 0;
    for (const std::int64_t c : counts) {
      count.push_back(to_blas_int(c, "doubles that travel at once"));
      start.push_back(to_blas_int(next, "doubles that travel at once"));
      next += c;
    }
    to_blas_int(next, "doubles that travel at once");
    total = next;
  }
  std::int64_t total = 0;
};

}  // namespace

void all_gather(const Communicator& comm, std::span<const double> mine,
                std::span<const std::int64_t> counts, std::span<double> all) {
  const Parts parts(counts);
  const auto rank = static_cast<std::size_t>(comm.rank());
  FATHOM_ASSERT(std::ssize(counts) == comm.size() && std::ssize(mine) == counts[rank] &&
                    std::ssize(all) == parts.total,
                "{} counts on {} ranks, {} of {} doubles into {}", counts.size(), comm.size(),
                mine.size(), parts.total, all.size());
  check_mpi(MPI_Allgatherv(mine.data(), parts.count[rank], MPI_DOUBLE, all.data(),
                           parts.count.data(), parts.start.data(), MPI_DOUBLE, comm.native()),
            "MPI_Allgatherv");
}

void all_gather_in_place(const Communicator& comm, std::span<const std::int64_t> counts,
                         std::span<double> all) {
  const Parts parts(counts);
  FATHOM_ASSERT(std::ssize(counts) == comm.size() && std::ssize(all) == parts.total,
                "{} counts on {} ranks, {} doubles into {}", counts.size(), comm.size(),
                parts.total, all.size());
  check_mpi(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all.data(), parts.count.data(),
                           parts.start.data(), MPI_DOUBLE, comm.native()),
            "MPI_Allgatherv");
}

void exchange(const Communicator& comm, std::span<const double> send,
              std::span<const std::int64_t> send_counts, std::span<double> receive,
              std::span<const std::int64_t> receive_counts) {
  const Parts out(send_counts), in(receive_counts);
  FATHOM_ASSERT(std::ssize(send) == out.total && std::ssize(receive) == in.total,
                "{} doubles sent of {}, {} received of {}", out.total, send.size(), in.total,
                receive.size());
  check_mpi(
      MPI_Alltoallv(send.data(), out.count.data(), out.start.data(), MPI_DOUBLE, receive.data(),
                    in.count.data(), in.start.data(), MPI_DOUBLE, comm.native()),
      "MPI_Alltoallv");
}

}  // namespace fathom
