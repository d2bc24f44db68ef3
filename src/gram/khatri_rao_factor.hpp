#pragma once

// The Khatri–Rao factor as eigen sees it: rows in falling size, those below tolerance left out.

#include "gram/factor.hpp"
#include "gram/khatri_rao_rows.hpp"

#include <memory>

namespace fathom {

/// Which rows a Khatri–Rao factor would have.
struct KhatriRaoPlan {
  double product = 0;     ///< of a row's coordinates, at most
  bool complete = false;  ///< every row there is
  std::int64_t rows = 0;  ///< counted no further than a little above FactorOptions::max_rows
  double all_rows = 0;
  double dropped = 0;    ///< expected, relative to the estimate of λ₁
  double tolerance = 0;  ///< relative to it
  double lambda = 0;     ///< a lower estimate of λ₁: the squared norm of the first row
};

/// Local. @pre spec.activation is a monomial of degree ≥ 2
KhatriRaoPlan plan_khatri_rao(const PopulationSpec& spec, const FactorOptions& options);

/// Collective. @pre plan.rows ≤ options.max_rows
std::unique_ptr<FactorSource> khatri_rao_factor(const Communicator& comm,
                                                const PopulationSpec& spec,
                                                const KhatriRaoPlan& plan,
                                                const FactorOptions& options);

/// Bytes of weights, and what is made of them, that a rank keeps between chunks with so many
/// columns, and of the list of rows. Pure.
double khatri_rao_keeps(const PopulationSpec& spec, const KhatriRaoPlan& plan,
                        const FactorOptions& options, std::int64_t local_cols);

/// Flops of one entry, about, in units of dgemm flops: a few steps of small matrices.
double khatri_rao_entry_flops(int degree);

}  // namespace fathom
