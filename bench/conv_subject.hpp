// The library's own convolution as a contender: packed weights, a plan, a workspace, and threads where asked for.
#pragma once

#include <memory>

#include "conv_contender.hpp"

namespace bench {

// How images lie in memory. With margins, a convolution that can reads its input in place.
enum class image_form { nchw, margins, nhwc };
constexpr const char* name(image_form form) {
  return form == image_form::nhwc ? "nhwc" : form == image_form::margins ? "margins" : "nchw";
}

// For the blocks that the benchmark knows; null for others. The mask outlives the subject.
std::unique_ptr<conv_contender> make_conv_subject(const block_mask&, image_form);

}  // namespace bench
