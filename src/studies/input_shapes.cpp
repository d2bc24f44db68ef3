#include "studies/input_shapes.hpp"

#include "base/assert.hpp"
#include "store/matrix_file.hpp"
#include "studies/deck_numbers.hpp"
#include "studies/input_data.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <sstream>
#include <vector>

#include <fmt/format.h>

namespace fathom {
namespace {

struct Named {
  std::string path, dataset;
  std::string key() const { return path + '\n' + dataset; }
};

Named named(const Deck& deck, const char* file, const char* dataset) {
  return {path_from_deck(deck, deck.text(file)), deck.has(dataset) ? deck.text(dataset) : ""};
}

/// As read_targets has it: a .npy path stands for itself.
Named named_targets(const Deck& deck) {
  const std::string& name = deck.text("data.targets");
  if (name.ends_with(".npy")) return {path_from_deck(deck, name), ""};
  return {path_from_deck(deck, deck.text(deck.has("data.file") ? "data.file" : "kernel.file")),
          name};
}

std::int64_t classes_of(const MatrixFile& file, std::int64_t rows) {
  std::vector<std::int64_t> items(static_cast<std::size_t>(rows));
  std::iota(items.begin(), items.end(), 0);
  std::vector<double> label(items.size());
  file.read_rows(items, {label.data(), 1, rows, 1});
  const double largest = rows == 0 ? 0.0 : *std::max_element(label.begin(), label.end());
  // What is no label is refused where labels are read, with its sample.
  constexpr double most = 1e6;
  return largest >= 0 && largest <= most ? static_cast<std::int64_t>(largest) + 1 : 1;
}

}  // namespace

void InputShapes::add(const Deck& deck) {
  const auto look = [&](const Named& at) -> std::optional<MatrixFile> {
    if (shape_.contains(at.key())) return std::nullopt;
    MatrixFile file = MatrixFile::open(at.path, at.dataset);
    shape_[at.key()] = {.rows = file.rows(), .cols = file.cols()};
    return file;
  };
  if (deck.has("data.file")) look(named(deck, "data.file", "data.dataset"));
  if (deck.has("kernel.file")) look(named(deck, "kernel.file", "kernel.dataset"));
  if (!deck.has("data.targets")) return;
  const Named at = named_targets(deck);
  const auto file = look(at);
  if (file && cross_entropy(deck) && file->cols() == 1) {
    const std::int64_t wanted = deck.has("data.n") ? deck.integer("data.n") : file->rows();
    shape_[at.key()].classes = classes_of(*file, std::min(wanted, file->rows()));
  }
}

const FileShape& InputShapes::data(const Deck& deck) const {
  return shape_.at(named(deck, "data.file", "data.dataset").key());
}
const FileShape& InputShapes::kernel(const Deck& deck) const {
  return shape_.at(named(deck, "kernel.file", "kernel.dataset").key());
}
const FileShape& InputShapes::targets(const Deck& deck) const {
  return shape_.at(named_targets(deck).key());
}

InputShapes InputShapes::read(const Deck& deck) {
  InputShapes shapes;
  shapes.add(deck);
  for (const SweepPoint& point : deck.sweep())
    shapes.add(point.deck);
  return shapes;
}

InputShapes InputShapes::read(const Communicator& comm, const Deck& deck) {
  InputShapes shapes;
  std::string text;
  comm.agree_on_root([&] {
    shapes = read(deck);
    for (const auto& [key, shape] : shapes.shape_)
      text += fmt::format("{}\n{} {} {}\n", key, shape.rows, shape.cols, shape.classes);
  });
  comm.broadcast(text);
  std::istringstream lines(text);
  shapes.shape_.clear();
  for (std::string path, dataset, numbers;
       std::getline(lines, path) && std::getline(lines, dataset) && std::getline(lines, numbers);) {
    FileShape shape;
    std::istringstream(numbers) >> shape.rows >> shape.cols >> shape.classes;
    shapes.shape_[path + '\n' + dataset] = shape;
  }
  return shapes;
}

}  // namespace fathom
