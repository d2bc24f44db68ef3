#pragma once

// The rows of the key table above all sections and of [run].

#include "deck/key_table.hpp"

namespace fathom::deck {

std::vector<Key> run_keys();

}  // namespace fathom::deck
