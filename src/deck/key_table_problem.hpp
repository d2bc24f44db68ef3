#pragma once

// The rows of the key table for [data], [kernel] and [training], and those of [study] that concern
// networks alone.

#include "deck/key_table.hpp"

namespace fathom::deck {

/// Sizes have a square whose bytes still fit 64 bits.
inline constexpr double largest_size = 1e9;

std::vector<Key> study_of_network_keys();
std::vector<Key> data_keys();
std::vector<Key> data_of_training_keys();
std::vector<Key> kernel_keys();
std::vector<Key> network_keys();
std::vector<Key> training_keys();

}  // namespace fathom::deck
