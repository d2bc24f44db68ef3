#pragma once

// The largest eigenvalues of an operator that is never held as a matrix, with their certificate.

#include "comm/progress.hpp"
#include "dist/interfaces.hpp"
#include "eigen/certified.hpp"

namespace fathom {

/// The `request.count` largest eigenpairs by SLEPc's Krylov–Schur; request.backend is not looked
/// at. Vectors, where asked for, come n × count on choose_grid's grid in blocks of 64.
///
/// The bound of a value is its measured residual ‖A z − λ z‖ (one more product with all z), the
/// rounding of measuring it, and the operator's relative_error()·‖A‖ as assembly error. Trace and
/// Frobenius norm of the result are NaN: nothing in a few products tells them.
///
/// Checks, units and limits as in solve_certified, without trace and Frobenius norm: order,
/// asymmetry (of the projection on a random block Krylov space), ritz_values, ritz_order, residual,
/// orthogonality. That no eigenvalue is missing, as a Krylov method may miss one of a multiple
/// eigenvalue, rests on ritz_order: the Ritz values of that other, random, space, which sees
/// multiplicities up to its verify.probes columns. The log says so.
///
/// Errors, the same on every rank: numeric (NaN or Inf in a product, asymmetry, a Ritz value below
/// −(10 n ε ‖A‖ + assembly error)), solver, certificate (there is no second solver), deck (no SLEPc
/// in this build; count not in 1 … n − 1). Collective over comm.
CertifiedSpectrum solve_matrix_free(const Communicator& comm, const LinearOperator& a,
                                    const EigenRequest& request, const VerifyOptions& verify,
                                    Progress& progress);

}  // namespace fathom
