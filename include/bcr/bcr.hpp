// The library for one target, the one that the compiler's flags allow: include this, link nothing.
#pragma once

#ifdef BCR_DISPATCHED_PLANS
#error "bcr: a file includes bcr/bcr.hpp or bcr/dispatch.hpp, not both: each has a bcr::gemm_plan."
#endif
#define BCR_STATIC_PLANS

#include "bcr/core/executor.hpp"
#include "bcr/core/image.hpp"
#include "bcr/core/matrix_view.hpp"
#include "bcr/core/status.hpp"
#include "bcr/core/version.hpp"
#include "bcr/format/packed_weights.hpp"
#include "bcr/format/pattern.hpp"
#include "bcr/kernels-inl.h"
#include "bcr/op/epilogue.hpp"
#include "bcr/op/sequence.hpp"
#include "bcr/pack/batch_norm.hpp"
#include "bcr/pack/cell.hpp"
#include "bcr/pack/cover.hpp"
#include "bcr/pack/pack.hpp"

namespace bcr {

using BCR_TARGET_NS::add;
using BCR_TARGET_NS::cell_plan;
using BCR_TARGET_NS::conv2d_plan;
using BCR_TARGET_NS::dense_conv2d_plan;
using BCR_TARGET_NS::depthwise_plan;
using BCR_TARGET_NS::gemm_plan;
using BCR_TARGET_NS::global_average;
using BCR_TARGET_NS::linear_plan;
using BCR_TARGET_NS::map;
using BCR_TARGET_NS::pooling_plan;
using BCR_TARGET_NS::softmax;
// The instruction set that these are compiled for, as kernel_name() spells it: "avx3", "neon", "scalar".
using BCR_TARGET_NS::target_name;

}  // namespace bcr
