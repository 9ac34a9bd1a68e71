// The library's own convolution as a contender: packed weights, a plan, a workspace, and threads where asked for.
#pragma once

#include <memory>

#include "bcr/core/image.hpp"
#include "conv_contender.hpp"

namespace bench {

// For the blocks that the benchmark knows; null for others. The mask outlives the subject.
std::unique_ptr<conv_contender> make_conv_subject(const block_mask&, bcr::image_layout);

}  // namespace bench
