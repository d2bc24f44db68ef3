#include "training/shared_gradient.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <type_traits>

namespace fathom {
namespace {

/// What stands behind the gradient in the reduced sums. All but the loss are whole numbers: exact
/// in any order of summation, so that the ranks always agree on them.
enum Behind : std::size_t { loss_sum, count, failed, stopping, behind_size };

}  // namespace

template <class T>
SharedGradient<T>::SharedGradient(const Communicator& comm, const TrainingProblem<T>& problem)
    : comm_(comm), problem_(problem) {
  FATHOM_ASSERT(problem.network && problem.samples && problem.at_once > 0,
                "a problem without network or samples, or {} samples at once", problem.at_once);
  parameters_ = static_cast<std::size_t>(problem.network->parameters());
  comm_.agree([&] {
    sums_.resize(parameters_ + behind_size);
    if constexpr (!std::is_same_v<T, double>) local_.resize(parameters_);
  });
}

template <class T>
void SharedGradient<T>::add_piece(std::span<const std::int64_t> index,
                                  std::span<const T> parameters, bool with_gradient) {
  problem_.samples->fill(index, batch_);
  const auto pass = problem_.network->forward(parameters, batch_.inputs());
  const MatrixView<const T> outputs = pass->outputs();
  MatrixView<T> gradient{};
  if (with_gradient) {
    output_gradient_.resize(static_cast<std::size_t>(outputs.rows * outputs.cols));
    gradient = {output_gradient_.data(), outputs.rows, outputs.cols,
                std::max<std::int64_t>(1, outputs.rows)};
  }
  // Sums, not means: what a batch is divided by is known after the reduction.
  double* behind = sums_.data() + parameters_;
  behind[loss_sum] += loss_and_gradient<T>(problem_.loss, outputs, problem_.network->classes(),
                                           batch_.targets(), 1.0, gradient);
  behind[count] += static_cast<double>(counted(problem_.loss, batch_));
  if (!with_gradient) return;
  if constexpr (std::is_same_v<T, double>)
    pass->backward(gradient, {sums_.data(), parameters_});
  else
    pass->backward(gradient, local_);
}

template <class T>
void SharedGradient<T>::add_share(const Batches& batches, std::int64_t step,
                                  std::span<const T> parameters, bool with_gradient) {
  const SampleRange share = contiguous_share(batches.step_size(), comm_.rank(), comm_.size());
  std::vector<std::int64_t> index;
  for (std::int64_t done = 0; done < share.count; done += std::ssize(index)) {
    index.resize(static_cast<std::size_t>(std::min(problem_.at_once, share.count - done)));
    batches.fill(step, share.first + done, index);
    add_piece(index, parameters, with_gradient);
  }
  if constexpr (!std::is_same_v<T, double>)
    if (with_gradient) std::copy(local_.begin(), local_.end(), sums_.begin());
}

template <class T>
BatchLoss SharedGradient<T>::reduce(const Batches& batches, std::int64_t step,
                                    std::span<const T> parameters, bool stop, bool with_gradient) {
  FATHOM_ASSERT(parameters.size() == parameters_, "{} parameters for a network of {}",
                parameters.size(), parameters_);
  std::fill(sums_.begin(), sums_.end(), 0.0);
  std::fill(local_.begin(), local_.end(), T{0});
  double* behind = sums_.data() + parameters_;
  std::exception_ptr failure;
  try {
    add_share(batches, step, parameters, with_gradient);
  } catch (...) {
    failure = std::current_exception();
    behind[failed] = 1;
  }
  behind[stopping] = stop ? 1 : 0;
  comm_.sum(std::span(sums_).subspan(with_gradient ? 0 : parameters_));
  if (behind[failed] > 0)
    comm_.agree([&] {
      if (failure) std::rethrow_exception(failure);
    });
  if (!(behind[count] > 0))
    throw AgreedError(ExitCode::input, "the batch of step {} has no sample or label that counts",
                      step);
  if (with_gradient)
    for (std::size_t i = 0; i < parameters_; ++i)
      sums_[i] /= behind[count];
  return {behind[loss_sum] / behind[count], behind[stopping] > 0};
}

template <class T>
BatchLoss SharedGradient<T>::evaluate(const Batches& batches, std::int64_t step,
                                      std::span<const T> parameters, bool stop) {
  return reduce(batches, step, parameters, stop, false);
}

template <class T>
BatchLoss SharedGradient<T>::differentiate(const Batches& batches, std::int64_t step,
                                           std::span<const T> parameters, bool stop) {
  return reduce(batches, step, parameters, stop, true);
}

template class SharedGradient<double>;
template class SharedGradient<float>;

}  // namespace fathom
