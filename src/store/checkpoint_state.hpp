#pragma once

// What the parts of the checkpoint share. Private to the store.

#include "store/checkpoint.hpp"
#include "store/folder_lock.hpp"
#include "store/hash.hpp"

#include <optional>

namespace fathom {

struct Checkpoint::State {
  std::filesystem::path folder;
  const Communicator* comm = nullptr;
  Hash128 identity{};
  std::optional<FolderLock> lock;  ///< on rank 0

  std::filesystem::path record(std::string_view key) const;
  std::filesystem::path columns(std::string_view key, std::int64_t generation) const;
};

/// The columns of a matrix in chunks: which rows of which columns stand where in the file.
struct Checkpoint::Chunks {
  std::int64_t rows = 0, cols = 0;
  std::int64_t width = 1;  ///< columns of a chunk; the last may have less
  bool lower = false;
  std::vector<std::int64_t> offset{};  ///< bytes; one more than chunks

  Chunks(std::int64_t rows, std::int64_t cols, std::int64_t width, bool lower);
  std::int64_t count() const { return std::ssize(offset) - 1; }
  std::int64_t bytes() const { return offset.back(); }
  std::int64_t first(std::int64_t chunk) const { return chunk * width; }
  std::int64_t columns(std::int64_t chunk) const;
  std::int64_t top(std::int64_t chunk) const { return lower ? first(chunk) : 0; }
};

}  // namespace fathom
