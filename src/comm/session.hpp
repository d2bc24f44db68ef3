#pragma once

// MPI from start to end of a program.

#include "comm/communicator.hpp"

namespace fathom {

/// Initialises MPI (funneled), one BLAS thread a rank (FATHOM_BLAS_THREADS says otherwise), the
/// abort handler of assertions and the rank of fault points. Finalises in finish(), which main
/// calls on the ordinary way out; the destructor never finalises while unwinding: there it ends the
/// job with MPI_Abort.
class MpiSession {
 public:
  MpiSession(int* argc, char*** argv);
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

  const Communicator& world() const { return world_; }
  void finish();  ///< collective

  /// For an exception that may have struck this rank alone (anything but an AgreedError): prints it
  /// with the rank and ends the whole job with its code. Local.
  [[noreturn]] void abort(const std::string& message, ExitCode code) const;

 private:
  Communicator world_;
  bool finished_ = false;
};

}  // namespace fathom
