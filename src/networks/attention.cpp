#include "networks/attention.hpp"

#include "bindings/blas.hpp"
#include "networks/activation_values.hpp"

#include <algorithm>
#include <span>
#include <vector>

namespace fathom {
namespace {

/// Below this many multiplications a product is made by loops: a call of BLAS takes longer.
constexpr std::int64_t least_blas_work = 8192;

template <class T>
void small_product(Op op_a, Op op_b, T alpha, MatrixView<const T> a, MatrixView<const T> b, T beta,
                   MatrixView<T> c) {
  const std::int64_t depth = op_a == Op::none ? a.cols : a.rows;
  for (std::int64_t j = 0; j < c.cols; ++j) {
    T* to = c.col(j);
    if (op_a == Op::transpose) {  // B is not transposed where A is
      for (std::int64_t i = 0; i < c.rows; ++i) {
        const T *x = a.col(i), *y = b.col(j);
        T sum = 0;
#pragma omp simd reduction(+ : sum)
        for (std::int64_t l = 0; l < depth; ++l)
          sum += x[l] * y[l];
        to[i] = beta == 0 ? alpha * sum : beta * to[i] + alpha * sum;
      }
      continue;
    }
    for (std::int64_t i = 0; i < c.rows; ++i)
      to[i] = beta == 0 ? T(0) : beta * to[i];
    for (std::int64_t l = 0; l < depth; ++l) {
      const T factor = alpha * (op_b == Op::none ? b(l, j) : b(j, l));
      const T* x = a.col(l);
#pragma omp simd
      for (std::int64_t i = 0; i < c.rows; ++i)
        to[i] += factor * x[i];
    }
  }
}

/// C ← alpha·op(A)·op(B) + beta·C. @pre not both transposed
template <class T>
void product(Op op_a, Op op_b, T alpha, MatrixView<const T> a, MatrixView<const T> b, T beta,
             MatrixView<T> c) {
  const std::int64_t depth = op_a == Op::none ? a.cols : a.rows;
  if (c.rows * c.cols * depth < least_blas_work)
    small_product(op_a, op_b, alpha, a, b, beta, c);
  else
    blas::gemm(op_a, op_b, alpha, a, b, beta, c);
}

/// The query, key and value blocks (head_size × positions) of a head in a group of columns.
template <class T>
struct HeadInputs {
  MatrixView<T> query, key, value;
};

template <class T>
HeadInputs<T> head_inputs(const AttentionShape& shape, MatrixView<T> inputs, std::int64_t head,
                          std::int64_t group) {
  const auto part = [&](std::int64_t which) {
    return inputs.block(which * shape.inner() + head * shape.head_size, group * shape.positions,
                        shape.head_size, shape.positions);
  };
  return {part(0), part(1), part(2)};
}

template <class T>
MatrixView<T> head_output(const AttentionShape& shape, MatrixView<T> outputs, std::int64_t head,
                          std::int64_t group) {
  return outputs.block(head * shape.head_size, group * shape.positions, shape.head_size,
                       shape.positions);
}

template <class T>
MatrixView<T> head_weights(const AttentionShape& shape, MatrixView<T> weights, std::int64_t head,
                           std::int64_t sample) {
  return weights.block(0, (head + shape.heads * sample) * shape.positions, shape.positions,
                       shape.positions);
}

/// Scores s ≤ t less their largest, 0 past t.
template <class T>
void shift_and_mask(T* scores, std::int64_t t, std::int64_t positions) {
  const T largest = *std::max_element(scores, scores + t + 1);
  for (std::int64_t s = 0; s <= t; ++s)
    scores[s] -= largest;
  std::fill(scores + t + 1, scores + positions, T(0));
}

template <class T>
void normalise_and_mask(T* weights, std::int64_t t, std::int64_t positions) {
  T sum = 0;
  for (std::int64_t s = 0; s <= t; ++s)
    sum += weights[s];
  for (std::int64_t s = 0; s <= t; ++s)
    weights[s] /= sum;
  std::fill(weights + t + 1, weights + positions, T(0));
}

/// Each column of scores ← the softmax's derivative along it, P∘(scores − Pᵀscores): symmetric.
template <class T>
void differentiate_softmax(MatrixView<const T> weights, MatrixView<T> scores) {
  for (std::int64_t t = 0; t < scores.cols; ++t) {
    const T* p = weights.col(t);
    T* d = scores.col(t);
    T along = 0;
#pragma omp simd reduction(+ : along)
    for (std::int64_t s = 0; s < scores.rows; ++s)
      along += p[s] * d[s];
#pragma omp simd
    for (std::int64_t s = 0; s < scores.rows; ++s)
      d[s] = p[s] * (d[s] - along);
  }
}

template <class T>
std::vector<T> square(std::int64_t positions) {
  return std::vector<T>(static_cast<std::size_t>(positions * positions));
}

template <class T>
MatrixView<T> square_view(std::vector<T>& entries, std::int64_t positions) {
  return {entries.data(), positions, positions, positions};
}

}  // namespace

template <class T>
void attend(const AttentionShape& shape, MatrixView<const T> inputs, MatrixView<T> weights,
            MatrixView<T> outputs) {
  const std::int64_t samples = inputs.cols / shape.positions, positions = shape.positions;
  for (std::int64_t i = 0; i < samples; ++i)
    for (std::int64_t h = 0; h < shape.heads; ++h) {
      const auto in = head_inputs(shape, inputs, h, i);
      product(Op::transpose, Op::none, static_cast<T>(shape.scale), in.key, in.query, T(0),
              head_weights(shape, weights, h, i));
    }
  for (std::int64_t j = 0; j < weights.cols; ++j)
    shift_and_mask(weights.col(j), j % positions, positions);
  exponentiate(std::span<T>(weights.data, static_cast<std::size_t>(positions * weights.cols)));
  for (std::int64_t j = 0; j < weights.cols; ++j)
    normalise_and_mask(weights.col(j), j % positions, positions);
  for (std::int64_t i = 0; i < samples; ++i)
    for (std::int64_t h = 0; h < shape.heads; ++h)
      product<T>(Op::none, Op::none, 1, head_inputs(shape, inputs, h, i).value,
                 head_weights(shape, weights, h, i), 0, head_output(shape, outputs, h, i));
}

template <class T>
void attend_pull_back(const AttentionShape& shape, MatrixView<const T> inputs,
                      MatrixView<const T> weights, std::int64_t choices, MatrixView<const T> g,
                      MatrixView<T> inputs_gradient) {
  const T scale = static_cast<T>(shape.scale);
  std::vector<T> storage = square<T>(shape.positions);
  const MatrixView<T> scores = square_view(storage, shape.positions);
  for (std::int64_t group = 0; group < g.cols / shape.positions; ++group)
    for (std::int64_t h = 0; h < shape.heads; ++h) {
      const auto in = head_inputs(shape, inputs, h, group / choices);
      const auto to = head_inputs(shape, inputs_gradient, h, group);
      const auto p = head_weights(shape, weights, h, group / choices);
      const auto out = head_output(shape, g, h, group);
      product<T>(Op::none, Op::transpose, 1, out, p, 0, to.value);
      product<T>(Op::transpose, Op::none, 1, in.value, out, 0, scores);
      differentiate_softmax<T>(p, scores);
      product<T>(Op::none, Op::none, scale, in.key, scores, 0, to.query);
      product<T>(Op::none, Op::transpose, scale, in.query, scores, 0, to.key);
    }
}

template <class T>
void attend_tangent(const AttentionShape& shape, MatrixView<const T> inputs,
                    MatrixView<const T> weights, MatrixView<const T> inputs_tangent,
                    MatrixView<T> outputs_tangent) {
  const T scale = static_cast<T>(shape.scale);
  std::vector<T> storage = square<T>(shape.positions);
  const MatrixView<T> scores = square_view(storage, shape.positions);
  for (std::int64_t i = 0; i < inputs.cols / shape.positions; ++i)
    for (std::int64_t h = 0; h < shape.heads; ++h) {
      const auto in = head_inputs(shape, inputs, h, i);
      const auto along = head_inputs(shape, inputs_tangent, h, i);
      const auto p = head_weights(shape, weights, h, i);
      const auto to = head_output(shape, outputs_tangent, h, i);
      product<T>(Op::transpose, Op::none, scale, along.key, in.query, 0, scores);
      product<T>(Op::transpose, Op::none, scale, in.key, along.query, 1, scores);
      differentiate_softmax<T>(p, scores);
      product<T>(Op::none, Op::none, 1, along.value, p, 0, to);
      product<T>(Op::none, Op::none, 1, in.value, scores, 1, to);
    }
}

template void attend(const AttentionShape&, MatrixView<const double>, MatrixView<double>,
                     MatrixView<double>);
template void attend(const AttentionShape&, MatrixView<const float>, MatrixView<float>,
                     MatrixView<float>);
template void attend_pull_back(const AttentionShape&, MatrixView<const double>,
                               MatrixView<const double>, std::int64_t, MatrixView<const double>,
                               MatrixView<double>);
template void attend_pull_back(const AttentionShape&, MatrixView<const float>,
                               MatrixView<const float>, std::int64_t, MatrixView<const float>,
                               MatrixView<float>);
template void attend_tangent(const AttentionShape&, MatrixView<const double>,
                             MatrixView<const double>, MatrixView<const double>,
                             MatrixView<double>);
template void attend_tangent(const AttentionShape&, MatrixView<const float>,
                             MatrixView<const float>, MatrixView<const float>, MatrixView<float>);

}  // namespace fathom
