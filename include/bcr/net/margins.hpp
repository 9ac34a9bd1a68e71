// Which results have margins around their channels, so that convolutions read them in place.
#pragma once

#include <cstddef>

#include "bcr/core/image.hpp"
#include "bcr/net/form.hpp"
#include "bcr/net/record.hpp"
#include "bcr/net/steps.hpp"

namespace bcr::net {

// Whether a step may read its input with margins, and whether it gains by that.
struct margins_use {
  bool can = false, gains = false;
};
template <std::size_t Capacity>
constexpr margins_use use_of_margins(const network<Capacity>& net, const step& s) noexcept {
  if (form_of(net, s) != weights_form::panels) return {};
  const layer& l = net[s.main];
  const image_shape& in = net[s.inputs[0]].shape;
  return {true, l.window.kernel != extent2d{} && l.window.stride == extent2d{1, 1} && l.shape.width == in.width};
}

// The margins of a result: none, where they serve nobody or somebody cannot have them, or the target's kernels do not
// read images in place.
template <std::size_t Capacity>
constexpr channel_margins margins_of(const network<Capacity>& net, const program<Capacity>& run, layer_number result,
                                     bool in_place) noexcept {
  if (!in_place || result == net.output) return {};
  channel_margins made{};
  bool written = false;
  for (std::size_t i = 0; i < run.count; ++i) {
    const step& s = run.steps[i];
    const layer& l = net[s.main];
    if (s.result == result) {
      const bool convolution = l.kind == operation::convolution &&
                               (form_of(net, s) == weights_form::panels || is_depthwise(l, net[s.inputs[0]].shape));
      written = convolution || l.kind == operation::max_pool || l.kind == operation::average_pool;
    }
    if (s.residual == result && l.kind != operation::convolution) return {};
    for (std::size_t k = 0; k < s.input_count; ++k) {
      if (s.inputs[k] != result) continue;
      const margins_use use = use_of_margins(net, s);
      if (!use.can) return {};
      if (!use.gains) continue;
      const channel_margins wanted = margins_for(net[result].shape, l.window);
      if (wanted.front > made.front) made = wanted;
    }
  }
  return written ? made : channel_margins{};
}

}  // namespace bcr::net
