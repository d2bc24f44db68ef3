#include "bindings/slepc.hpp"

#include "base/blas_int.hpp"

#include <algorithm>
#include <exception>

#include <slepceps.h>

namespace fathom {
namespace {

void check_petsc(PetscErrorCode status, const char* call) {
  if (status == 0) return;
  const char* text = nullptr;
  PetscErrorMessage(status, &text, nullptr);
  throw Error(ExitCode::solver, "SLEPc: {} failed with code {}: {}", call, static_cast<int>(status),
              text ? text : "no text");
}

bool started = false;

/// PETSc's world is each rank alone: starting and ending are then local, whatever communicator the
/// solves use.
void start_once() {
  if (started) return;
  PETSC_COMM_WORLD = MPI_COMM_SELF;
  check_petsc(PetscOptionsSetValue(nullptr, "-no_signal_handler", "1"), "PetscOptionsSetValue");
  check_petsc(PetscOptionsSetValue(nullptr, "-skip_petscrc", "1"), "PetscOptionsSetValue");
  check_petsc(SlepcInitialize(nullptr, nullptr, nullptr, nullptr), "SlepcInitialize");
  check_petsc(PetscPushErrorHandler(PetscReturnErrorHandler, nullptr), "PetscPushErrorHandler");
  started = true;
}

struct Operator {
  const RowwiseApply* apply;
  std::exception_ptr failure;  // an exception may not cross PETSc's C frames
};

PetscErrorCode multiply(Mat matrix, Vec x, Vec y) {
  void* context = nullptr;
  const PetscScalar* in = nullptr;
  PetscScalar* out = nullptr;
  PetscInt size = 0;
  PetscErrorCode status = MatShellGetContext(matrix, &context);
  if (status == 0) status = VecGetLocalSize(x, &size);
  if (status == 0) status = VecGetArrayRead(x, &in);
  if (status == 0) status = VecGetArray(y, &out);
  if (status != 0) return status;
  auto* op = static_cast<Operator*>(context);
  try {
    (*op->apply)({in, static_cast<std::size_t>(size)}, {out, static_cast<std::size_t>(size)});
  } catch (...) {
    op->failure = std::current_exception();
  }
  VecRestoreArrayRead(x, &in);
  VecRestoreArray(y, &out);
  return op->failure ? PETSC_ERR_LIB : 0;
}

/// Objects of one solve, released in reverse order.
struct Solve {
  Mat matrix = nullptr;
  EPS eps = nullptr;
  Vec vector = nullptr;
  ~Solve() {
    VecDestroy(&vector);
    EPSDestroy(&eps);
    MatDestroy(&matrix);
  }
};

void set_up(Solve& s, std::int64_t count, double tolerance) {
  check_petsc(EPSSetOperators(s.eps, s.matrix, nullptr), "EPSSetOperators");
  check_petsc(EPSSetProblemType(s.eps, EPS_HEP), "EPSSetProblemType");
  check_petsc(EPSSetType(s.eps, EPSKRYLOVSCHUR), "EPSSetType");
  check_petsc(EPSSetWhichEigenpairs(s.eps, EPS_LARGEST_REAL), "EPSSetWhichEigenpairs");
  check_petsc(EPSSetConvergenceTest(s.eps, EPS_CONV_ABS), "EPSSetConvergenceTest");
  check_petsc(EPSSetDimensions(s.eps, to_blas_int(count, "eigenvalues asked of SLEPc"),
                               PETSC_DEFAULT, PETSC_DEFAULT),
              "EPSSetDimensions");
  check_petsc(EPSSetTolerances(s.eps, tolerance > 0 ? tolerance : PETSC_DEFAULT, 1000),
              "EPSSetTolerances");
}

}  // namespace

SlepcResult slepc_largest(MPI_Comm comm, std::int64_t n, std::int64_t local_n, std::int64_t count,
                          double tolerance, const RowwiseApply& apply) {
  start_once();
  Operator op{&apply, nullptr};
  Solve s;
  const PetscInt rows = to_blas_int(local_n, "rows of a rank"), all = to_blas_int(n, "rows");
  check_petsc(MatCreateShell(comm, rows, rows, all, all, &op, &s.matrix), "MatCreateShell");
  check_petsc(
      MatShellSetOperation(s.matrix, MATOP_MULT, reinterpret_cast<void (*)(void)>(&multiply)),
      "MatShellSetOperation");
  check_petsc(MatSetOption(s.matrix, MAT_SYMMETRIC, PETSC_TRUE), "MatSetOption");
  check_petsc(EPSCreate(comm, &s.eps), "EPSCreate");
  set_up(s, count, tolerance);
  const PetscErrorCode solved = EPSSolve(s.eps);
  if (op.failure) std::rethrow_exception(op.failure);
  check_petsc(solved, "EPSSolve");

  PetscInt converged = 0, iterations = 0;
  check_petsc(EPSGetConverged(s.eps, &converged), "EPSGetConverged");
  check_petsc(EPSGetIterationNumber(s.eps, &iterations), "EPSGetIterationNumber");
  if (converged < count)
    throw Error(ExitCode::solver, "SLEPc: {} of {} eigenpairs converged in {} restarts", converged,
                count, iterations);

  SlepcResult result;
  result.iterations = iterations;
  result.vectors.resize(static_cast<std::size_t>(local_n * count));
  check_petsc(MatCreateVecs(s.matrix, &s.vector, nullptr), "MatCreateVecs");
  for (std::int64_t k = 0; k < count; ++k) {
    PetscScalar value = 0;
    const PetscScalar* data = nullptr;
    check_petsc(
        EPSGetEigenpair(s.eps, static_cast<PetscInt>(k), &value, nullptr, s.vector, nullptr),
        "EPSGetEigenpair");
    result.eigenvalue.push_back(value);
    check_petsc(VecGetArrayRead(s.vector, &data), "VecGetArrayRead");
    std::copy_n(data, local_n, result.vectors.begin() + k * local_n);
    check_petsc(VecRestoreArrayRead(s.vector, &data), "VecRestoreArrayRead");
  }
  return result;
}

void slepc_finalize() {
  if (!started) return;
  SlepcFinalize();
  started = false;
}

}  // namespace fathom
