#include "training/evaluation.hpp"

#include "base/assert.hpp"
#include "comm/exchange.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace fathom {
namespace {

/// Calls action(place, samples, pass) for pieces of this rank's share of the set, in order; place
/// counts from the beginning of the set. Local.
template <class T, class Action>
void for_pieces(const Communicator& comm, const TrainingProblem<T>& problem, SampleRange set,
                std::span<const T> parameters, Action&& action) {
  const SampleRange mine = contiguous_share(set.count, comm.rank(), comm.size());
  SampleBatch<T> batch;
  std::vector<std::int64_t> index;
  for (std::int64_t done = 0; done < mine.count; done += std::ssize(index)) {
    index.resize(static_cast<std::size_t>(std::min(problem.at_once, mine.count - done)));
    std::iota(index.begin(), index.end(), set.first + mine.first + done);
    problem.samples->fill(index, batch);
    const auto pass = problem.network->forward(parameters, batch.inputs());
    action(mine.first + done, batch, *pass);
  }
}

struct Sums {
  double loss = 0, count = 0;
};

/// Error(input) where nothing is counted. Collective.
Sums over_ranks(const Communicator& comm, const Sums& mine) {
  std::array<double, 2> sums{mine.loss, mine.count};
  comm.sum(sums);
  if (!(sums[1] > 0)) throw AgreedError(ExitCode::input, "no sample or label of the set counts");
  return {sums[0], sums[1]};
}

template <class T>
void check_arguments(const TrainingProblem<T>& problem, SampleRange set,
                     std::span<const T> parameters) {
  FATHOM_ASSERT(problem.network && problem.samples && problem.at_once > 0,
                "a problem without network or samples, or {} samples at once", problem.at_once);
  const std::int64_t samples = problem.samples->samples();
  FATHOM_ASSERT(
      set.first >= 0 && set.count >= 1 && (samples < 0 || set.first + set.count <= samples),
      "samples {} + {} of {}", set.first, set.count, samples);
  FATHOM_ASSERT(std::ssize(parameters) == problem.network->parameters(),
                "{} parameters for a network of {}", parameters.size(),
                problem.network->parameters());
}

/// The ranks' parts of per-sample columns, on every rank. Collective.
void gather_columns(const Communicator& comm, std::int64_t columns, std::int64_t each,
                    std::vector<double>& whole) {
  std::vector<std::int64_t> counts;
  for (int rank = 0; rank < comm.size(); ++rank)
    counts.push_back(each * contiguous_share(columns, rank, comm.size()).count);
  all_gather_in_place(comm, counts, whole);
}

}  // namespace

template <class T>
double mean_loss(const Communicator& comm, const TrainingProblem<T>& problem, SampleRange set,
                 std::span<const T> parameters) {
  check_arguments(problem, set, parameters);
  Sums mine;
  comm.agree([&] {
    for_pieces(comm, problem, set, parameters,
               [&](std::int64_t, const SampleBatch<T>& batch, const ForwardPass<T>& pass) {
                 mine.loss +=
                     loss_and_gradient<T>(problem.loss, pass.outputs(), problem.network->classes(),
                                          batch.targets(), 1.0, {});
                 mine.count += static_cast<double>(counted(problem.loss, batch));
               });
  });
  const Sums all = over_ranks(comm, mine);
  return all.loss / all.count;
}

template <class T>
FunctionGradient function_gradient(const Communicator& comm, const TrainingProblem<T>& problem,
                                   SampleRange set, std::span<const T> parameters) {
  check_arguments(problem, set, parameters);
  FunctionGradient result;
  result.outputs = problem.network->outputs();
  Sums mine;
  std::vector<T> gradient;
  comm.agree([&] {
    result.output.resize(static_cast<std::size_t>(result.outputs * set.count));
    result.gradient.resize(result.output.size());
    const auto add = [&](std::int64_t place, const SampleBatch<T>& batch,
                         const ForwardPass<T>& pass) {
      const MatrixView<const T> f = pass.outputs();
      gradient.resize(static_cast<std::size_t>(f.rows * f.cols));
      mine.loss +=
          loss_and_gradient<T>(problem.loss, f, problem.network->classes(), batch.targets(), 1.0,
                               {gradient.data(), f.rows, f.cols, f.rows});
      mine.count += static_cast<double>(counted(problem.loss, batch));
      const std::int64_t first = place * result.outputs;
      for (std::int64_t j = 0; j < f.cols; ++j)
        std::copy_n(f.col(j), f.rows, result.output.begin() + first + j * f.rows);
      std::copy(gradient.begin(), gradient.end(), result.gradient.begin() + first);
    };
    for_pieces(comm, problem, set, parameters, add);
  });
  const Sums all = over_ranks(comm, mine);
  gather_columns(comm, set.count, result.outputs, result.output);
  gather_columns(comm, set.count, result.outputs, result.gradient);
  for (double& g : result.gradient)
    g /= all.count;
  result.loss = all.loss / all.count;
  return result;
}

template double mean_loss(const Communicator&, const TrainingProblem<double>&, SampleRange,
                          std::span<const double>);
template double mean_loss(const Communicator&, const TrainingProblem<float>&, SampleRange,
                          std::span<const float>);
template FunctionGradient function_gradient(const Communicator&, const TrainingProblem<double>&,
                                            SampleRange, std::span<const double>);
template FunctionGradient function_gradient(const Communicator&, const TrainingProblem<float>&,
                                            SampleRange, std::span<const float>);

}  // namespace fathom
