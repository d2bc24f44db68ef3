#include "comm/session.hpp"

#include "base/assert.hpp"
#include "base/fault.hpp"
#include "bindings/blas.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <thread>

namespace fathom {
namespace {

/// Prints and ends the job. Ranks behind the first wait a moment: where all of them fail alike, the
/// first one's message is then the only one.
[[noreturn]] void abort_job(const std::string& message, int code) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank != 0) std::this_thread::sleep_for(std::chrono::milliseconds(std::min(300 * rank, 3000)));
  std::fprintf(stderr, "%s (rank %d)\n", message.c_str(), rank);
  std::fflush(nullptr);
  MPI_Abort(MPI_COMM_WORLD, code);
  std::_Exit(code);
}

void abort_on_assertion(const std::string& message) {
  abort_job(message, static_cast<int>(ExitCode::internal));
}

int blas_threads_wanted() {
  const char* text = std::getenv("FATHOM_BLAS_THREADS");
  const int threads = text ? std::atoi(text) : 1;
  return threads < 1 ? 1 : threads;
}

}  // namespace

MpiSession::MpiSession(int* argc, char*** argv) {
  int provided = 0;
  check_mpi(MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  world_ = Communicator::world();
  set_fault_rank(world_.rank());
  set_abort_handler(abort_on_assertion);
  set_blas_threads(blas_threads_wanted());
}

MpiSession::~MpiSession() {
  if (finished_) return;
  if (std::uncaught_exceptions() > 0)
    abort_job("fathom: an exception left the MPI session", static_cast<int>(ExitCode::internal));
  finish();
}

void MpiSession::finish() {
  world_ = Communicator();
  MPI_Finalize();
  set_abort_handler(nullptr);
  finished_ = true;
}

void MpiSession::abort(const std::string& message, ExitCode code) const {
  abort_job(message, static_cast<int>(code));
}

}  // namespace fathom
