#include "networks/loss.hpp"

#include <algorithm>
#include <cmath>

namespace fathom {
namespace {

template <class T>
double squared_error(MatrixView<const T> outputs, MatrixView<const T> values, double count,
                     MatrixView<T> gradient) {
  FATHOM_ASSERT(values.data && values.rows == outputs.rows && values.cols == outputs.cols,
                "values {} x {} for outputs {} x {}", values.rows, values.cols, outputs.rows,
                outputs.cols);
  double sum = 0;
  for (std::int64_t i = 0; i < outputs.cols; ++i)
    for (std::int64_t k = 0; k < outputs.rows; ++k) {
      const double residual = static_cast<double>(outputs(k, i)) - values(k, i);
      sum += 0.5 * residual * residual;
      if (gradient.data) gradient(k, i) = static_cast<T>(residual / count);
    }
  return sum / count;
}

/// −log softmax(z)_label by the log-sum-exp shifted by the largest output; gradient ←
/// (softmax − onehot)/count where it is not null.
template <class T>
double position_entropy(const T* z, std::int64_t classes, std::int32_t label, double count,
                        T* gradient) {
  const double largest = *std::max_element(z, z + classes);
  double sum = 0;
  for (std::int64_t c = 0; c < classes; ++c)
    sum += std::exp(z[c] - largest);
  if (gradient)
    for (std::int64_t c = 0; c < classes; ++c)
      gradient[c] =
          static_cast<T>((std::exp(z[c] - largest) / sum - (c == label ? 1.0 : 0.0)) / count);
  return std::log(sum) + (largest - z[label]);
}

template <class T>
double cross_entropy(MatrixView<const T> outputs, std::int64_t classes,
                     std::span<const std::int32_t> labels, double count, MatrixView<T> gradient) {
  const std::int64_t positions = outputs.rows / classes;
  FATHOM_ASSERT(
      outputs.rows == positions * classes && std::ssize(labels) == positions * outputs.cols,
      "{} labels for outputs {} x {} of {} classes", labels.size(), outputs.rows, outputs.cols,
      classes);
  double sum = 0;
  for (std::int64_t i = 0; i < outputs.cols; ++i)
    for (std::int64_t t = 0; t < positions; ++t) {
      const std::int32_t label = labels[static_cast<std::size_t>(t + positions * i)];
      FATHOM_ASSERT(label >= -1 && label < classes,
                    "label {} at position {} of sample {}, {} classes", label, t, i, classes);
      T* g = gradient.data ? gradient.col(i) + t * classes : nullptr;
      if (label == -1) {
        if (g) std::fill_n(g, classes, T(0));
        continue;
      }
      sum += position_entropy(outputs.col(i) + t * classes, classes, label, count, g);
    }
  return sum / count;
}

}  // namespace

std::string_view name(LossKind kind) {
  return kind == LossKind::squared_error ? "squared_error" : "cross_entropy";
}

template <class T>
double loss_and_gradient(LossKind kind, MatrixView<const T> outputs, std::int64_t classes,
                         const LossTargets<T>& targets, double count, MatrixView<T> gradient) {
  FATHOM_ASSERT(classes >= 1 && count > 0, "{} classes, count {}", classes, count);
  FATHOM_ASSERT(!gradient.data || (gradient.rows == outputs.rows && gradient.cols == outputs.cols),
                "gradient {} x {} for outputs {} x {}", gradient.rows, gradient.cols, outputs.rows,
                outputs.cols);
  if (kind == LossKind::squared_error)
    return squared_error(outputs, targets.values, count, gradient);
  return cross_entropy(outputs, classes, targets.labels, count, gradient);
}

template double loss_and_gradient(LossKind, MatrixView<const double>, std::int64_t,
                                  const LossTargets<double>&, double, MatrixView<double>);
template double loss_and_gradient(LossKind, MatrixView<const float>, std::int64_t,
                                  const LossTargets<float>&, double, MatrixView<float>);

}  // namespace fathom
