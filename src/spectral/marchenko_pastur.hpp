#pragma once

// Marchenko-Pastur law of WᵀW/v, W v×d with i.i.d. N(0,1) entries, ratio c = d/v; an oracle for
// tests. Marchenko and Pastur 1967. Local and pure.

namespace fathom {

struct MarchenkoPastur {
  double ratio;  ///< c = d/v > 0

  double lower_edge() const;       ///< (1 − √c)²
  double upper_edge() const;       ///< (1 + √c)²
  double density(double x) const;  ///< of the continuous part; without the atom at zero
  double zero_mass() const;        ///< max(0, 1 − 1/c)
  double moment(int order) const;  ///< Narayana sum; 1, 1 + c, 1 + 3c + c² …; @pre order ≥ 0
  double cumulative(double x) const;  ///< mass at or below x, atom included, to about 1e-8
};

}  // namespace fathom
