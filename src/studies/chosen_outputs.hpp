#pragma once

// Which outputs of a network a snapshot is taken over (study.positions, study.classes): the rows
// of its tangent kernel, and of the gradient in function space. Training is on all outputs.

#include "deck/deck.hpp"
#include "networks/network.hpp"
#include "training/evaluation.hpp"
#include "training/samples.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fathom {

struct ChosenOutputs {
  std::vector<std::int64_t> positions, classes;     ///< from 0, rising
  std::int64_t all_positions = 1, all_classes = 1;  ///< of the network

  bool every_position() const { return std::ssize(positions) == all_positions; }
  bool every_class() const { return std::ssize(classes) == all_classes; }
  bool every_output() const { return every_position() && every_class(); }
  /// Rows of a sample, position by position, as the network numbers its outputs.
  std::vector<OutputChoice> choices() const;
  /// "positions 1, 10 of 10, every class": positions count from 1, classes from 0.
  std::string text() const;
};

/// Error(deck) where the network has not these. Local.
ChosenOutputs chosen_outputs(const Deck& deck, const Network<double>& network);

/// The rows of these outputs: (outputs of the network × samples) to (choices × samples). Pure.
std::vector<double> chosen_rows(const ChosenOutputs& outputs, std::span<const double> whole);

/// The loss that goes with the chosen rows g of ∇_f L. Squared error is a sum over outputs, and so
/// is its part of these, n|g|²/2; a cross entropy couples all classes of a position and is taken
/// whole. `whole` is over the chosen positions. Pure.
double loss_of_outputs(const ChosenOutputs& outputs, LossKind kind, const FunctionGradient& whole,
                       std::span<const double> g, std::int64_t samples);

/// The same samples with the labels of the chosen positions alone; the others do not count.
/// `source` outlives it.
std::unique_ptr<SampleSource<double>> at_positions(const SampleSource<double>& source,
                                                   const ChosenOutputs& outputs);

}  // namespace fathom
