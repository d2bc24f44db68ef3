#pragma once

// BLACS, PBLAS and ScaLAPACK behind 64-bit, 0-based, checked calls. Every function is called by all
// ranks of the context, and by no other, unless it says otherwise.
//
// Limits of the library beneath: each global dimension, each local dimension and every workspace
// length is a 32-bit integer. Local arrays may exceed 2^31 elements in PBLAS calls, whose address
// arithmetic is 64-bit; pdgemr2d's is not (see its comment).

#include "bindings/blas.hpp"
#include "bindings/mpi.hpp"

#include <array>
#include <cstdint>
#include <span>

namespace fathom {

/// ScaLAPACK's DESC: {1, context, rows, cols, mb, nb, rsrc, csrc, lld}.
using Descriptor = std::array<int, 9>;

namespace blacs {

struct GridInfo {
  int nprow = -1, npcol = -1, myrow = -1, mycol = -1;
};

/// BLACS's number for a communicator, and its release. Local.
int system_handle(MPI_Comm comm);
void free_system_handle(int handle);
/// A context on the ranks of the handle's communicator: map[i + j·nprow] is the rank at (i, j).
/// Collective over that communicator. -1 on ranks outside the map.
int grid_map(int handle, std::span<const int> map, int nprow, int npcol);
/// What BLACS says of a context. Local.
GridInfo grid_info(int context);
void grid_exit(int context);

}  // namespace blacs

namespace scalapack {

/// A distributed array from global row i and column j on (0-based).
struct Part {
  double* data;
  const Descriptor& descriptor;
  std::int64_t i = 0, j = 0;
};
struct ConstPart {
  ConstPart(const double* d, const Descriptor& desc, std::int64_t row = 0, std::int64_t col = 0)
      : data(d), descriptor(desc), i(row), j(col) {}
  ConstPart(const Part& part)
      : data(part.data), descriptor(part.descriptor), i(part.i), j(part.j) {}
  const double* data;
  const Descriptor& descriptor;
  std::int64_t i, j;
};

/// Local extent of n elements in blocks of nb on process `proc` of `nprocs`. Local.
std::int64_t numroc(std::int64_t n, std::int64_t nb, int proc, int nprocs);
/// DESC, written by hand on idle ranks too (context -1). Error(no_fit) where a size needs more than
/// 32 bits. Local.
Descriptor descriptor(int context, std::int64_t rows, std::int64_t cols, std::int64_t mb,
                      std::int64_t nb, std::int64_t lld);

/// C ← alpha·op(A)·op(B) + beta·C, C m × n, depth k.
void pdgemm(Op op_a, Op op_b, std::int64_t m, std::int64_t n, std::int64_t k, double alpha,
            ConstPart a, ConstPart b, double beta, Part c);
/// One triangle of C ← alpha·op(A)·op(A)ᵀ + beta·C, C n × n, depth k.
void pdsyrk(Triangle triangle, Op op, std::int64_t n, std::int64_t k, double alpha, ConstPart a,
            double beta, Part c);
/// C ← alpha·Aᵀ + beta·C, C m × n.
void pdtran(std::int64_t m, std::int64_t n, double alpha, ConstPart a, double beta, Part c);
/// B ← alpha·op(A) + beta·B, B m × n.
void pdgeadd(Op op, std::int64_t m, std::int64_t n, double alpha, ConstPart a, double beta, Part b);
/// B ← A, m × n, between any two layouts; called by every rank of `context`, which covers both
/// grids (descriptors hold context -1 on ranks outside). Counts and addresses inside are 32-bit:
/// @pre fewer than 2^31 elements in every local array and in every message of a rank.
void pdgemr2d(std::int64_t m, std::int64_t n, ConstPart a, Part b, int context);

/// Norm 'M' (max |a_ij|), '1', 'I' or 'F' of an m × n matrix.
double pdlange(char norm, std::int64_t m, std::int64_t n, ConstPart a);
/// The same of a symmetric matrix of which one triangle is read. 'F' or 'M', '1', 'I'.
double pdlansy(char norm, Triangle triangle, std::int64_t n, ConstPart a);

/// All eigenvalues ascending into w, by QR iteration; vectors where z.data is not null. `a` is
/// destroyed. Returns info: 0 success, > 0 not converged; < 0 is an Error(internal) with the
/// argument's number. Error(no_fit) where the workspace exceeds 32 bits.
int pdsyev(Triangle triangle, std::int64_t n, Part a, std::span<double> w, Part z);
/// All eigenvalues and vectors by divide and conquer. Values only is not implemented there:
/// @pre z.data is not null.
int pdsyevd(Triangle triangle, std::int64_t n, Part a, std::span<double> w, Part z);
/// Eigenvalues number first…last (0-based, ascending, inclusive) by MRRR, into w[0…]; vectors where
/// z.data is not null. w has n elements.
int pdsyevr(Triangle triangle, std::int64_t n, Part a, std::int64_t first, std::int64_t last,
            std::span<double> w, Part z);
/// Singular values descending into s (pdgesvd, no vectors). `a` is destroyed. Returns info.
int pdgesvd_values(std::int64_t m, std::int64_t n, Part a, std::span<double> s);
/// The same with vectors: u (m × n) where `left`, vt (n × n) where `right`; of one that is not
/// wanted only the descriptor is read. Returns info; with vectors ScaLAPACK 2.2 overwrites the one
/// of an iteration that did not converge: check what comes back.
/// @pre m ≥ n, square blocks, entries finite. Error(no_fit) where the workspace, about n²/P for
/// each kind of vectors, exceeds 32 bits.
int pdgesvd(std::int64_t m, std::int64_t n, Part a, std::span<double> s, bool left, Part u,
            bool right, Part vt);

// Factorisations of the m × n part that begins at (a.i, a.j).

/// A = QR: R into the upper triangle, Householder vectors below, their factors into tau.
/// @pre tau holds the local columns of global columns 0 … a.j + min(m, n) − 1, and at least one
void pdgeqrf(std::int64_t m, std::int64_t n, Part a, std::span<double> tau);
/// A = LQ: L into the lower triangle, Householder vectors above.
/// @pre tau holds the local rows of global rows 0 … a.i + min(m, n) − 1, and at least one
void pdgelqf(std::int64_t m, std::int64_t n, Part a, std::span<double> tau);
/// The first n columns of the Q of k reflectors as pdgeqrf left them. @pre m ≥ n ≥ k
void pdorgqr(std::int64_t m, std::int64_t n, std::int64_t k, Part a, std::span<const double> tau);
/// The first m rows of the Q of k reflectors as pdgelqf left them. @pre n ≥ m ≥ k
void pdorglq(std::int64_t m, std::int64_t n, std::int64_t k, Part a, std::span<const double> tau);
/// B ← alpha·op(A)⁻¹·B or alpha·B·op(A)⁻¹, B m × n, A triangular. No check for singularity.
void pdtrsm(Side side, Triangle triangle, Op op, std::int64_t m, std::int64_t n, double alpha,
            ConstPart a, Part b);
/// A ← A⁻¹ of a triangular n × n matrix; the other triangle is not touched. Returns info: k > 0
/// where the k-th diagonal element (from 1) is zero, A is then as it was. @pre square blocks
int pdtrtri(Triangle triangle, std::int64_t n, Part a);
/// A = UᵀU or LLᵀ into the given triangle, which alone is read. Returns info: k > 0 where the
/// leading minor of order k is not positive. @pre square blocks
int pdpotrf(Triangle triangle, std::int64_t n, Part a);

}  // namespace scalapack
}  // namespace fathom
