#include "bindings/elpa.hpp"

#include "base/assert.hpp"
#include "base/blas_int.hpp"

extern "C" const char* elpa_strerr(int);

#include <complex.h>
#include <elpa/elpa.h>

#undef I

namespace fathom {
namespace {

constexpr int api_version = 20221109;
bool started = false;

void check(int status, const char* call) {
  if (status != ELPA_OK) throw Error(ExitCode::solver, "ELPA: {}: {}", call, elpa_strerr(status));
}

void start_once() {
  if (started) return;
  check(::elpa_init(api_version), "elpa_init");
  started = true;
}

/// Owns a handle; released without a check, for a release that fails may not hide the first error.
class Handle {
 public:
  Handle() {
    int status = ELPA_OK;
    handle_ = elpa_allocate(&status);
    check(status, "elpa_allocate");
  }
  ~Handle() {
    int status = ELPA_OK;
    elpa_deallocate(handle_, &status);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  void set(const char* key, std::int64_t value) {
    int status = ELPA_OK;
    elpa_set_integer(handle_, key, to_blas_int(value, key), &status);
    check(status, key);
  }
  elpa_t get() const { return handle_; }

 private:
  elpa_t handle_ = nullptr;
};

}  // namespace

void elpa_eigen(const ElpaLayout& layout, ElpaStage stage, std::int64_t count, double* a,
                std::span<double> eigenvalue, double* vectors) {
  FATHOM_ASSERT(static_cast<std::int64_t>(eigenvalue.size()) == layout.n, "{} eigenvalues, n = {}",
                eigenvalue.size(), layout.n);
  FATHOM_ASSERT(count >= 1 && count <= layout.n, "count = {}, n = {}", count, layout.n);
  FATHOM_ASSERT(layout.local_rows > 0 && layout.local_cols > 0, "an empty local part: {} x {}",
                layout.local_rows, layout.local_cols);
  start_once();
  Handle handle;
  handle.set("na", layout.n);
  handle.set("nev", count);
  handle.set("nblk", layout.block);
  handle.set("local_nrows", layout.local_rows);
  handle.set("local_ncols", layout.local_cols);
  handle.set("mpi_comm_parent", MPI_Comm_c2f(layout.comm));
  handle.set("process_row", layout.myrow);
  handle.set("process_col", layout.mycol);
  check(elpa_setup(handle.get()), "elpa_setup");
  handle.set("solver", stage == ElpaStage::one ? ELPA_SOLVER_1STAGE : ELPA_SOLVER_2STAGE);

  int status = ELPA_OK;
  if (vectors) {
    elpa_eigenvectors_double(handle.get(), a, eigenvalue.data(), vectors, &status);
    check(status, "elpa_eigenvectors");
  } else {
    elpa_eigenvalues_double(handle.get(), a, eigenvalue.data(), &status);
    check(status, "elpa_eigenvalues");
  }
}

void elpa_finalize() {
  if (!started) return;
  int status = ELPA_OK;
  elpa_uninit(&status);
  started = false;
}

int elpa_api_version() {
  return api_version;
}

}  // namespace fathom
