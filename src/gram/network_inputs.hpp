#pragma once

// Inputs of a network, sample by sample, on whatever rank asks for them.

#include "gram/data_rows.hpp"
#include "networks/network.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fathom {

/// Samples 0 … samples() − 1, each of dim() features or of positions() tokens. Every rank can make
/// every sample; the same sample is the same everywhere.
class NetworkInputs {
 public:
  NetworkInputs() = default;
  virtual ~NetworkInputs() = default;
  NetworkInputs(const NetworkInputs&) = delete;
  NetworkInputs& operator=(const NetworkInputs&) = delete;

  virtual std::int64_t samples() const = 0;
  virtual std::int64_t dim() const { return 0; }        ///< features of a sample; 0: tokens
  virtual std::int64_t positions() const { return 0; }  ///< tokens of a sample; 0: features
  virtual std::string description() const = 0;
  /// Unit roundoff of the features: 2⁻⁵³, or 2⁻²⁴ where they come from a float32 file.
  virtual double input_epsilon() const { return 0x1p-53; }

  /// out(k, q) = feature k of samples[q]. Local. @pre dim() > 0, out is dim() × samples.size()
  virtual void fill_features(std::span<const std::int64_t> samples, MatrixView<double> out) const;
  /// out[t + positions()·q] = token t of samples[q]. Local. @pre positions() > 0
  virtual void fill_tokens(std::span<const std::int64_t> samples,
                           std::span<std::int32_t> out) const;
};

/// Vectors that are made by key. rows outlives the source. @pre rows.held() == nullptr
std::unique_ptr<NetworkInputs> made_samples(const DataRows& rows);
/// Features that every rank holds alike, dim × samples.
std::unique_ptr<NetworkInputs> replicated_features(std::vector<double> features, std::int64_t dim,
                                                   std::string description,
                                                   double input_epsilon = 0x1p-53);
/// Tokens that every rank holds alike, `positions` a sample.
std::unique_ptr<NetworkInputs> replicated_tokens(std::vector<std::int32_t> tokens,
                                                 std::int64_t positions, std::string description);

/// A batch that owns its inputs.
class InputBatch {
 public:
  /// Local; may throw bad_alloc.
  InputBatch(const NetworkInputs& source, std::span<const std::int64_t> samples);
  InputBatch(InputBatch&&) = default;  // vectors keep their place
  InputBatch& operator=(InputBatch&&) = default;
  InputBatch(const InputBatch&) = delete;
  InputBatch& operator=(const InputBatch&) = delete;

  const Batch<double>& batch() const { return batch_; }

 private:
  std::vector<double> features_;
  std::vector<std::int32_t> tokens_;
  Batch<double> batch_;
};

}  // namespace fathom
