#pragma once

// CBLAS and LAPACK on views: 64-bit sizes checked against BLAS's 32-bit integers. No MPI. Local.

#include "base/view.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fathom {

enum class Op { none, transpose };
enum class Triangle { lower, upper };
enum class Side { left, right };

/// The BLAS that is loaded: its file, version, processor kernel and threads.
std::string blas_loaded();
void set_blas_threads(int threads);  ///< @pre threads ≥ 1
int blas_threads();

namespace blas {

/// C ← alpha·op(A)·op(B) + beta·C. @pre shapes conform.
void gemm(Op op_a, Op op_b, double alpha, MatrixView<const double> a, MatrixView<const double> b,
          double beta, MatrixView<double> c);
void gemm(Op op_a, Op op_b, float alpha, MatrixView<const float> a, MatrixView<const float> b,
          float beta, MatrixView<float> c);
/// One triangle of C ← alpha·op(A)·op(A)ᵀ + beta·C; the other one is not touched. @pre C square.
void syrk(Triangle triangle, Op op, double alpha, MatrixView<const double> a, double beta,
          MatrixView<double> c);
/// y ← alpha·op(A)·x + beta·y
void gemv(Op op, double alpha, MatrixView<const double> a, std::span<const double> x, double beta,
          std::span<double> y);
/// C ← alpha·A·B + beta·C with A symmetric, one triangle referenced.
void symm(Triangle triangle, double alpha, MatrixView<const double> a, MatrixView<const double> b,
          double beta, MatrixView<double> c);
double nrm2(std::span<const double> x);
double dot(std::span<const double> x, std::span<const double> y);
void axpy(double alpha, std::span<const double> x, std::span<double> y);
void scal(double alpha, std::span<double> x);

}  // namespace blas

namespace lapack {

/// From this size on eigenvalues alone go by way of a band matrix: most of the work is then in
/// matrix products, and nothing of the size of the matrix is allocated.
inline constexpr std::int64_t two_stage_from = 1000;

/// All eigenvalues, ascending, by two-stage reduction and QR iteration (dsyev_2stage). A is
/// destroyed. Errors as syevd.
std::vector<double> syev_two_stage(MatrixView<double> a, Triangle triangle);

/// All eigenvalues, ascending, by divide and conquer (dsyevd); with `vectors` A becomes the matrix
/// of eigenvectors, otherwise it is destroyed. Only the given triangle is read.
/// @pre A square. Error(no_fit) where the workspace needs more than 32-bit integers (with vectors
/// from n = 32,766 on), Error(solver) where it does not converge.
std::vector<double> syevd(MatrixView<double> a, Triangle triangle, bool vectors);

/// Eigenvalues number first…last (0-based, ascending order, inclusive) by MRRR (dsyevr). A is
/// destroyed. Where z.data is not null its columns receive the eigenvectors. Errors as syevd.
/// @pre A square, 0 ≤ first ≤ last < n; z is n × (last − first + 1) or empty
std::vector<double> syevr(MatrixView<double> a, Triangle triangle, std::int64_t first,
                          std::int64_t last, MatrixView<double> z);

/// Singular values, descending, by divide and conquer (dgesdd). A is destroyed.
std::vector<double> singular_values(MatrixView<double> a);

// The three below: Error(numeric) where A is not finite (LAPACK may loop for ever on such a one),
// Error(no_fit) where the workspace exceeds 32 bits, Error(solver) where it does not converge.

/// Singular values, descending, with vectors by divide and conquer (dgesdd): A (m × n, k = min(m,
/// n)) is destroyed, u (m × k) and vt (k × n) receive the vectors. Norm-wise accurate; the
/// workspace of 4k² + 7k doubles fits 32 bits up to k = 23,169.
std::vector<double> svd(MatrixView<double> a, MatrixView<double> u, MatrixView<double> vt);
/// One-sided Jacobi (dgesvj; Drmač & Veselić 2008): where A = C·D with a diagonal D and a
/// well-conditioned C, every singular value to relative accuracy. Descending. The columns of A
/// become the left singular vectors of values > 0; v (n × n) the right ones where its data is not
/// null. @pre m ≥ n
std::vector<double> jacobi_svd(MatrixView<double> a, MatrixView<double> v);
/// The same behind two pivoted QR factorisations (dgejsv, for A = D₁·C·D₂): faster, and row
/// scalings are as harmless as those of columns. A is destroyed; u (m × n) and v (n × n) receive
/// vectors where their data is not null. @pre m ≥ n
std::vector<double> preconditioned_jacobi_svd(MatrixView<double> a, MatrixView<double> u,
                                              MatrixView<double> v);

/// Eigenvalues, ascending, of the symmetric tridiagonal matrix with diagonal alpha (k) and
/// off-diagonal beta (k − 1), by implicit QL (dstev); where z.data is not null z (k × k) receives
/// the eigenvectors as columns. Error(numeric) where an entry is not finite, Error(solver) where it
/// does not converge.
std::vector<double> tridiagonal_eigen(std::span<const double> alpha, std::span<const double> beta,
                                      MatrixView<double> z);
struct TridiagonalEigen {
  std::vector<double> eigenvalue;       ///< ascending
  std::vector<double> first_component;  ///< of the eigenvector of norm 1, its sign arbitrary
};
/// The same with the eigenvectors' first components: nodes and √weights of Gauss quadrature (Golub
/// & Welsch 1969). O(k²) memory, O(k³) time.
TridiagonalEigen tridiagonal_eigen(std::span<const double> alpha, std::span<const double> beta);

}  // namespace lapack
}  // namespace fathom
