#pragma once

// The run holds itself to its plan: before a stage is entered, what a rank needs against what it
// has.

#include "studies/plan_memory.hpp"
#include "studies/problem.hpp"

namespace fathom {

/// Bytes that every rank may still take, if the ranks of each host share alike what it has left: of
/// its memory, of the limit of its control group and of its Slurm job. The smallest over the ranks.
/// Collective.
double memory_a_rank(const Communicator& comm);

/// Each notes the plan of its stages in the log and in the outcome. Error(no_fit) where they do not
/// fit into context.memory_a_rank. Collective.
void plan_gram(const StudyContext& context, StudyProblem& problem, StudyOutcome& outcome);
/// By a factor, or the matrix as a sum of two doubles.
void plan_deep_route(const StudyContext& context, const StudyProblem& problem,
                     StudyOutcome& outcome);
/// Products with a factor that is never held, or with random vectors.
void plan_products(const StudyContext& context, const ProblemShape& shape, StudyOutcome& outcome);
/// What a stage that came without being announced took: the fallback, the writing of vectors.
void note_stage(const StudyContext& context, const ProblemShape& shape, Stage stage,
                StudyOutcome& outcome);

/// Whether the deeper route fits. Pure but for the context.
bool deep_route_fits(const StudyContext& context, const StudyProblem& problem);

}  // namespace fathom
