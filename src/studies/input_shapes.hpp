#pragma once

// Sizes of the files that a deck names, from their headers: what a plan needs to know of them.

#include "comm/communicator.hpp"
#include "deck/deck.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace fathom {

struct FileShape {
  std::int64_t rows = 0, cols = 0;
  /// Of labels of classes (one column of whole numbers): the number of classes; 0: not looked at.
  std::int64_t classes = 0;
};

/// By path and dataset, for all points of a deck.
class InputShapes {
 public:
  /// Of the deck's data.file, kernel.file and data.targets. @pre the deck names one
  const FileShape& data(const Deck& deck) const;
  const FileShape& kernel(const Deck& deck) const;
  const FileShape& targets(const Deck& deck) const;

  /// Reads headers, and labels where the classes of a network are counted by them, of every point.
  /// Error(input). Local.
  static InputShapes read(const Deck& deck);
  /// The same on the root, handed to all. Collective.
  static InputShapes read(const Communicator& comm, const Deck& deck);

 private:
  void add(const Deck& deck);
  std::map<std::string, FileShape> shape_;
};

}  // namespace fathom
