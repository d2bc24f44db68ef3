#pragma once

// What a solve needs of a rank's memory against what a rank has, before anything is made.

#include "studies/problem.hpp"

namespace fathom {

/// Bytes that every rank may still take, if the ranks of each host share alike what it has left: of
/// its memory and of the limit of its control group. The smallest over the ranks. Collective.
double memory_a_rank(const Communicator& comm);

/// Of a deeper route than the Gram matrix's: by a factor, or (nullptr) the matrix as a sum of two
/// doubles. Bytes on the fullest rank; pure but for the ranks' count.
double deep_route_bytes(const StudyContext& context, const StudyProblem& problem,
                        const FactorSource* factor);

/// What libraries allocate for themselves where they are first used, whatever the size.
constexpr double first_use_bytes = 7 * 0x1p20;

/// All note the plan in the log and in the outcome. Error(no_fit) where it does not fit.
/// Collective.
void plan_gram(const StudyContext& context, StudyProblem& problem, StudyOutcome& outcome);
void plan_deep_route(const StudyContext& context, const StudyProblem& problem,
                     const FactorSource* factor, StudyOutcome& outcome);
/// Of products without a matrix, which take so many bytes, for the largest eigenvalues.
void plan_matrix_free(const StudyContext& context, const StudyProblem& problem, double products,
                      StudyOutcome& outcome);

}  // namespace fathom
