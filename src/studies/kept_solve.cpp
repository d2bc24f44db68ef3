#include "studies/kept_solve.hpp"

#include "base/timer.hpp"
#include "studies/kept_results.hpp"

#include <optional>
#include <vector>

namespace fathom {
namespace {

/// Seconds that a file of so many bytes takes on a slow disk.
double keeping_seconds(double bytes) {
  return 0.2 + bytes / 2e8;
}

/// Rows and columns of the eigenvectors; zero where there are none.
std::vector<std::int64_t> shape_of(const std::optional<DistMatrix>& vectors) {
  return vectors ? std::vector{vectors->rows(), vectors->cols()} : std::vector<std::int64_t>{0, 0};
}

void keep(const StudyContext& context, const StudyPoint& point, const StudyProblem& problem,
          const SolvedSpectrum& solved, const StudyOutcome& outcome) {
  const std::optional<DistMatrix>& vectors = solved.spectrum.result.vectors;
  Record record;
  const std::vector<std::int64_t> shape = shape_of(vectors);
  record.values["vector-rows"] = std::vector{shape[0]};
  record.values["vector-cols"] = std::vector{shape[1]};
  add_part(record, "solved", to_record(solved));
  add_part(record, "outcome", to_record(outcome));
  add_part(record, "assembly", to_record(*problem.assembly));
  if (vectors)
    context.checkpoint.keep_matrix(spectrum_key(point), *vectors, SymmetricFill::full, record);
  else
    context.world.agree_on_root([&] { context.checkpoint.keep(spectrum_key(point), record); });
}

std::optional<SolvedSpectrum> find(const StudyContext& context, const StudyPoint& point,
                                   StudyProblem& problem, StudyOutcome& outcome) {
  std::optional<SolvedSpectrum> solved;
  std::vector<std::int64_t> shape;
  context.world.agree([&] {
    const std::optional<Record> record = context.checkpoint.find(spectrum_key(point));
    if (!record) return;
    shape = {record->one<std::int64_t>("vector-rows"), record->one<std::int64_t>("vector-cols")};
    solved = solved_from(part_of(*record, "solved"));
    outcome = outcome_from(part_of(*record, "outcome"));
    *problem.assembly = assembly_report_from(part_of(*record, "assembly"));
  });
  if (!solved || shape[0] == 0) return solved;
  constexpr std::int64_t block = 64;
  DistMatrix vectors = DistMatrix::make(ProcessGrid(context.world, {context.world.size(), 1}),
                                        shape[0], shape[1], block, block);
  context.checkpoint.find_matrix(spectrum_key(point), vectors);
  solved->spectrum.result.vectors = std::move(vectors);
  return solved;
}

bool in_a_sweep_with_vectors(const StudyPoint& point) {
  return !point.group.empty() && point.deck.has("run.store_eigenvectors") &&
         point.deck.flag("run.store_eigenvectors");
}

}  // namespace

std::string spectrum_key(const StudyPoint& point) {
  return point_key(point) + ".spectrum";
}

SolvedSpectrum solve_point(const StudyContext& context, const StudyPoint& point,
                           StudyProblem& problem, StudyOutcome& outcome) {
  if (!context.checkpoint.on()) return solve_problem(context, problem, outcome, point.label);
  if (std::optional<SolvedSpectrum> before = find(context, point, problem, outcome)) {
    context.progress.note("the spectrum comes from the checkpoint");
    return std::move(*before);
  }
  const Timer timer;
  SolvedSpectrum solved = solve_problem(context, problem, outcome, point.label);
  const std::vector<std::int64_t> shape = shape_of(solved.spectrum.result.vectors);
  const double bytes = 8 * double(shape[0]) * double(shape[1]);
  if (context.world.max(timer.seconds()) > keeping_seconds(bytes) || in_a_sweep_with_vectors(point))
    keep(context, point, problem, solved, outcome);
  safe_point(context);
  return solved;
}

}  // namespace fathom
