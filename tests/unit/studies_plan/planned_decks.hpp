#pragma once

// Small decks, and the shapes and plans of their points.

#include "studies/run_plan.hpp"

#include <string>
#include <vector>

namespace fathom::test {

inline const std::string law_deck = R"(schema = 1
[study]
kind = "spectrum"
[data]
source = "power_law"
alpha = 1.5
dim = 40
[kernel]
type = "random_features"
activation = "linear"
features = 100
[solver]
grid = [2, 2]
block = 16
)";

/// Without a study.
inline const std::string network_deck = R"(schema = 1
[data]
source = "power_law"
alpha = 1.5
dim = 10
n = 30
[kernel]
type = "network"
activation = "relu"
width = 8
depth = 1
biases = false
)";

inline std::vector<PointShape> points_of(const std::string& text,
                                         const std::vector<std::string>& overrides = {}) {
  return point_shapes(parse_deck({"deck.toml", text}, overrides), InputShapes{});
}

inline ProblemShape shape_of(const std::string& text,
                             const std::vector<std::string>& overrides = {}) {
  return points_of(text, overrides).at(0).problem;
}

inline Machine machine_of(int nodes, int cores, double gibibytes) {
  return {.nodes = nodes,
          .cores = cores,
          .memory = gibibytes * 0x1p30,
          .limit = "a test",
          .baseline = 0x1p26};
}

}  // namespace fathom::test
