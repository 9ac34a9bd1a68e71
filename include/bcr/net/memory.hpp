// Where results lie in the memory of a run: at compile time, each gets a place that it shares with those that are not
// needed at the same time. Results that a step may write on top of one that it uses last are there from the beginning.
#pragma once

#include <cstddef>

#include "bcr/core/image.hpp"
#include "bcr/net/margins.hpp"
#include "bcr/net/record.hpp"
#include "bcr/net/steps.hpp"

namespace bcr::net {

// Elements; places are counted in steps of a line of the cache.
inline constexpr std::size_t place_elements = 16;

template <std::size_t Capacity>
struct memory_plan {
  // For each result that needs memory: its first element. The network's input and output are the caller's.
  std::size_t offset[Capacity] = {};
  channel_margins margins[Capacity] = {};  // which it begins with
  std::size_t peak = 0;                    // elements in all
  std::size_t lower_bound =
      0;  // elements of the largest set of results that are needed at the same time, without margins
};

// A place: the steps that need it, from the one that writes it to the last that reads it.
struct place {
  layer_number result = 0;
  std::size_t elements = 0, without_margins = 0, first = 0, last = 0, offset = 0;
  bool placed = false;
  constexpr bool meets(const place& other) const noexcept { return first <= other.last && other.first <= last; }
};

template <std::size_t Capacity>
struct places {
  place all[Capacity] = {};
  std::size_t count = 0;
  layer_number owner[Capacity] = {};  // of a result: the place it lies in, or no_layer
};

// The last step that uses a result.
template <std::size_t Capacity>
constexpr std::size_t last_use(const program<Capacity>& run, layer_number result) noexcept {
  std::size_t last = 0;
  for (std::size_t i = 0; i < run.count; ++i) {
    const step& s = run.steps[i];
    for (std::size_t k = 0; k < s.input_count; ++k) {
      if (s.inputs[k] == result) last = i;
    }
    if (s.residual == result) last = i;
  }
  return last;
}

// The result that step `number` may write on: one of the same elements and margins that nobody needs later, and of
// which the step itself needs no element but the one that it is about to write.
template <std::size_t Capacity>
constexpr layer_number overwritten(const network<Capacity>& net, const program<Capacity>& run, std::size_t number,
                                   const channel_margins* margins) noexcept {
  const step& s = run.steps[number];
  const auto may = [&](layer_number r) {
    return r != 0 && r != no_layer && last_use(run, r) == number &&
           net[r].shape.elements() == net[s.result].shape.elements() && margins[r] == margins[s.result];
  };
  bool reads_residual = false;
  for (std::size_t k = 0; k < s.input_count; ++k) reads_residual = reads_residual || s.inputs[k] == s.residual;
  if (may(s.residual) && !reads_residual) return s.residual;
  const operation kind = net[s.main].kind;
  if (kind != operation::activation && kind != operation::add && kind != operation::softmax) return no_layer;
  for (std::size_t k = 0; k < s.input_count; ++k) {
    if (may(s.inputs[k])) return s.inputs[k];
  }
  return no_layer;
}

template <std::size_t Capacity>
constexpr places<Capacity> places_of(const network<Capacity>& net, const program<Capacity>& run,
                                     const channel_margins* margins) noexcept {
  places<Capacity> made{};
  for (layer_number& owner : made.owner) owner = no_layer;
  for (std::size_t i = 0; i < run.count; ++i) {
    const layer_number result = run.steps[i].result;
    if (result == net.output) continue;
    const std::size_t last = last_use(run, result);
    const layer_number below = overwritten(net, run, i, margins);
    if (below != no_layer && made.owner[below] != no_layer) {
      made.owner[result] = made.owner[below];
      made.all[made.owner[result]].last = last > i ? last : i;
      continue;
    }
    const auto lines = [](std::size_t elements) {
      return (elements + place_elements - 1) / place_elements * place_elements;
    };
    made.owner[result] = static_cast<layer_number>(made.count);
    made.all[made.count++] = {result, lines(margins[result].elements(net[result].shape)),
                              lines(net[result].shape.elements()), i, last > i ? last : i};
  }
  return made;
}

// Puts a place into the lowest gap between those that are needed at the same time.
template <std::size_t Capacity>
constexpr void put(places<Capacity>& p, place& here) noexcept {
  here.offset = 0;
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t i = 0; i < p.count; ++i) {
      const place& other = p.all[i];
      if (!other.placed || !here.meets(other)) continue;
      if (here.offset < other.offset + other.elements && other.offset < here.offset + here.elements) {
        here.offset = other.offset + other.elements;
        moved = true;
      }
    }
  }
  here.placed = true;
}

// Places in an order given by `before(a, b)`. Returns the elements in all.
template <std::size_t Capacity, class Before>
constexpr std::size_t put_all(places<Capacity>& p, const Before& before) noexcept {
  std::size_t peak = 0;
  for (std::size_t i = 0; i < p.count; ++i) p.all[i].placed = false;
  for (std::size_t done = 0; done < p.count; ++done) {
    place* next = nullptr;
    for (std::size_t i = 0; i < p.count; ++i) {
      if (!p.all[i].placed && (next == nullptr || before(p.all[i], *next))) next = &p.all[i];
    }
    put(p, *next);
    const std::size_t end = next->offset + next->elements;
    peak = end > peak ? end : peak;
  }
  return peak;
}

// The better of two orders: the largest first, and as they are needed (Pisarchyk and Lee, "Efficient memory management
// for deep neural net inference", 2020, compare such orders). `in_place` is what margins_of takes.
template <std::size_t Capacity>
constexpr memory_plan<Capacity> plan_memory(const network<Capacity>& net, const program<Capacity>& run,
                                            bool in_place = false) noexcept {
  memory_plan<Capacity> made{};
  for (std::size_t i = 0; i < run.count; ++i) {
    const layer_number result = run.steps[i].result;
    made.margins[result] = margins_of(net, run, result, in_place);
  }
  places<Capacity> by_size = places_of(net, run, made.margins), by_time = by_size;
  const std::size_t peak_by_size =
      put_all(by_size, [](const place& a, const place& b) { return a.elements > b.elements; });
  const std::size_t peak_by_time = put_all(by_time, [](const place& a, const place& b) { return a.first < b.first; });
  const places<Capacity>& best = peak_by_size <= peak_by_time ? by_size : by_time;

  made.peak = peak_by_size <= peak_by_time ? peak_by_size : peak_by_time;
  for (std::size_t i = 0; i < net.count; ++i) {
    if (best.owner[i] != no_layer) made.offset[i] = best.all[best.owner[i]].offset;
  }
  for (std::size_t i = 0; i < run.count; ++i) {
    std::size_t live = 0;
    for (std::size_t k = 0; k < best.count; ++k) {
      if (best.all[k].first <= i && i <= best.all[k].last) live += best.all[k].without_margins;
    }
    made.lower_bound = live > made.lower_bound ? live : made.lower_bound;
  }
  return made;
}

}  // namespace bcr::net
