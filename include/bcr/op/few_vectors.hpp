// Where weights are packed in both layouts: up to how many vectors bands are the faster one. Bands read the weights
// once, but what they do for each strip they do for every vector; panels do the same work for one vector as for as many
// as a register holds.
#pragma once

#include <algorithm>
#include <cstddef>

#include "bcr/core/block.hpp"
#include "bcr/format/bands.hpp"
#include "bcr/format/panels.hpp"
#include "bcr/kernel/panel_task.hpp"

namespace bcr::detail {

// Cycles, roughly, as measured on Zen 5.
struct bands_cycles {
  double once = 0;        // for all vectors together
  double per_vector = 0;  // and for each, if that is more than reading the weights
  double reading = 0;

  double of(std::size_t vectors) const noexcept {
    return once + std::max(reading, per_vector * static_cast<double>(vectors));
  }
};

template <class W>
bands_cycles cycles_of(const bands_view<W>& bands, std::size_t lanes) noexcept {
  bands_cycles cycles;
  const unsigned width = static_cast<unsigned>(std::min<std::size_t>(lanes, mask_rows));
  const bool permutes = lanes >= mask_rows;
  for (const strip_run& run : bands.runs) {
    const bool own = run.kind == strip_kind::own, narrow = !own && run.lanes * 2u <= width;
    if (permutes && run.words == 1 && run.kind < strip_kind::own) {  // the rows' sums stay in registers
      cycles.once += 6.0 * run.strips;
      cycles.reading += 1.6 * run.steps * run.strips;
      cycles.per_vector += 0.8 * run.steps * run.strips;
      continue;
    }
    const double lanes_of_weights = narrow ? run.lanes : static_cast<double>(blocks_covering(run.lanes, width) * width);
    const double vectors = run.steps * lanes_of_weights / width;
    const double masks = (permutes ? 2.6 : 4.0) * run.words * mask_rows / width;
    const double multiplied = own ? (permutes ? 1.2 : 1.8) : narrow ? 3.2 : 0.75;
    cycles.once += 25.0 * run.strips;
    cycles.reading += 2.3 * vectors * run.strips;
    cycles.per_vector += (multiplied * vectors + masks) * run.strips;
  }
  return cycles;
}

// For as many vectors as there are lanes, or fewer.
template <class W>
double cycles_of(const panels_view<W>& panels) noexcept {
  return 0.85 * static_cast<double>(panels.weights.size()) + 9.0 * static_cast<double>(panels.segments.size()) +
         25.0 * static_cast<double>(panels.panels.size());
}

// At least 1: for a single vector, panels have a kernel that is not much better where it is.
template <class W>
std::size_t few_vectors(const bands_view<W>& bands, const panels_view<W>& panels, std::size_t lanes) noexcept {
  const bands_cycles on_bands = cycles_of(bands, lanes);
  const double on_panels = cycles_of(panels);
  std::size_t few = 1;
  const auto better = [&](std::size_t vectors) {
    return on_bands.of(vectors) < on_panels * static_cast<double>(blocks_covering(vectors, lanes));
  };
  while (few < band_vectors && better(few + 1)) ++few;
  return few;
}

}  // namespace bcr::detail
