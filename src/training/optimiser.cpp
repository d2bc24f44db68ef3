#include "training/optimiser.hpp"

#include "base/assert.hpp"
#include "bindings/blas.hpp"

#include <cmath>

namespace fathom {
namespace {

/// Of a norm that is not finite no factor is made of use: what is in the gradient goes on.
double clip_factor(double clip_norm, std::span<const double> gradient) {
  if (!(clip_norm > 0)) return 1;
  const double norm = blas::nrm2(gradient);
  return std::isfinite(norm) && norm > clip_norm ? clip_norm / norm : 1;
}

/// One tensor's part of the vectors; moments that an optimiser has not are null.
template <class T>
struct Part {
  std::int64_t size = 0;
  const double* gradient = nullptr;
  double clip = 1;
  T* parameter = nullptr;
  T* first = nullptr;
  T* second = nullptr;
};

template <class T>
void descend(const Optimiser& optimiser, double rate, const Part<T>& p) {
  for (std::int64_t i = 0; i < p.size; ++i) {
    const auto theta = static_cast<double>(p.parameter[i]);
    const double g = p.clip * p.gradient[i] + optimiser.weight_decay * theta;
    p.parameter[i] = static_cast<T>(theta - rate * g);
  }
}

template <class T>
void descend_with_momentum(const Optimiser& optimiser, double rate, const Part<T>& p) {
  for (std::int64_t i = 0; i < p.size; ++i) {
    const auto theta = static_cast<double>(p.parameter[i]);
    const double g = p.clip * p.gradient[i] + optimiser.weight_decay * theta;
    const double v = optimiser.momentum * static_cast<double>(p.first[i]) + g;
    const double direction = optimiser.nesterov ? g + optimiser.momentum * v : v;
    p.first[i] = static_cast<T>(v);
    p.parameter[i] = static_cast<T>(theta - rate * direction);
  }
}

/// rate is of the moments' term, shrink = η·decay of the decoupled one.
template <class T>
void descend_by_moments(const Optimiser& optimiser, std::int64_t updates, double rate,
                        double coupled_decay, double shrink, const Part<T>& p) {
  const auto t = static_cast<double>(updates);
  const double unbias1 = 1 / (1 - std::pow(optimiser.beta1, t));
  const double unbias2 = 1 / (1 - std::pow(optimiser.beta2, t));
  for (std::int64_t i = 0; i < p.size; ++i) {
    const auto theta = static_cast<double>(p.parameter[i]);
    const double g = p.clip * p.gradient[i] + coupled_decay * theta;
    const double m = optimiser.beta1 * static_cast<double>(p.first[i]) + (1 - optimiser.beta1) * g;
    const double v =
        optimiser.beta2 * static_cast<double>(p.second[i]) + (1 - optimiser.beta2) * g * g;
    p.first[i] = static_cast<T>(m);
    p.second[i] = static_cast<T>(v);
    const double direction = unbias1 * m / (std::sqrt(unbias2 * v) + optimiser.epsilon);
    p.parameter[i] = static_cast<T>(theta - rate * direction - shrink * theta);
  }
}

template <class T>
void update_tensor(const Optimiser& optimiser, const ParameterTensor& tensor, double rate,
                   std::int64_t updates, const Part<T>& part) {
  switch (optimiser.kind) {
    case OptimiserKind::sgd:
      return descend(optimiser, rate * tensor.sgd_rate, part);
    case OptimiserKind::momentum:
      return descend_with_momentum(optimiser, rate * tensor.sgd_rate, part);
    case OptimiserKind::adam:
      return descend_by_moments(optimiser, updates, rate * tensor.adam_rate, optimiser.weight_decay,
                                0.0, part);
    case OptimiserKind::adamw:
      return descend_by_moments(optimiser, updates, rate * tensor.adam_rate, 0.0,
                                rate * optimiser.weight_decay, part);
  }
}

template <class T>
void prepare_moment(bool needed, std::size_t size, std::vector<T>& moment) {
  if (needed && moment.empty()) moment.resize(size);
  FATHOM_ASSERT(moment.size() == (needed ? size : 0), "{} moments for {} parameters", moment.size(),
                size);
}

template <class T>
T* at(std::vector<T>& moment, std::int64_t offset) {
  return moment.empty() ? nullptr : moment.data() + offset;
}

}  // namespace

std::string_view name(OptimiserKind kind) {
  switch (kind) {
    case OptimiserKind::sgd:
      return "sgd";
    case OptimiserKind::momentum:
      return "momentum";
    case OptimiserKind::adam:
      return "adam";
    case OptimiserKind::adamw:
      return "adamw";
  }
  return "sgd";
}

int moments(OptimiserKind kind) {
  if (kind == OptimiserKind::sgd) return 0;
  return kind == OptimiserKind::momentum ? 1 : 2;
}

template <class T>
void prepare(const Optimiser& optimiser, std::size_t parameters, OptimiserState<T>& state) {
  prepare_moment(moments(optimiser.kind) > 0, parameters, state.first);
  prepare_moment(moments(optimiser.kind) > 1, parameters, state.second);
}

template <class T>
void update(const Optimiser& optimiser, std::span<const ParameterTensor> tensors, double rate,
            std::span<const double> gradient, OptimiserState<T>& state, std::span<T> parameters) {
  FATHOM_ASSERT(gradient.size() == parameters.size(), "{} derivatives for {} parameters",
                gradient.size(), parameters.size());
  prepare(optimiser, parameters.size(), state);
  const double clip = clip_factor(optimiser.clip_norm, gradient);
  ++state.updates;
  for (const ParameterTensor& tensor : tensors) {
    FATHOM_ASSERT(tensor.offset >= 0 && tensor.offset + tensor.size() <= std::ssize(parameters),
                  "tensor {} at {} + {} of {} parameters", tensor.name, tensor.offset,
                  tensor.size(), parameters.size());
    update_tensor(optimiser, tensor, rate, state.updates,
                  Part<T>{tensor.size(), gradient.data() + tensor.offset, clip,
                          parameters.data() + tensor.offset, at(state.first, tensor.offset),
                          at(state.second, tensor.offset)});
  }
}

template void prepare(const Optimiser&, std::size_t, OptimiserState<double>&);
template void prepare(const Optimiser&, std::size_t, OptimiserState<float>&);
template void update(const Optimiser&, std::span<const ParameterTensor>, double,
                     std::span<const double>, OptimiserState<double>&, std::span<double>);
template void update(const Optimiser&, std::span<const ParameterTensor>, double,
                     std::span<const double>, OptimiserState<float>&, std::span<float>);

}  // namespace fathom
